"""How a recording is changed where a test isn't about that: in time, telling nobody of waits, and with permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.recording.ports import ChangeOptions, nobody_else, tell_nobody

if TYPE_CHECKING:
    from bot.recording.call import Participant
    from bot.recording.ports import Clock


def within(clock: Clock, seconds: float = 25.0) -> ChangeOptions:
    """Return options of a person's change that no other process could have taken over."""
    return ChangeOptions(clock.monotonic() + seconds, tell_nobody, nobody_else)


def permit_anyone(_agent: Participant | None) -> None:
    """Permit any reading."""
