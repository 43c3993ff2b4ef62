"""A stand-in for Genesys behind the domain's port: one call, and whatever goes wrong is chosen by the test."""
# ruff: noqa: ARG002  the port decides the parameters

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.recording.call import CallRecording, Participant
from bot.recording.handover import AgentLeg
from bot.recording.models import ConfirmedChange, Conversation, Mechanism, Target
from bot.recording.ports import Priority

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.recording.ports import ChangeOptions, Permit, Progress, StillOurs

AGENT = Participant("participant-1", "user-1", "Priya Nair", "queue-1", "Billing")


@dataclass
class FakeControl:
    """Holds what each call's recording is; ``fault`` is raised before anything happens, ``late_fault`` after."""

    recordings: dict[str, CallRecording] = field(default_factory=dict)
    mechanism: Mechanism = Mechanism.ADHOC
    fault: Exception | None = None
    late_fault: Exception | None = None
    calls: list[str] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    """Of the calls that have one, in order; those of starts are apart."""
    start_priorities: list[Priority] = field(default_factory=list)

    agents: dict[str, Participant | None] = field(default_factory=dict)
    """Who is on which call, where that isn't the usual agent; None: a reading can't tell."""
    connected_at: dict[str, datetime] = field(default_factory=dict)
    """Since when the agent of a call is connected, where a reading says so."""
    start_fault: Exception | None = None
    """Raised by starts alone, before anything happens."""
    before_write: Callable[[], Awaitable[None]] | None = None
    gate: asyncio.Event | None = None

    async def start(
        self, target: Target, how: ChangeOptions, *, reason_code: str | None, permit: Permit
    ) -> ConfirmedChange:
        self.start_priorities.append(how.priority)
        agent = self.agents.get(target.conversation_id, AGENT)
        permit(agent)
        if self.start_fault is not None:
            self.calls.append("start")
            raise self.start_fault
        return await self._write("start", target, CallRecording.ACTIVE, how.still_ours)

    async def stop(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        self.priorities.append(how.priority)
        return await self._write("stop", target, CallRecording.NONE, how.still_ours)

    async def pause(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        self.priorities.append(how.priority)
        return await self._write("pause", target, CallRecording.PAUSED, how.still_ours)

    async def resume(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        return await self._write("resume", target, CallRecording.ACTIVE, how.still_ours)

    async def read_call(
        self, target: Target, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> Conversation:
        self.priorities.append(priority)
        self.calls.append("look")
        if self.fault is not None:
            raise self.fault
        recording = self.recordings.get(target.conversation_id, CallRecording.NONE)
        agent = self.agents.get(target.conversation_id, AGENT)
        agents = () if agent is None else (agent,)
        since = self.connected_at.get(target.conversation_id)
        legs = tuple(AgentLeg(one, connected=True, over=False, connected_at=since) for one in agents if since)
        return Conversation(target.conversation_id, connected=True, recording=recording, agents=agents, legs=legs)

    async def _write(self, verb: str, target: Target, wanted: CallRecording, still_ours: StillOurs) -> ConfirmedChange:
        if self.before_write is not None:
            await self.before_write()
        await still_ours()
        self.calls.append(verb)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.recordings[target.conversation_id] = wanted
        if self.late_fault is not None:
            raise self.late_fault
        return ConfirmedChange(self.mechanism, agent=self.agents.get(target.conversation_id, AGENT))
