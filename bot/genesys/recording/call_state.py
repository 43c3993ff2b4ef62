"""A call as Genesys shows it: read in one request, from its JSON (``CallConversation``) without the SDK's models.

Those models trip over nulls and turn unknown words into others. A word that is missing or unknown is never taken
for "none".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.audit.storable import visible
from bot.errors import CallEnded, CallNotFound, Evidence, GenesysError, NotAVoiceCall, NotFound, RequestRejected
from bot.genesys.json_fields import listed, moment
from bot.genesys.transport.errors import OtherDivision
from bot.genesys.transport.request import GenesysRequest
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import POLICY_RECORDER, SNIPPET_RECORDER, AgentLeg
from bot.recording.models import Conversation, Mechanism

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions


async def read(client: GenesysClient, conversation_id: str, options: RequestOptions) -> CallReading:
    """Read a call with one request. Raise CallEnded when everyone has left, CallNotFound, NotAVoiceCall.

    A 404 with a code of Genesys's is about the call, the only thing that the request names. One without is somebody
    else's, a proxy's for example, and says nothing: NotFound.
    """
    request = GenesysRequest(
        "read call", "ConversationsApi.get_conversations_call", {"conversation_id": conversation_id}
    )
    try:
        answer = await client.read(request, options)
    except RequestRejected as rejected:
        raise NotAVoiceCall(evidence=rejected.evidence) from rejected
    except NotFound as missing:
        if missing.evidence.code is None:
            raise
        raise CallNotFound(evidence=missing.evidence) from missing
    reading = read_call(answer.document(), conversation_id, answer.evidence)
    if reading.over:
        raise CallEnded(evidence=answer.evidence)
    return reading


async def first_read(client: GenesysClient, conversation_id: str, options: RequestOptions) -> CallReading:
    """Read a call by a typed id; distinguish a chat or an email from an id that doesn't exist.

    One of several clients only says that it doesn't see the call. Raise OtherDivision if the call is not for it.
    """
    try:
        reading = await read(client, conversation_id, options)
    except NotFound as missing:
        if client.account.one_of_several:
            raise
        if await is_other_conversation(client, conversation_id, options):
            raise NotAVoiceCall(evidence=missing.evidence) from missing
        raise CallNotFound(evidence=missing.evidence) from missing
    if not client.account.covers(reading.divisions):
        raise OtherDivision(evidence=reading.evidence)
    return reading


async def is_other_conversation(client: GenesysClient, conversation_id: str, options: RequestOptions) -> bool:
    """Whether the client sees a conversation with this id that is no call, such as a chat."""
    request = GenesysRequest(
        "read conversation", "ConversationsApi.get_conversation", {"conversation_id": conversation_id}
    )
    try:
        answer = await client.read(request, options)
    except GenesysError:
        return False  # it can't be told, and "not found" was the answer
    participants = answer.document().get("participants")
    return isinstance(participants, list) and not any(
        isinstance(participant, dict) and participant.get("calls") for participant in participants
    )


OVER = frozenset({"disconnected", "terminated"})
AGENT_PURPOSES = frozenset({"agent", "user"})
LISTENING_IN = ("monitoredParticipantId", "coachedParticipantId", "bargedParticipantId")
RECORDED = frozenset({CallRecording.ACTIVE, CallRecording.PAUSED})
POLICY_STATES = ("customerExperienceState", "agentExperienceState")
"""What ``RecordersState`` calls the recorders that a policy or a trunk runs."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One participant's part in a call. ``recording`` and ``adhoc`` are None if Genesys doesn't report them."""

    participant: Participant
    connected: bool
    over: bool
    agent: bool
    recording: CallRecording | None
    adhoc: CallRecording | None
    secure_pause: bool
    policy: CallRecording | None = None
    snippet: CallRecording | None = None
    disconnect_type: str | None = None
    ended_at: datetime | None = None
    wrapping_up: bool = False
    connected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallReading:
    """One reading of a call."""

    id: str
    legs: tuple[Leg, ...]
    stated: CallRecording | None = None
    """What is said of the call as a whole, which counts where no participant says anything."""

    paused_securely: bool = False
    divisions: frozenset[str] = frozenset()
    """The ids of the divisions of its agents and queues; empty if Genesys doesn't say."""
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def over(self) -> bool:
        """Whether everyone has left the call."""
        return bool(self.legs) and all(leg.over for leg in self.legs)

    @property
    def connected(self) -> bool:
        return any(leg.connected for leg in self.legs)

    @property
    def agents(self) -> tuple[Participant, ...]:
        """Those whose side of the call can be recorded: agents, not supervisors listening in."""
        return tuple(leg.participant for leg in self.legs if leg.agent and leg.connected)

    @property
    def recording(self) -> CallRecording:
        if not self.connected:
            # an answer that names nobody says nothing, and one where somebody still rings or dials says it later
            return CallRecording.NONE if self.over else CallRecording.UNKNOWN
        legs = [leg for leg in self.legs if leg.connected]
        said = [leg.recording for leg in legs if leg.recording is not None]
        if not said and self.stated is not None:
            return self.stated
        if CallRecording.NONE in said and any(leg.agent and leg.recording is None for leg in legs):
            said.append(CallRecording.UNKNOWN)  # an ad-hoc recording shows on its agent only
        return _strongest(said) or CallRecording.UNKNOWN

    @property
    def mechanism(self) -> Mechanism | None:
        """What records the call; None where nothing is known to."""
        if self.recording not in RECORDED:
            return None
        return Mechanism.POLICY if self.adhoc_agent is None else Mechanism.ADHOC

    @property
    def adhoc_agent(self) -> Participant | None:
        """Whose side is being recorded ad hoc."""
        return next((leg.participant for leg in self.legs if leg.connected and leg.adhoc in RECORDED), None)

    @property
    def secure_pause(self) -> bool:
        return self.paused_securely or any(leg.secure_pause for leg in self.legs if leg.connected)

    @property
    def on_hold(self) -> bool:
        """Whether the recording is paused by a hold, and so resumes by itself."""
        return self.recording is CallRecording.PAUSED and not self.secure_pause

    def leg(self, participant_id: str | None) -> Leg | None:
        """Return a participant's leg; after dialing again there are two, and the connected one counts."""
        legs = [leg for leg in self.legs if leg.participant.id == participant_id]
        return next((leg for leg in legs if leg.connected), legs[-1] if legs else None)

    @property
    def recorders(self) -> frozenset[str]:
        """Name the recorders that run and that are no ad-hoc ones, where Genesys tells them apart."""
        legs = [leg for leg in self.legs if leg.connected]
        named = {POLICY_RECORDER: [leg.policy for leg in legs], SNIPPET_RECORDER: [leg.snippet for leg in legs]}
        return frozenset(name for name, states in named.items() if not RECORDED.isdisjoint(states))

    @property
    def recorder_states(self) -> tuple[object, ...]:
        """What this reading says of the recorders, for comparison with another one of the same call."""
        return (self.secure_pause, *((leg.participant.id, leg.recording, leg.adhoc, leg.policy) for leg in self.legs))

    @property
    def recorded(self) -> bool:
        """Whether any recorder is shown at work."""
        return any(not RECORDED.isdisjoint({leg.recording, leg.adhoc, leg.policy}) for leg in self.legs)

    def conversation(self) -> Conversation:
        return Conversation(
            id=self.id,
            connected=self.connected,
            recording=self.recording,
            agents=self.agents,
            mechanism=self.mechanism,
            secure_pause=self.secure_pause,
            on_hold=self.on_hold,
            legs=tuple(_agent_leg(leg) for leg in self.legs if leg.agent),
            recorders=self.recorders,
        )


def read_call(body: dict[str, Any], conversation_id: str, evidence: Evidence) -> CallReading:
    """Read a ``CallConversation``."""
    participants = body.get("participants")
    return CallReading(
        id=_text(body.get("id")) or conversation_id,
        legs=tuple(_leg(p) for p in participants if isinstance(p, dict)) if isinstance(participants, list) else (),
        stated=_word(body.get("recordingState")),
        paused_securely=body.get("securePause") is True,
        divisions=frozenset(filter(None, (_division(one) for one in listed(body.get("divisions"))))),
        evidence=evidence,
    )


def _leg(participant: dict[str, Any]) -> Leg:
    state = (_text(participant.get("state")) or "").casefold()
    ended = _text(participant.get("endTime")) is not None
    user_id = _reference(participant, "user")
    recorders = _object(participant.get("recordersState"))
    adhoc, snippet = _word(recorders.get("adhocState")), _word(recorders.get("snippetState"))
    policy = _strongest(filter(None, (_word(recorders.get(name)) for name in POLICY_STATES)))
    # ``recordingState`` merges the recorders: while a snippet runs, its word may be the snippet's.
    merged = None if snippet in RECORDED else _word(participant.get("recordingState"))
    stated = [word for word in (merged, adhoc, policy) if word in RECORDED]
    return Leg(
        participant=Participant(
            id=_text(participant.get("id")) or "",
            user_id=user_id or "",
            name=_text(participant.get("name")),
            queue_id=_reference(participant, "queue"),
            queue_name=_text(_object(participant.get("queue")).get("name")),
        ),
        connected=state == "connected" and not ended,
        over=ended or state in OVER,
        agent=(_text(participant.get("purpose")) or "").casefold() in AGENT_PURPOSES
        and user_id is not None
        and not any(_text(participant.get(role)) for role in LISTENING_IN),
        recording=_strongest(stated) or (_without_recorder(participant) if snippet not in RECORDED else adhoc),
        adhoc=adhoc,
        policy=policy,
        snippet=snippet,
        disconnect_type=_text(participant.get("disconnectType")),
        ended_at=moment(participant.get("endTime")),
        secure_pause=participant.get("securePause") is True,
        wrapping_up=_wraps_up(participant),
        connected_at=moment(participant.get("connectedTime")),
    )


def _agent_leg(leg: Leg) -> AgentLeg:
    return AgentLeg(
        participant=leg.participant,
        connected=leg.connected,
        over=leg.over,
        recording=leg.recording,
        adhoc=leg.adhoc,
        disconnect_type=leg.disconnect_type,
        ended_at=leg.ended_at,
        wrapping_up=leg.over and leg.wrapping_up,
        connected_at=leg.connected_at,
    )


def _wraps_up(participant: dict[str, Any]) -> bool:
    """Say whether after-call work is still to be done (``CallMediaParticipant`` in the OpenAPI description)."""
    required = participant.get("wrapupRequired") is True and participant.get("wrapupSkipped") is not True
    wrapup = participant.get("wrapup")
    done = isinstance(wrapup, dict) and wrapup.get("provisional") is not True
    return required and not done and _text(participant.get("endAcwTime")) is None


def _without_recorder(participant: dict[str, Any]) -> CallRecording | None:
    """Read a participant that shows no recorder at work: its word, else its flag."""
    word = _word(participant.get("recordingState"))
    if word is None and isinstance(flag := participant.get("recording"), bool):
        return CallRecording.ACTIVE if flag else CallRecording.NONE
    return word


def _strongest(words: Iterable[CallRecording]) -> CallRecording | None:
    """Return the word that decides where several are said."""
    said = set(words)
    order = (CallRecording.ACTIVE, CallRecording.PAUSED, CallRecording.UNKNOWN, CallRecording.NONE)
    return next((word for word in order if word in said), None)


def _word(value: object) -> CallRecording | None:
    """Read a recording state in any case; None if there is none, UNKNOWN if it is a new one."""
    if value is None:
        return None
    try:
        return CallRecording(str(value).casefold())
    except ValueError:
        return CallRecording.UNKNOWN


def _division(membership: dict[str, Any]) -> str | None:
    """Read the division of a ``ConversationDivisionMembership``."""
    return _reference(membership, "division")


def _reference(participant: dict[str, Any], name: str) -> str | None:
    return _text(_object(participant.get(name)).get("id"))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return visible(value) or None if isinstance(value, str) else None
