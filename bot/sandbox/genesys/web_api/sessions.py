"""The recording API of the founding tutorial, which no real organization has unless its gateway offers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.state.calls import SimulatedCall
    from bot.sandbox.genesys.state.contact_center import Floor
    from bot.sandbox.genesys.web_api.faults import Effects

SESSIONS = "/api/v2/recording/sessions"


@dataclass(slots=True, eq=False)
class SimulatedSession:
    """One session: from a start to its stop, or to the end of the call."""

    id: str
    conversation_id: str
    reason_code: str | None
    started_at: float
    stopped_at: float | None = None

    @property
    def live(self) -> bool:
        return self.stopped_at is None

    def body(self, status: str | None = None) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": status or ("active" if self.live else "stopped"),
            "conversationId": self.conversation_id,
            "startTime": iso(self.started_at),
            "endTime": iso(self.stopped_at),
        }


@dataclass(slots=True)
class Sessions:
    """Sessions are another view of the same calls: what they record shows in the conversation API as well."""

    floor: Floor
    effects: Effects
    clock: Callable[[], float]
    _sessions: dict[str, SimulatedSession] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        one = f"{SESSIONS}/{{session}}"
        return [
            Route("POST", SESSIONS, "recording session", self.start, "write", "recording:session:start"),
            Route("GET", SESSIONS, "recording sessions", self.find, permission="recording:session:view"),
            Route("GET", one, "recording session", self.get, permission="recording:session:view"),
            Route("POST", f"{one}/stop", "session stop", self.stop, "write", "recording:session:stop"),
        ]

    def start(self, request: SimulatedRequest) -> Answer:
        call = self._call(request.body.get("conversationId") if isinstance(request.body, dict) else None)
        if call.over or not call.agents:
            raise Problem(400, "conversation.not.active", "The conversation has no connected agent.")
        self._adopt(call)
        if self._live_one(call) is not None:
            raise Problem(409, "already.recording", "The conversation is already being recorded.")
        session = SimulatedSession(str(uuid4()), call.conversation_id, request.body.get("reasonCode"), self.clock())

        def begin() -> None:
            if call.agents and not call.over:
                self._sessions[session.id] = session
                self.floor.change(call, lambda: call.record_adhoc(call.agents[0], on=True))

        self.effects.accept(request, begin, at_once=True)
        return Answer(status=201, body=session.body("active"))

    def stop(self, request: SimulatedRequest) -> Answer:
        session = self._session(request)
        if not session.live:
            raise Problem(409, "already.stopped", "The recording session is already stopped.")
        call = self.floor.calls[session.conversation_id]

        def end() -> None:
            session.stopped_at = self.clock()
            self.floor.change(call, call.stop_recording)

        self.effects.accept(request, end, at_once=True)
        return Answer(body=session.body("stopped") | {"endTime": iso(session.stopped_at or self.clock())})

    def get(self, request: SimulatedRequest) -> Answer:
        return Answer(body=self._session(request).body())

    def find(self, request: SimulatedRequest) -> Answer:
        """List a conversation's sessions, the newest first."""
        call = self._call(request.query.get("conversationId"))
        self._adopt(call)
        found = [s for s in self._sessions.values() if s.conversation_id == call.conversation_id]
        return Answer(body={"entities": [session.body() for session in reversed(found)], "total": len(found)})

    def settle(self, call: SimulatedCall) -> None:
        """Close the session of a call that is no longer recorded."""
        session = self._live_one(call)
        if session is not None and call.recording == "none":
            session.stopped_at = self.clock()

    def _adopt(self, call: SimulatedCall) -> None:
        """Give a recording that began elsewhere a session, so that it can be found after a 409."""
        if call.recording != "none" and self._live_one(call) is None:
            began = call.recordings[-1].started_at if call.recordings else self.clock()
            session = SimulatedSession(str(uuid4()), call.conversation_id, None, began)
            self._sessions[session.id] = session

    def _live_one(self, call: SimulatedCall) -> SimulatedSession | None:
        ours = (s for s in self._sessions.values() if s.conversation_id == call.conversation_id)
        return next((session for session in ours if session.live), None)

    def _session(self, request: SimulatedRequest) -> SimulatedSession:
        session = self._sessions.get(request.ids["session"])
        if session is None:
            raise answers.not_found()
        return session

    def _call(self, conversation_id: object) -> SimulatedCall:
        try:
            found = self.floor.find(str(UUID(str(conversation_id))))
        except ValueError:
            raise answers.bad_request("conversationId is not a valid GUID.") from None
        if found is None:
            raise answers.conversation_not_found()
        if found.media != "voice":
            raise answers.bad_request("The conversation is not a call.")
        return found
