"""The relay of the cards: stateless, it brings Slack's cards up to date with the database.

A card that Slack does not take waits by itself, and delays no other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.i18n.shorten import shorten
from bot.outbox.relay import Backoff, is_final, run_to_completion
from bot.recording.models import RecordingState
from bot.slack.api_errors import DeliveryFailure, code, retry_after, verdict
from bot.slack.blocks.card import CardStyle, card
from bot.slack.blocks.mrkdwn import slack_user
from bot.slack.client import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.database.outbox.deliveries import SqlOutbox
    from bot.i18n.catalog import Translations
    from bot.recording.card import Card
    from bot.recording.ports import Clock
    from bot.slack.shared_channels import SharedChannels

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0
UPDATES = "chat.update"
"""Slack limits edits for the whole workspace, and posts for each channel."""

Key = tuple[UUID, str]


@dataclass
class _Held:
    failures: int
    until: float
    problem: str


@dataclass
class CardBackoff:
    """Remembers which cards wait, and until when on the clock's ``monotonic``. A restart tries them all at once."""

    clock: Clock
    _held: dict[Key, _Held] = field(default_factory=dict)
    _limited: dict[str, float] = field(default_factory=dict)
    """Until when Slack takes nothing more: edits, or posts in a channel."""
    _silent: set[Key] = field(default_factory=set)
    """The cards since the last success whose fate Slack left unknown."""
    _refusing: dict[str, str] = field(default_factory=dict)
    """Channels of routes that take no card, with Slack's word for why."""

    def waits(self, card: Card) -> bool:
        held, now = self._held.get(card.key), self.clock.monotonic()
        return (held is not None and now < held.until) or now < self._limited.get(_limit(card), 0.0)

    def seconds_to_next(self) -> float | None:
        """Return how long until the next card may be tried; None if none waits."""
        now = self.clock.monotonic()
        times = [held.until for held in self._held.values()] + list(self._limited.values())
        return min((until - now for until in times if until > now), default=None)

    def __len__(self) -> int:
        return len(self._held)

    def keep_only(self, keys: Iterable[Key]) -> None:
        """Forget the cards that are no longer behind."""
        for gone in self._held.keys() - set(keys):
            del self._held[gone]

    def failed(self, card: Card, error: Exception) -> None:
        """Have the card, or all that share its rate limit, wait."""
        now, seconds = self.clock.monotonic(), retry_after(error)
        if seconds is not None:
            self._limited[_limit(card)] = now + seconds
        else:
            before = self._held.get(card.key)
            failures = 1 if before is None else before.failures + 1
            seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (failures - 1))
            self._held[card.key] = _Held(failures, now + seconds, code(error))
            if verdict(error) is DeliveryFailure.UNKNOWN:
                self._silent.add(card.key)
        log.warning("card_publish_failed", recording_id=str(card.recording.id), error=code(error), wait=seconds)

    def shown(self, card: Card) -> None:
        """Note a success: Slack is there, so what waited because it was away is tried now."""
        if self.slack_is_away:
            for key in self._silent & self._held.keys():
                self._held[key].until = self.clock.monotonic()
        self._silent.clear()
        self._held.pop(card.key, None)
        self._refusing.pop(card.channel, None)

    def given_up(self, card: Card, error: Exception) -> None:
        """Note a final refusal; that of a route is worth telling, since its channel needs someone's attention."""
        self._held.pop(card.key, None)
        if card.routed:
            self._refusing[card.channel] = code(error)

    @property
    def slack_is_away(self) -> bool:
        """Whether one card after another got no usable answer: then the fault is hardly the cards'."""
        return len(self._silent) > 1

    @property
    def problem(self) -> str | None:
        """Return what prevents cards from being shown now, as Slack's error; None if nothing does."""
        refusing = [f"{error} in the route's channel {channel}" for channel, error in self._refusing.items()]
        return "; ".join(dict.fromkeys([*(held.problem for held in self._held.values()), *refusing])) or None


def _limit(card: Card) -> str:
    return card.channel if card.ts is None else UPDATES


log = structlog.get_logger(__name__)

CARDS_AT_ONCE = 50
ANSWER_WITHIN = timedelta(seconds=10)
"""After this, a start that failed is told by its card, to the person alone, if nothing else has told them."""
PLAIN_CHARACTERS = 3000
"""Less than Slack takes as the text of a message, and more than the text of a card has."""


@dataclass(frozen=True, slots=True)
class CardPublisher:
    """Posts the card of a new recording, and edits it whenever the recording's version has moved on.

    Cards are in the language of the person who asked for the recording. A card that Slack does not take waits by
    itself (``CardBackoff``) and delays no other.
    """

    client: AsyncWebClient
    outbox: SqlOutbox
    style: CardStyle
    languages: Translations
    changes: asyncio.Event
    pace: Backoff
    on_shown: Callable[[UUID, float], None] | None = None
    """Called with each card that shows the newest state: its recording, and the seconds that Slack took."""
    shared_channels: SharedChannels | None = None
    """Says whether another organization reads a route's channel; no command is typed there that would tell."""
    backoff: CardBackoff = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "backoff", CardBackoff(self.pace.clock))

    async def step(self) -> float | None:
        """Publish; return after how long a card that waits may be tried again."""
        stale = await self._stale()
        if await self._publish_those(stale) and (self.backoff or len(stale) >= CARDS_AT_ONCE):
            return 0.0  # some were not shown, or there are more; what was written meanwhile has set ``changes``
        unanswered = [seconds for seconds in map(self._seconds_withheld, stale) if 0 < seconds < math.inf]
        again = self.backoff.seconds_to_next()
        return min(unanswered if again is None else [again, *unanswered], default=None)

    async def publish_all(self) -> bool:
        """Bring the cards that are behind up to date; False if there is none that may be tried now."""
        return await self._publish_those(await self._stale())

    async def _publish_those(self, stale: Sequence[Card]) -> bool:
        tried = False
        for one in stale:
            if self._waits(one):
                continue
            tried = True
            if not await self._publish(one):
                break
        self.pace.problem = self.backoff.problem
        return tried

    async def _stale(self) -> tuple[Card, ...]:
        """Return cards that are behind; more of them while all that were found wait, so that they hide no other."""
        limit = CARDS_AT_ONCE + len(self.backoff)
        while True:
            stale = await self.outbox.stale_cards(limit=limit)
            if len(stale) < limit:
                self.backoff.keep_only(one.key for one in stale)
                return stale
            if not all(map(self._waits, stale)):
                return stale
            limit *= 2

    def _waits(self, stale: Card) -> bool:
        return self.backoff.waits(stale) or self._seconds_withheld(stale) > 0

    def _seconds_withheld(self, stale: Card) -> float:
        """Return for how long the card may not be posted yet; infinity: until the recording changes.

        A start gets its card once the call was found: it runs, or may run. One that failed before is answered to the
        person alone; if that was not noted in time (the process may be gone), its card goes to the person.
        """
        recording = stale.recording
        if stale.ts is not None or stale.posts_begun or stale.routed or recording.in_doubt:
            return 0.0
        if recording.state is RecordingState.STARTING:
            return math.inf
        if recording.state is not RecordingState.FAILED or recording.ended_at is None:
            return 0.0
        passed = self.pace.clock.now() - recording.ended_at
        return (ANSWER_WITHIN - passed).total_seconds() if passed >= timedelta() else 0.0  # 0: a clock set back

    async def _publish(self, stale: Card) -> bool:
        """Show one card; False if Slack is away, which no other card would change."""
        error = await run_to_completion(self._draw(stale))
        if error is not None:
            self.backoff.failed(stale, error)
        self.pace.problem = self.backoff.problem
        if error is None or not self.backoff.slack_is_away:
            return True
        await self.pace.wait_after(error, "card")
        return False

    async def _draw(self, stale: Card) -> Exception | None:
        """Show the card as it is now; return what Slack says that is worth another try."""
        began = self.pace.clock.monotonic()
        try:
            channel, ts = await self._show(stale)
        except WEB_API_ERRORS as error:
            return await self._not_shown(stale, error)
        self.backoff.shown(stale)
        self.pace.went_well()
        self.pace.problem = self.backoff.problem  # that of the cards that still wait
        await self.outbox.card_shown(
            stale.recording.id,
            version=stale.recording.version,
            channel=channel,
            ts=ts,
            was=stale.rendered_version,
            of=stale.channel,
        )
        if self.on_shown is not None:
            self.on_shown(stale.recording.id, self.pace.clock.monotonic() - began)
        return None

    async def _not_shown(self, stale: Card, error: Exception) -> Exception | None:
        """Note what Slack's answer means for the card; return it if it is worth another try."""
        found = verdict(error)
        if stale.ts is not None and found in {DeliveryFailure.GONE, DeliveryFailure.UNREACHABLE}:
            # It is posted again, to the person if need be.
            await self.outbox.card_lost(stale.recording.id, of=stale.channel)
            self.changes.set()
            return None
        if is_final(error):
            log.warning("card_publish_refused", recording_id=str(stale.recording.id), error=code(error))
            self.backoff.given_up(stale, error)
            await self.outbox.card_given_up(stale.recording.id, version=stale.recording.version, of=stale.channel)
            return None
        if stale.ts is None and found is not DeliveryFailure.UNKNOWN:
            await self.outbox.card_refused(stale.recording.id, of=stale.channel)
        return error

    async def _show(self, stale: Card) -> tuple[str, str]:
        whole, plain = self._contents(await self._with_sharing(stale))
        if stale.ts is not None and stale.posted_channel is not None:
            await self.outbox.confirm()  # others were published since it was read; it may show a newer state by now
            try:
                await self.client.chat_update(channel=stale.posted_channel, ts=stale.ts, **whole)
            except WEB_API_ERRORS as error:
                _require_unacceptable(stale, error)
                await self.client.chat_update(channel=stale.posted_channel, ts=stale.ts, **plain)
            return stale.posted_channel, stale.ts
        await self.outbox.card_begun(stale.recording.id, of=stale.channel)
        user = None if stale.routed else slack_user(stale.asked_by)
        never_ran = stale.recording.state is RecordingState.FAILED and stale.posts_begun == 0
        try:
            return await self._post(stale, user if never_ran and user else stale.channel, whole, plain)
        except WEB_API_ERRORS as error:
            if not is_final(error) or user in {None, stale.channel}:
                raise
            log.warning("card_redirected", recording_id=str(stale.recording.id), error=code(error))
        # Slack takes it nowhere where the command was typed; the person who asked gets the card directly.
        return await self._post(stale, str(user), whole, plain)

    async def _post(self, stale: Card, channel: str, whole: dict[str, Any], plain: dict[str, Any]) -> tuple[str, str]:
        """Post the card, or its text alone if Slack takes no such blocks."""
        quiet: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
        try:
            answer = await self.client.chat_postMessage(channel=channel, **whole, **quiet)
        except WEB_API_ERRORS as error:
            _require_unacceptable(stale, error)
            answer = await self.client.chat_postMessage(channel=channel, **plain, **quiet)
        return str(answer["channel"]), str(answer["ts"])

    async def _with_sharing(self, stale: Card) -> Card:
        if not stale.routed or self.shared_channels is None:
            return stale
        return replace(stale, shared_channel=await self.shared_channels.ask(stale.channel) is True)

    def _contents(self, stale: Card) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the card, and a minimal version with the recording's state."""
        text, blocks = card(stale, self.style.in_(self.languages.of(stale.language)))
        metadata = {
            "event_type": "recording_card",
            "event_payload": {"recording_id": str(stale.recording.id), "version": stale.recording.version},
        }
        whole = {"text": text, "blocks": blocks, "parse": "none", "metadata": metadata}
        return whole, {"text": shorten(text, PLAIN_CHARACTERS), "parse": "none"}


def _require_unacceptable(stale: Card, error: Exception) -> None:
    """Raise the error unless it is about the message itself, of which less may be taken."""
    if verdict(error) is not DeliveryFailure.UNACCEPTABLE:
        raise error
    log.error("card_rejected", recording_id=str(stale.recording.id), error=code(error))
