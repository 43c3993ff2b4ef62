"""Back-off for cards that Slack did not accept: each has its own, so that none delays another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from bot.slack.api_errors import DeliveryFailure, code, retry_after, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.recording.card import Card
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

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
