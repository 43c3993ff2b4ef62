"""One call: who is on it, what records it, and what each event does to that.

``adhoc`` is the recorder that a PATCH of one agent's participant switches; ``policy`` is the one that the
organization's recording policy runs on the whole call; ``snippet`` is the one that an agent starts for a part of it.
They are the recorders of ``RecordersState`` in the OpenAPI description.

Documented nowhere, and assumed here: a secure pause stops the first two (a snippet can't be paused), a hold pauses the
policy's only, and an ad-hoc recording ends with the leg that it runs on, while a policy's goes on. After-call work is
``wrapupRequired`` with neither ``wrapup`` nor ``endAcwTime`` on a participant who has left (``CallMediaParticipant`` in
the OpenAPI description).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.genesys.state.people import DIVISION_ID, derived_id

MediaSubtype = Literal["Trunk", "Station", "Consult", "Screen", "Snippet"]
RecordingState = Literal["none", "active", "paused"]


@dataclass(slots=True, eq=False, kw_only=True)
class SimulatedParticipant:
    """One leg of a conversation. Times are seconds since the epoch."""

    id: str
    communication_id: str
    purpose: str
    name: str
    started_at: float
    state: str = "connected"
    direction: str = "inbound"
    connected_at: float | None = None
    ended_at: float | None = None
    disconnect_type: str | None = None
    user_id: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    peer_id: str | None = None
    held_since: float | None = None
    adhoc: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    monitored_id: str | None = None
    coached_id: str | None = None
    barged_id: str | None = None
    consult_id: str | None = None
    """The participant with whom this one talks before completing a consult transfer."""
    snippet: bool = False
    wraps_up: bool = False
    """Whether an agent who has left the call is in after-call work."""

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    @property
    def held(self) -> bool:
        return self.held_since is not None

    @property
    def watches(self) -> bool:
        return bool(self.monitored_id or self.coached_id or self.barged_id)

    @property
    def recordable(self) -> bool:
        """Whether the ad-hoc recorder can run here: an agent's connected leg, not a supervisor listening in."""
        agent = self.purpose in {"agent", "user"} and self.user_id is not None
        return agent and self.connected and not self.watches

    def disconnect(self, at: float, how: str) -> None:
        if self.ended_at is None:
            self.state, self.ended_at, self.disconnect_type = "disconnected", at, how
        self.adhoc = self.snippet = False
        self.held_since = self.consult_id = None


@dataclass(slots=True, eq=False, kw_only=True)
class SavedRecording:
    """A stretch of recording, from none to none."""

    id: str
    communication_id: str
    mechanism: str
    started_at: float
    ended_at: float | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class SimulatedCall:
    """A conversation; ``media`` is voice, or chat for one that can't be recorded this way."""

    conversation_id: str
    queue: str
    direction: str
    started_at: float
    media: str = "voice"
    divisions: list[str] = field(default_factory=lambda: [DIVISION_ID])
    """The ids of the divisions of its agents and queues; a transfer can add one."""
    policy: bool = False
    secure_pause: bool = False
    ended_at: float | None = None
    participants: list[SimulatedParticipant] = field(default_factory=list)
    recordings: list[SavedRecording] = field(default_factory=list)
    other_files: list[MediaSubtype] = field(default_factory=list)
    """What other recorders will have kept of the call, beside what records it now."""

    starts: int = 0
    """How many times recording went from none to active; a call that begins recorded doesn't count."""

    @property
    def id(self) -> str:
        return self.conversation_id

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def agents(self) -> list[SimulatedParticipant]:
        """The agents who are connected, in the order in which they joined."""
        return [participant for participant in self.participants if participant.recordable]

    @property
    def held(self) -> bool:
        return bool(self.agents) and all(agent.held for agent in self.agents)

    @property
    def adhoc(self) -> bool:
        return any(participant.adhoc for participant in self.participants)

    @property
    def mechanism(self) -> str | None:
        """What records the call now, adhoc or policy; None when nothing does."""
        if self.recording == "none":
            return None
        return "adhoc" if self.adhoc else "policy"

    @property
    def recording(self) -> RecordingState:
        """What is true on the call now."""
        if self.over or not (self.policy or self.adhoc):
            return "none"
        if self.secure_pause or (self.held and not self.adhoc):
            return "paused"
        return "active"

    def recording_on(self, participant: SimulatedParticipant) -> RecordingState:
        """Return what the platform shows on one participant: the policy records everybody, ad hoc only its own."""
        states = {
            self.adhoc_on(participant),
            self.policy_on(participant),
            "active" if participant.snippet else "none",
        }
        return "active" if "active" in states else "paused" if "paused" in states else "none"

    def adhoc_on(self, participant: SimulatedParticipant) -> RecordingState:
        """Return the state of the ad-hoc recorder alone."""
        if not (participant.adhoc and participant.connected) or self.over:
            return "none"
        return "paused" if self.secure_pause else "active"

    def policy_on(self, participant: SimulatedParticipant) -> RecordingState:
        """Return the state of the policy's recorder alone: it records everybody but the queue."""
        if not (self.policy and participant.connected) or participant.purpose == "acd" or self.over:
            return "none"
        return "paused" if self.secure_pause or self.held else "active"

    def participant(self, participant_id: str) -> SimulatedParticipant | None:
        """Find a participant; one who dialed again has two legs, and the connected one counts."""
        legs = [p for p in self.participants if p.id == participant_id]
        return next((leg for leg in legs if leg.connected), legs[-1] if legs else None)

    def record_adhoc(self, participant: SimulatedParticipant, *, on: bool) -> None:
        """Switch the ad-hoc recorder; on a leg that has gone in the meantime nothing happens."""
        participant.adhoc = on and participant.recordable
        self._forget_pause_of_nothing()

    def stop_recording(self) -> None:
        """End every recording, the policy's included, as a stop through the sessions API does."""
        self.policy = False
        for participant in self.participants:
            participant.adhoc = False
        self._forget_pause_of_nothing()

    def pause(self, *, on: bool) -> None:
        """Begin or end the secure pause; with nothing recorded there is nothing to pause."""
        self.secure_pause = on
        self._forget_pause_of_nothing()

    def hold(self, at: float, *, on: bool) -> None:
        for agent in self.agents:
            agent.held_since = (agent.held_since or at) if on else None

    def add(self, purpose: str, name: str, at: float) -> SimulatedParticipant:
        """Let somebody join, connected; the caller fills in what is particular to them."""
        number = len(self.participants)
        joined = SimulatedParticipant(
            id=derived_id(self.conversation_id, "participant", number),
            communication_id=derived_id(self.conversation_id, "communication", number),
            purpose=purpose,
            name=name,
            started_at=at,
            connected_at=at,
            direction=self.direction,
        )
        self.participants.append(joined)
        return joined

    def leave(self, participant: SimulatedParticipant, at: float, how: str = "endpoint") -> None:
        """Let an agent leave, by a disconnect type; the last one's hanging up ends the call, a transfer doesn't."""
        participant.disconnect(at, how)
        self._forget_pause_of_nothing()
        if not self.agents and not how.startswith("transfer"):
            self.end(at)

    def wrap_up(self, agent: SimulatedParticipant, at: float) -> None:
        """Let an agent leave into after-call work while the caller stays, for a survey for example."""
        agent.disconnect(at, "client")
        agent.wraps_up = True
        self._forget_pause_of_nothing()

    def end(self, at: float) -> None:
        """Hang up: everybody is disconnected, and recording is over."""
        if self.over:
            return
        for participant in self.participants:
            participant.disconnect(at, "client" if participant.user_id else "peer")
        self.secure_pause = False
        self.ended_at = at

    def note_recording(self, at: float) -> None:
        """Open or close a stretch of recording, after something may have changed; counts the starts."""
        open_one = self.recordings[-1] if self.recordings and self.recordings[-1].ended_at is None else None
        if self.recording == "none":
            if open_one is not None:
                open_one.ended_at = at
        elif open_one is None:
            self._open_recording(at)

    def begin_recorded(self) -> None:
        """Take the recording that the call begins with as given, not as a start."""
        self._open_recording(self.started_at)
        self.starts = 0

    def _open_recording(self, at: float) -> None:
        self.starts += 1
        legs = [p for p in self.participants if p.adhoc] or self.agents or self.participants
        self.recordings.append(
            SavedRecording(
                id=derived_id(self.conversation_id, "recording", len(self.recordings)),
                communication_id=legs[0].communication_id,
                mechanism=self.mechanism or "policy",
                started_at=at,
            )
        )

    def _forget_pause_of_nothing(self) -> None:
        if not (self.policy or self.adhoc):
            self.secure_pause = False
