"""The deadline of an action, who is told about waits, and its priority."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.genesys.transport.rate_limiter import Rank
from bot.recording.ports import Priority, nobody_else, tell_nobody

if TYPE_CHECKING:
    from bot.recording.ports import ChangeOptions, Progress, StillOurs


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The deadline of an action, and who is told when it has to wait.

    ``deadline`` is a reading of the clock's ``monotonic``; nothing is sent after it.
    """

    deadline: float
    progress: Progress
    priority: Priority = Priority.PERSON
    confirms: bool = False
    """Whether it reads the effect of what was sent already: then nothing may keep it from trying."""

    protects: bool = False
    """Whether it is a secure pause or a stop, which go first if a person requests them."""

    still_ours: StillOurs = nobody_else

    @classmethod
    def of(cls, how: ChangeOptions, *, protects: bool = False) -> RequestOptions:
        """Return the options of a change's requests. ``protects``: it is a stop or a secure pause."""
        return cls(how.deadline, how.progress, how.priority, protects=protects, still_ours=how.still_ours)

    def confirming(self) -> RequestOptions:
        return replace(self, confirms=True)

    @property
    def rank(self) -> Rank:
        if self.confirms:
            return Rank.CONFIRMATION
        if self.protects and self.priority is Priority.PERSON:
            return Rank.PROTECTION
        return Rank.PERSON if self.priority is Priority.PERSON else Rank.LOOP


def unattended(deadline: float, priority: Priority = Priority.LOOP) -> RequestOptions:
    """Return the options of requests about whose waits nobody is told."""
    return RequestOptions(deadline, tell_nobody, priority)
