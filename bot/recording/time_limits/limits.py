"""Time limits: how long a pause, or a recording that was started by hand, may last before the bot ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import MalformedLength
from bot.recording.models import RecordingState, Verb
from bot.recording.time_limits.lengths import LEAST, MOST, parsed_length

if TYPE_CHECKING:
    from datetime import datetime

    from bot.recording.models import Recording

ANNOUNCED = timedelta(seconds=15)
"""How long before the end a message announces it."""
APART = timedelta(minutes=1)
"""A pause that begins sooner than this after the last one goes on from it, where their length counts."""
ALWAYS_ALONE = timedelta(seconds=30)
"""How long one supervisor may pause in any case: a customer who begins to read out card details can't wait."""
EXTEND_ACTION = "recording:extend"
EXTEND_VERB = "extend"
GUARD_SOURCE = "guard"
"""The source of the bot's own requests because a time is up."""


class Limit(StrEnum):
    """What ends by itself."""

    PAUSE = "pause"
    RECORDING = "recording"

    @property
    def verb(self) -> Verb:
        """What the bot does when the time is up."""
        return Verb.RESUME if self is Limit.PAUSE else Verb.STOP

    @property
    def states(self) -> frozenset[RecordingState]:
        """In which states a recording can be ended by it, or its time extended."""
        return frozenset({RecordingState.PAUSED} | ({RecordingState.ACTIVE} if self is Limit.RECORDING else set()))

    def until(self, recording: Recording) -> datetime | None:
        """Return when the time is up; None: never."""
        return recording.pause_until if self is Limit.PAUSE else recording.run_until

    def since(self, recording: Recording) -> datetime | None:
        return recording.paused_at if self is Limit.PAUSE else recording.started_at

    def step(self, recording: Recording) -> timedelta:
        """Return the length that was asked for at first: an extension adds it again."""
        return timedelta(seconds=(recording.pause_seconds if self is Limit.PAUSE else recording.run_seconds) or 0)

    def person(self, recording: Recording) -> str | None:
        """Return who is told that the time is nearly up."""
        return recording.paused_by if self is Limit.PAUSE else recording.started_by


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """What the settings allow; None: it never ends by itself."""

    pause: timedelta | None = None
    recording: timedelta | None = None

    def pause_for(self, length: timedelta | None) -> timedelta | None:
        """Return how long a pause may last for which a person has typed a length, or none."""
        return min((one for one in (length, self.pause) if one is not None), default=None)


def running_limit(recording: Recording) -> Limit | None:
    """Return what ends by itself now: the pause of a paused recording, or the recording; None if nothing does."""
    if recording.in_doubt:
        return None
    limit = Limit.PAUSE if recording.state is RecordingState.PAUSED else Limit.RECORDING
    return limit if recording.state in limit.states and limit.until(recording) is not None else None


def used_before(recording: Recording, now: datetime) -> int:
    """Return for how many seconds a recording was paused before a pause that begins now and goes on from it."""
    since = recording.resumed_at
    return 0 if since is None or now - since >= APART else recording.pause_used


def left_for_one(alone: timedelta | None, used: int) -> timedelta | None:
    """Return what is left of the length for which one supervisor alone may pause; None: there is no limit."""
    return None if alone is None else max(alone - timedelta(seconds=used), min(alone, ALWAYS_ALONE))


def length_of(typed: str) -> timedelta:
    """Read how long a pause is to last. Raise MalformedLength."""
    length = parsed_length(typed)
    if length is None or not LEAST <= length <= MOST:
        raise MalformedLength
    return length
