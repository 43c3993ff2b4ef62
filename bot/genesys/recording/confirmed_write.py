"""Changes something in Genesys once, and trusts only what an event or a reading shows afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
    from contextlib import AbstractContextManager

    from bot.genesys.call_events import EventWatch
    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.answer import Answer
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions
    from bot.genesys.transport.request import GenesysRequest

Seen = TypeVar("Seen")
Look = Callable[["Answer | None"], Awaitable[Seen]]
"""Reads the changed state; gets the answer to the write, if there was one."""


@dataclass(frozen=True, slots=True)
class Changed(Generic[Seen]):
    """A state as requested. ``ours`` is False if someone else caused it."""

    seen: Seen
    evidence: Evidence
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Push(Generic[Seen]):
    """The events of the call that is changed."""

    conversation_id: str
    user_id: str | None
    """The agent whose events tell of the call."""
    shown: Callable[[CallReading], Seen | None]
    """Returns what an event shows if that is evidence of the effect."""


@dataclass(frozen=True)
class ConfirmedWrite(Generic[Seen]):
    """A write, the read of its effect, and the expected state. ``push`` is None where no events tell of it."""

    client: GenesysClient
    request: GenesysRequest
    read_call: Look[Seen]
    wanted: Callable[[Seen], bool]
    options: RequestOptions
    push: Push[Seen] | None = None
    check_answer: Callable[[Answer], None] | None = None
    """Raises what an accepted answer says was refused after all."""

    async def make(self) -> Changed[Seen]:
        """Send the write and return once an event or a reading shows its effect.

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
        with self._watched() as watch:
            try:
                answer = await self.client.write(self.request, self.options)
            except OutcomeUnknown as unanswered:
                return await self._confirmed(None, unanswered, watch)
            if self.check_answer is not None:
                self.check_answer(answer)
            accepted = OutcomeUnknown(
                "Genesys accepted the change, and nothing has shown its effect yet.", evidence=answer.evidence
            )
            return await self._confirmed(answer, accepted, watch)

    def _watched(self) -> AbstractContextManager[EventWatch[CallReading] | None]:
        return nullcontext() if self.push is None else self.client.events.watch(self.push.conversation_id)

    async def _confirmed(
        self, answer: Answer | None, unknown: OutcomeUnknown, watch: EventWatch[CallReading] | None
    ) -> Changed[Seen]:
        """Wait until an event or a reading shows the state as requested, or raise ``unknown`` when the time is up."""
        clock, times = self.client.clock, self.client.effect_times
        began = clock.monotonic()
        for at in times.readings(events_flow=watch is not None and watch.conclusive and self._events_flow()):
            if began + at >= self.options.deadline:
                break
            seen = await self._pushed(watch, began + at)
            if seen is None:
                seen = await self._read(answer, unknown)
            if seen is not None:
                times.note(clock.monotonic() - began)
                return Changed(seen, evidence=unknown.evidence)
        raise unknown

    def _events_flow(self) -> bool:
        return self.push is not None and self.push.user_id in self.client.events.flowing()

    async def _pushed(self, watch: EventWatch[CallReading] | None, until: float) -> Seen | None:
        """Wait until the next reading is due; return what an event has shown by then, if that proves the effect.

        An event that may be older than the write proves nothing, but the call is read at once.
        """
        clock = self.client.clock
        while (left := until - clock.monotonic()) > 0:
            if watch is None or self.push is None:
                await clock.sleep(left)
                continue
            event = watch.take()
            if event is not None:
                seen = self.push.shown(event)
                if seen is not None and watch.conclusive:
                    return seen
                if seen is not None or event.over:
                    return None
            await _either(watch.arrived.wait(), clock.sleep(left))
        return None

    async def _read(self, answer: Answer | None, unknown: OutcomeUnknown) -> Seen | None:
        """Read once; return the state if it is as requested. Raise CallEnded, or ``unknown`` if it can't be read."""
        try:
            seen = await self.read_call(answer)
        except CallEnded:
            raise
        except CallNotFound as gone:
            raise CallEnded(evidence=gone.evidence) from gone
        except GenesysUnavailable:
            return None  # it may answer the next reading
        except GenesysError as blind:
            raise unknown from blind
        return seen if self.wanted(seen) else None

    async def _by_others(self, conflict: Conflict) -> Changed[Seen] | None:
        seen = await self.read_call(None)
        return Changed(seen, evidence=conflict.evidence, ours=False) if self.wanted(seen) else None


async def _either(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of these, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
