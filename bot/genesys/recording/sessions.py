"""Recording by the session API of the founding tutorial, which an organization's own gateway may offer.

No Genesys organization has it by itself, and the SDK has no methods for it; it goes through the SDK's ``ApiClient``
all the same. A session records a whole call, so nobody has to choose an agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import (
    CallEnded,
    CallNotFound,
    GenesysUnavailable,
    NoAgentConnected,
    NotFound,
    RequestRejected,
)
from bot.genesys.recording import call_state as calls
from bot.genesys.recording.confirmed_write import ConfirmedWrite
from bot.genesys.transport.deadline import RequestOptions
from bot.genesys.transport.request import GenesysRequest
from bot.recording.call import CallRecording
from bot.recording.models import ConfirmedChange, Conversation, Mechanism
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from bot.errors import Evidence, GenesysError
    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.answer import Answer
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.sdk import JsonApiClient
    from bot.recording.call import Participant
    from bot.recording.models import Target
    from bot.recording.ports import ChangeOptions, Permit, Progress

SESSIONS = "/api/v2/recording/sessions"
STATES = {
    "active": CallRecording.ACTIVE,
    "recording": CallRecording.ACTIVE,
    "started": CallRecording.ACTIVE,
    "paused": CallRecording.PAUSED,
    "stopped": CallRecording.NONE,
    "completed": CallRecording.NONE,
    "ended": CallRecording.NONE,
}
LIVE = frozenset({CallRecording.ACTIVE, CallRecording.PAUSED})


class SessionsApi:
    """The session API in the form of the SDK's API classes."""

    def __init__(self, api_client: JsonApiClient) -> None:
        self.api_client = api_client

    def post_recording_sessions(self, body: dict[str, str]) -> None:
        self._call(SESSIONS, "POST", body=body)

    def get_recording_sessions(self, conversation_id: str) -> None:
        self._call(SESSIONS, "GET", query_params={"conversationId": conversation_id})

    def get_recording_session(self, session_id: str) -> None:
        self._call(f"{SESSIONS}/{{sessionId}}", "GET", {"sessionId": session_id})

    def post_recording_session_stop(self, session_id: str) -> None:
        self._call(f"{SESSIONS}/{{sessionId}}/stop", "POST", {"sessionId": session_id})

    def _call(self, path: str, method: str, path_params: dict[str, str] | None = None, **more: Any) -> None:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        self.api_client.call_api(
            path, method, path_params, header_params=headers, auth_settings=["PureCloud OAuth"], **more
        )


def find_sessions(conversation_id: str, operation: str = "find sessions") -> GenesysRequest:
    return _request(operation, "get_recording_sessions", conversation_id=conversation_id)


def _request(operation: str, method: str, **arguments: Any) -> GenesysRequest:
    return GenesysRequest(operation, f"SessionsApi.{method}", arguments, api=SessionsApi)


@dataclass(frozen=True, slots=True)
class SessionReading:
    """One reading of a session; ``id`` is None if the conversation has none."""

    id: str | None
    recording: CallRecording
    evidence: Evidence


@dataclass(frozen=True)
class SessionsControl:
    """RecordingControl over ``/api/v2/recording/sessions``."""

    client: GenesysClient

    async def start(
        self, target: Target, how: ChangeOptions, *, reason_code: str | None, permit: Permit
    ) -> ConfirmedChange:
        """Start a session on a connected voice call, or adopt the one that it has.

        A session records all sides of a call and has no queue: people limited to some queues are refused.
        """
        permit(None)
        options = RequestOptions.of(how)
        call = await calls.first_read(self.client, target.conversation_id, options)
        if not call.connected:
            raise NoAgentConnected(evidence=call.evidence)
        body = {"conversationId": call.id} | ({} if reason_code is None else {"reasonCode": reason_code})
        request = _request("start session", "post_recording_sessions", body=body)

        async def read_call(answer: Answer | None) -> SessionReading:
            session_id = None if answer is None else _session_id(answer.document())
            return await self._session(call.id, session_id, options.confirming())

        try:
            changed = await ConfirmedWrite(self.client, request, read_call, _records, options).make()
        except (NotFound, RequestRejected) as refusal:
            await self._decided(refusal, call.id, options)
            raise
        return ConfirmedChange(
            Mechanism.SESSION,
            agent=_agent(call, target),
            session_id=changed.seen.id,
            created=changed.ours,
            evidence=changed.evidence,
        )

    async def stop(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Stop the session; one that is gone, stopped, or was never there is as wanted while the call goes on."""
        options = RequestOptions.of(how, protects=True)
        session_id = target.session_id
        if session_id is None:
            session = await self._session(target.conversation_id, None, options)
            if session.id is None or session.recording is CallRecording.NONE:
                return await self._nothing_to_stop(target, session.id, session.evidence, options)
            session_id = session.id
        request = _request("stop session", "post_recording_session_stop", session_id=session_id)

        async def read_call(_: Answer | None) -> SessionReading:
            return await self._session(target.conversation_id, session_id, options.confirming())

        try:
            changed = await ConfirmedWrite(self.client, request, read_call, _rests, options).make()
        except NotFound as gone:
            return await self._nothing_to_stop(target, session_id, gone.evidence, options)
        except RequestRejected as refusal:
            await self._decided(refusal, target.conversation_id, options)
            raise
        return ConfirmedChange(
            Mechanism.SESSION, session_id=session_id, created=changed.ours, evidence=changed.evidence
        )

    async def pause(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Refuse: the session API can't pause."""
        del target, how
        raise RequestRejected("The session API can't pause.", cause="sessions_cannot_pause")

    async def resume(self, target: Target, how: ChangeOptions) -> ConfirmedChange:
        """Refuse: the session API can't resume."""
        del target, how
        raise RequestRejected("The session API can't resume.", cause="sessions_cannot_resume")

    async def read_call(
        self, target: Target, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> Conversation:
        """Read the call, then its session: two requests, as neither knows of both."""
        options = RequestOptions(deadline, progress, priority)
        call = await calls.read(self.client, target.conversation_id, options)
        session = await self._session(call.id, target.session_id, options)
        return Conversation(
            id=call.id,
            connected=call.connected,
            recording=session.recording,
            agents=call.agents,
            mechanism=Mechanism.SESSION if session.recording in LIVE else None,
            session_id=session.id,
        )

    async def _nothing_to_stop(
        self, target: Target, session_id: str | None, evidence: Evidence, options: RequestOptions
    ) -> ConfirmedChange:
        """Report a recording that is over; raise CallEnded if the whole call is over."""
        try:
            await calls.read(self.client, target.conversation_id, options)
        except CallNotFound as gone:
            raise CallEnded(evidence=gone.evidence) from gone
        return ConfirmedChange(Mechanism.SESSION, session_id=session_id, created=False, evidence=evidence)

    async def _decided(self, refusal: GenesysError, conversation_id: str, options: RequestOptions) -> None:
        """Read the call that a gateway's refusal says nothing about.

        Raise CallEnded, or NoAgentConnected, where that is what the reading shows.
        """
        try:
            call = await calls.read(self.client, conversation_id, options.confirming())
        except (CallEnded, CallNotFound) as gone:
            raise CallEnded(evidence=refusal.evidence) from gone
        if not call.connected:
            raise NoAgentConnected(evidence=refusal.evidence)

    async def _session(self, conversation_id: str, session_id: str | None, options: RequestOptions) -> SessionReading:
        """Read a session by its id, or the conversation's live one, else its newest; nothing if there is none."""
        if session_id is None:
            request = find_sessions(conversation_id)
        else:
            request = _request("read session", "get_recording_session", session_id=session_id)
        try:
            answer = await self.client.read(request, options)
        except NotFound as missing:
            return SessionReading(None, CallRecording.NONE, missing.evidence)
        if session_id is not None:
            return _reading(answer.document(), answer)
        found = [_reading(session, answer) for session in _listed(answer)]
        live = [session for session in found if session.recording in LIVE]
        unclear = [session for session in found if session.recording is CallRecording.UNKNOWN]
        return next(iter(live + unclear + found), SessionReading(None, CallRecording.NONE, answer.evidence))


def _reading(session: dict[str, Any], answer: Answer) -> SessionReading:
    return SessionReading(_session_id(session), _state(session), answer.evidence)


def _session_id(session: dict[str, Any]) -> str | None:
    value = session.get("id")
    return value if isinstance(value, str) and value else None


def _state(session: dict[str, Any]) -> CallRecording:
    if session.get("endTime") is not None:
        return CallRecording.NONE
    return STATES.get(str(session.get("status")).casefold(), CallRecording.UNKNOWN)


def _listed(answer: Answer) -> list[dict[str, Any]]:
    """Return the sessions of a search, whether they come as a list, as entities, or as the only one."""
    body = answer.json()
    if isinstance(body, dict):
        body = body.get("entities", [body] if "id" in body else None)
    if not isinstance(body, list):
        raise GenesysUnavailable("Genesys's answer has no list of sessions.", evidence=answer.evidence)
    return [session for session in body if isinstance(session, dict)]


def _agent(call: CallReading, target: Target) -> Participant | None:
    """Return the agent for the record, if there is exactly one."""
    agents = call.agents
    chosen = [agent for agent in agents if agent.id == target.participant_id]
    chosen += [agent for agent in agents if agent.user_id == target.agent_user_id]
    return next(iter(chosen), agents[0] if len(agents) == 1 else None)


def _records(session: SessionReading) -> bool:
    return session.id is not None and session.recording in LIVE


def _rests(session: SessionReading) -> bool:
    return session.recording is CallRecording.NONE
