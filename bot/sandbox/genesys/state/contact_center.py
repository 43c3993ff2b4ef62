"""All conversations of the simulated organization, and the events that change them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant
from bot.sandbox.genesys.state.people import STAFF, Directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Outcome = TypeVar("Outcome")


@dataclass(slots=True)
class Floor:
    """The world behind the API. Whatever changes a call goes through here, so that everybody hears of it."""

    clock: Callable[[], float]
    directory: Directory = field(default_factory=Directory)
    calls: dict[str, SimulatedCall] = field(default_factory=dict)
    chats: dict[str, SimulatedCall] = field(default_factory=dict)
    listeners: list[Callable[[SimulatedCall], None]] = field(default_factory=list)
    """Called with a conversation after each change to it."""

    def find(self, conversation_id: str) -> SimulatedCall | None:
        return self.calls.get(conversation_id) or self.chats.get(conversation_id)

    def change(self, call: SimulatedCall, how: Callable[[], Outcome]) -> Outcome:
        """Apply ``how`` to ``call`` and tell everybody."""
        outcome = how()
        call.note_recording(self.clock() if call.ended_at is None else call.ended_at)
        for listener in list(self.listeners):
            listener(call)
        return outcome

    def add_call(
        self,
        *,
        agent: str = "Priya Nair",
        queue: str = "Billing",
        direction: str = "inbound",
        policy_recording: str | None = None,
        secure_pause: bool = False,
        agents: int = 1,
        colleagues: Sequence[str] = (),
        held: bool = False,
        recording: bool = False,
        caller: str = "Caller",
        started_ago: float = 0.0,
        conversation_id: str | None = None,
        division: str | None = None,
    ) -> SimulatedCall:
        """Put a call on the floor.

        ``policy_recording`` is active, paused or None; paused without ``secure_pause`` puts the call on hold, since
        nothing else pauses it. ``recording`` begins with the ad-hoc recorder on. With ``agents=0`` the caller
        still waits in the queue; beyond one, colleagues join: those named, then others. ``started_ago`` is in seconds.
        ``division`` is the call's and the agent's; without one it is the home division.
        """
        at = self.clock() - started_ago
        policy = policy_recording is not None or secure_pause
        call = SimulatedCall(
            conversation_id=conversation_id or str(uuid4()),
            queue=queue,
            direction=direction,
            started_at=at,
            policy=policy,
            secure_pause=secure_pause,
        )
        customer = call.add("customer", caller, at)
        acd = self._enter_queue(call, at) if direction == "inbound" else None
        if division is not None:
            call.divisions = [division]
            self.directory.divisions[self.directory.user_id(agent)] = division
        for name in _crew(agent, agents, colleagues):
            self._join(call, name, at, peer=customer)
        if acd is not None and agents:
            acd.disconnect(at, "transfer")
        if recording and call.agents:
            call.agents[0].adhoc = True
        if held or (policy_recording == "paused" and not secure_pause):
            call.hold(at, on=True)
        if call.recording != "none":
            call.begin_recorded()
        self.calls[call.conversation_id] = call
        self.change(call, lambda: None)
        return call

    def add_chat(
        self,
        *,
        agent: str = "Sofie Lindqvist",
        queue: str = "Support",
        started_ago: float = 0.0,
        conversation_id: str | None = None,
    ) -> SimulatedCall:
        """Put a web chat on the floor, which no call API knows what to do with."""
        at = self.clock() - started_ago
        chat = SimulatedCall(
            conversation_id=conversation_id or str(uuid4()),
            queue=queue,
            direction="inbound",
            started_at=at,
            media="chat",
        )
        customer = chat.add("customer", "Visitor", at)
        self._join(chat, agent, at, peer=customer)
        self.chats[chat.conversation_id] = chat
        self.change(chat, lambda: None)
        return chat

    def agent_joins(self, call: SimulatedCall, agent: str, *, role: str = "agent") -> SimulatedParticipant:
        """Let somebody join: as an agent, or as a monitor, coach or barge of the first agent."""
        at = self.clock()
        watched = call.agents[0].id if role != "agent" and call.agents else None

        def join() -> SimulatedParticipant:
            joined = self.add_agent(call, agent, at)
            if role == "agent":
                _leave_queue(call.participants, at)
                return joined
            joined.purpose = "user"
            joined.monitored_id = watched if role == "monitor" else None
            joined.coached_id = watched if role == "coach" else None
            joined.barged_id = watched if role == "barge" else None
            return joined

        return self.change(call, join)

    def snapshot(self) -> dict[str, Any]:
        return {
            "calls": [_call_snapshot(call) for call in self.calls.values()],
            "chats": [_call_snapshot(chat) for chat in self.chats.values()],
        }

    def _enter_queue(self, call: SimulatedCall, at: float) -> SimulatedParticipant:
        acd = call.add("acd", call.queue, at)
        acd.queue_id, acd.queue_name = self.directory.queue_id(call.queue), call.queue
        return acd

    def add_agent(self, call: SimulatedCall, name: str, at: float) -> SimulatedParticipant:
        """Add an agent's leg, connected, without telling anybody; call it from what ``change`` applies."""
        return self._join(call, name, at, peer=call.participants[0])

    def _join(self, call: SimulatedCall, name: str, at: float, *, peer: SimulatedParticipant) -> SimulatedParticipant:
        joined = call.add("agent", name, at)
        joined.user_id = self.directory.user_id(name)
        joined.queue_id, joined.queue_name = self.directory.queue_id(call.queue), call.queue
        joined.peer_id = peer.communication_id
        return joined


def _leave_queue(participants: Iterable[SimulatedParticipant], at: float) -> None:
    for participant in participants:
        if participant.purpose == "acd":
            participant.disconnect(at, "transfer")


def _crew(agent: str, count: int, colleagues: Sequence[str]) -> list[str]:
    others = (name for name in STAFF if name not in {agent, *colleagues})
    newcomers = (f"Agent {number}" for number in itertools.count(1))
    return list(itertools.islice(itertools.chain([agent], colleagues, others, newcomers), count))


def _call_snapshot(call: SimulatedCall) -> dict[str, Any]:
    first = next((p.name for p in call.participants if p.user_id and not p.watches), None)
    return {
        "conversation_id": call.conversation_id,
        "media": call.media,
        "agent": first,
        "queue": call.queue,
        "direction": call.direction,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "state": "ended" if call.over else "held" if call.held else "connected",
        "recording": call.recording,
        "secure_pause": call.secure_pause,
        "mechanism": call.mechanism,
        "consulting": any(agent.consult_id for agent in call.agents),
        "ringing": any(participant.state == "alerting" for participant in call.participants),
        "snippet": any(agent.snippet for agent in call.agents),
        "agents": [
            {
                "participant_id": agent.id,
                "user_id": agent.user_id,
                "name": agent.name,
                "held": agent.held,
                "recording": call.recording_on(agent),
            }
            for agent in call.agents
        ],
    }
