"""Options of a change, and a permit, for tests that are about something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.recording.ports import ChangeOptions, nobody_else, tell_nobody

if TYPE_CHECKING:
    from bot.recording.call import Participant
    from bot.recording.ports import Clock


def within(clock: Clock, seconds: float = 25.0) -> ChangeOptions:
    """Return the options of a person's change that waits in silence and that no other process takes over."""
    return ChangeOptions(clock.monotonic() + seconds, tell_nobody, nobody_else)


def permit_anyone(_agent: Participant | None) -> None:
    """Permit any reading."""
