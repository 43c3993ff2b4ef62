"""Changes something in Genesys once, and trusts only what it reads afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Generic, TypeVar

from bot.errors import (
    CallEnded,
    CallNotFound,
    Conflict,
    Evidence,
    GenesysError,
    GenesysUnavailable,
    OutcomeUnknown,
)

if TYPE_CHECKING:
    from bot.genesys.transport.answer import Answer
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import Within
    from bot.genesys.transport.request import Request

Seen = TypeVar("Seen")
Look = Callable[["Answer | None"], Awaitable[Seen]]
"""Reads the changed state; gets the answer to the write, if there was one."""


@dataclass(frozen=True, slots=True)
class Changed(Generic[Seen]):
    """A state as requested. ``ours`` is False if someone else caused it."""

    seen: Seen
    evidence: Evidence
    ours: bool = True


@dataclass(frozen=True)
class Change(Generic[Seen]):
    """A write, the read of its effect, and the expected state."""

    client: GenesysClient
    request: Request
    read_call: Look[Seen]
    wanted: Callable[[Seen], bool]
    within: Within
    check_answer: Callable[[Answer], None] | None = None
    """Raises what an accepted answer says was refused after all."""

    async def make(self) -> Changed[Seen]:
        """Send the write and return once a reading shows its effect.

        Raise OutcomeUnknown when none does before the deadline: what was sent may still take effect. A write that
        was answered with a conflict is sent once more, where the state is still not as wanted.
        """
        try:
            return await self._once()
        except Conflict as conflict:
            if changed := await self._by_others(conflict):
                return changed
        try:
            return await self._once()
        except Conflict as conflict:
            if changed := await self._by_others(conflict):
                return changed
            raise

    async def _once(self) -> Changed[Seen]:
        try:
            answer = await self.client.write(self.request, self.within)
        except OutcomeUnknown as unanswered:
            return await self._confirmed(None, unanswered)
        if self.check_answer is not None:
            self.check_answer(answer)
        accepted = OutcomeUnknown(
            "Genesys accepted the change, and no reading has shown its effect yet.", evidence=answer.evidence
        )
        return await self._confirmed(answer, accepted)

    async def _confirmed(self, answer: Answer | None, unknown: OutcomeUnknown) -> Changed[Seen]:
        """Read until the state is as requested, or raise ``unknown`` when the time is up."""
        delays = chain(self.client.confirm_delays, repeat(self.client.confirm_delays[-1]))
        while await self.client.pause(next(delays), self.within):
            try:
                seen = await self.read_call(answer)
            except CallEnded:
                raise
            except CallNotFound as gone:
                raise CallEnded(evidence=gone.evidence) from gone
            except GenesysUnavailable:
                continue  # it may answer the next look
            except GenesysError as blind:
                raise unknown from blind
            if self.wanted(seen):
                return Changed(seen, evidence=unknown.evidence)
        raise unknown

    async def _by_others(self, conflict: Conflict) -> Changed[Seen] | None:
        seen = await self.read_call(None)
        return Changed(seen, evidence=conflict.evidence, ours=False) if self.wanted(seen) else None
