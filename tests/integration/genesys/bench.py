from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from bot.genesys import ConversationsControl, GenesysClients, SessionsControl
from bot.genesys.clients.control import ClientsControl
from bot.recording.models import Target
from bot.recording.ports import ChangeOptions, Priority, nobody_else
from tests.support.recording.change_options import permit_anyone

if TYPE_CHECKING:
    from bot.genesys import GenesysClient, RequestSeen
    from bot.recording.models import ConfirmedChange, Conversation
    from bot.recording.ports import RecordingControl, StillOurs, Waiting
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.support.clocks.fake_clock import FakeClock

Api = Literal["conversations", "sessions", "clients"]


@dataclass
class Bench:
    """An adapter at work: the client, the simulator behind it, and what both saw."""

    simulator: SimulatedGenesys
    clock: FakeClock
    client: GenesysClient
    seen: list[RequestSeen]
    api: Api = "conversations"
    patience: float = 25.0
    waits: list[float] = field(default_factory=list)
    priority: Priority = Priority.PERSON
    still_ours: StillOurs = nobody_else

    def of_a_loop(self) -> Bench:
        return replace(self, priority=Priority.LOOP)

    def on_sessions(self) -> Bench:
        return replace(self, api="sessions")

    @property
    def control(self) -> RecordingControl:
        if self.api == "sessions":
            return SessionsControl(self.client)
        conversations = ConversationsControl(self.client)
        if self.api == "clients":
            return ClientsControl(GenesysClients([self.client]), {self.client: conversations})
        return conversations

    @property
    def deadline(self) -> float:
        return self.clock.monotonic() + self.patience

    @property
    def how(self) -> ChangeOptions:
        return ChangeOptions(self.deadline, self.progress, self.still_ours, self.priority)

    async def progress(self, waiting: Waiting) -> None:
        self.waits.append(waiting.seconds)

    async def start(self, target: Target | str, reason_code: str | None = None) -> ConfirmedChange:
        return await self.control.start(_target(target), self.how, reason_code=reason_code, permit=permit_anyone)

    async def stop(self, target: Target | str) -> ConfirmedChange:
        return await self.control.stop(_target(target), self.how)

    async def pause(self, target: Target | str) -> ConfirmedChange:
        return await self.control.pause(_target(target), self.how)

    async def resume(self, target: Target | str) -> ConfirmedChange:
        return await self.control.resume(_target(target), self.how)

    async def look(self, target: Target | str) -> Conversation:
        return await self.control.read_call(
            _target(target), deadline=self.deadline, progress=self.progress, priority=self.priority
        )

    async def started(self, conversation_id: str) -> Target:
        """Start a recording, forget the requests that it took, and return what its record would know of it."""
        effect = await self.start(conversation_id)
        self.simulator.requests.clear()
        return Target(
            conversation_id=conversation_id,
            participant_id=None if effect.agent is None else effect.agent.id,
            mechanism=effect.mechanism,
            session_id=effect.session_id,
        )

    def asked(self) -> list[str]:
        """Say which API requests the simulator saw, as method and status."""
        return [f"{request.method} {request.status}" for request in self.simulator.requests]

    def writes(self) -> int:
        return len(self.simulator.writes())


def _target(target: Target | str) -> Target:
    return Target(conversation_id=target) if isinstance(target, str) else target
