"""The relay of the cards: stateless, it brings Slack's cards up to date with the database."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.i18n.shorten import shorten
from bot.outbox.card_backoff import CardBackoff
from bot.outbox.relay import Backoff, is_final, run_to_completion
from bot.recording.models import RecordingState
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.card import CardStyle, card
from bot.slack.blocks.mrkdwn import slack_user
from bot.slack.client import WEB_API_ERRORS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.i18n.catalog import Translations
    from bot.recording.card import Card
    from bot.slack.shared_channels import SharedChannels

log = structlog.get_logger(__name__)

CARDS_AT_ONCE = 50
ANSWER_WITHIN = timedelta(seconds=10)
"""After this, a start that failed is told by its card, to the person alone, if nothing else has told them."""
PLAIN_CHARACTERS = 3000
"""Less than Slack takes as the text of a message, and more than the text of a card has."""


class CardOutbox(Protocol):
    """Which cards are behind, and what has been shown of them."""

    @property
    def confirm(self) -> Callable[[], Awaitable[None]]: ...

    async def stale_cards(self, *, limit: int = 50) -> tuple[Card, ...]: ...

    async def card_shown(
        self, recording_id: UUID, *, version: int, channel: str, ts: str, was: int | None = None, of: str | None = None
    ) -> None: ...

    async def card_given_up(self, recording_id: UUID, *, version: int, of: str | None = None) -> None: ...

    async def card_begun(self, recording_id: UUID, *, of: str | None = None) -> None: ...

    async def card_refused(self, recording_id: UUID, *, of: str | None = None) -> None: ...

    async def card_lost(self, recording_id: UUID, *, of: str | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class CardPublisher:
    """Posts the card of a new recording, and edits it whenever the recording's version has moved on.

    Cards are in the language of the person who asked for the recording. A card that Slack does not take waits by
    itself (``CardBackoff``) and delays no other.
    """

    client: AsyncWebClient
    outbox: CardOutbox
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
        if await self._publish_those(stale):
            return 0.0
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
