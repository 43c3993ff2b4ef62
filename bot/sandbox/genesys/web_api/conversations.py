"""The platform's conversation API, as far as reading calls and switching recorders goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import ACCEPTED, Answer, Problem, Route, SimulatedRequest
from bot.sandbox.genesys.web_api.bodies import call_body, conversation_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant
    from bot.sandbox.genesys.state.contact_center import Floor
    from bot.sandbox.genesys.web_api.faults import Effects

PARTICIPANT_FIELDS = frozenset(
    {"wrapup", "state", "recording", "muted", "confined", "held", "wrapupSkipped", "resumeTime"}
)
CALLS = "/api/v2/conversations/calls"
CONVERSATION = "/api/v2/conversations/{conversation}"
PARTICIPANT = "/participants/{participant}"


@dataclass(frozen=True, slots=True)
class Conversations:
    """Reads and writes of conversations; each write is checked now and takes effect later."""

    floor: Floor
    effects: Effects

    def routes(self) -> list[Route]:
        record = "conversation:call:record"
        either = ("conversation:participant:wrapup", record, "conversation:communication:disconnect")
        pause = "conversation:recording:pauseOthers"
        view = "conversation:communication:view"
        call = f"{CALLS}/{{conversation}}"
        return [
            Route("GET", CALLS, "conversation calls", self.refuse_client_credentials),
            Route("GET", call, "conversation call", self.get_call, shows_state=True),
            Route("PUT", f"{call}/recordingstate", "recording state", self.put_state, "write", pause),
            Route(
                "PATCH",
                f"{call}{PARTICIPANT}",
                "participant",
                self.patch_call_participant,
                "write",
                record,
                any_of=either,
            ),
            Route("GET", CONVERSATION, "conversation", self.get, permission=view, shows_state=True),
            Route("PATCH", f"{CONVERSATION}/recordingstate", "state", self.refuse_client_credentials, "write", pause),
            Route(
                "PATCH",
                f"{CONVERSATION}{PARTICIPANT}",
                "participant",
                self.patch_participant,
                "write",
                record,
                any_of=either,
            ),
            Route(
                "PATCH",
                f"{CONVERSATION}{PARTICIPANT}/attributes",
                "attributes",
                self.patch_attributes,
                "write",
            ),
        ]

    def get_call(self, request: SimulatedRequest) -> Answer:
        return Answer(body=call_body(self._call(request)))

    def get(self, request: SimulatedRequest) -> Answer:
        return Answer(body=conversation_body(self._conversation(request, missing=answers.not_found)))

    def put_state(self, request: SimulatedRequest) -> Answer:
        """Begin or end the secure pause; on a call that nothing records it is accepted and changes nothing."""
        call = self._call(request)
        wanted = str(_fields(request, frozenset({"recordingState"})).get("recordingState")).upper()
        if wanted not in {"ACTIVE", "PAUSED"}:
            raise answers.invalid_value(wanted, "recordingState", "ACTIVE, PAUSED")
        if call.over:
            raise Problem(
                400,
                "conversation.error.conversation.disconnected",
                "Conversation is disconnected, cannot alter recordingState",
            )
        self._accept(request, call, lambda: call.pause(on=wanted == "PAUSED"))
        return Answer(status=202, body=wanted)

    def patch_participant(self, request: SimulatedRequest) -> Answer:
        return self._patch(request, self._conversation(request, missing=answers.not_found))

    def patch_call_participant(self, request: SimulatedRequest) -> Answer:
        call = self._call(request)
        if call.over:
            raise Problem(400, "conversation.error.call.disconnected", "The call is disconnected.")
        return self._patch(request, call)

    def patch_attributes(self, request: SimulatedRequest) -> Answer:
        conversation = self._conversation(request, missing=answers.not_found)
        participant = _participant(request, conversation, missing=answers.participant_not_found)
        attributes = _fields(request, frozenset({"attributes"})).get("attributes")
        if not isinstance(attributes, dict) or not all(isinstance(v, str) for v in attributes.values()):
            raise Problem(
                400,
                "conversation.error.participant.attribute.null",
                "Cannot update participant attribute map to a null value.",
            )
        self.effects.accept(request, lambda: participant.attributes.update(attributes))
        return ACCEPTED

    def refuse_client_credentials(self, _request: SimulatedRequest) -> Answer:
        raise answers.not_a_user()

    def _patch(self, request: SimulatedRequest, call: SimulatedCall) -> Answer:
        participant = _participant(request, call)
        wanted = _fields(request, PARTICIPANT_FIELDS).get("recording")
        if wanted is None:
            return ACCEPTED
        if not isinstance(wanted, bool):
            raise answers.invalid_value(wanted, "recording", "true, false")
        if call.over or not participant.connected:
            raise Problem(
                400,
                "conversation.error.participant.no.active.conversations",
                "Participant has no active conversations",
            )
        if call.media != "voice" or not participant.recordable:
            raise Problem(
                400,
                "conversation.participant.update.invalid",
                "Failed to update all properties on conversation participant.",
            )
        self._accept(request, call, lambda: call.record_adhoc(participant, on=wanted))
        return ACCEPTED

    def _accept(self, request: SimulatedRequest, call: SimulatedCall, change: Any) -> None:
        def carry_out() -> None:
            if not call.over:
                self.floor.change(call, change)

        self.effects.accept(request, carry_out)

    def _conversation(
        self, request: SimulatedRequest, missing: Callable[[], Problem] = answers.conversation_not_found
    ) -> SimulatedCall:
        """Find a conversation; ``missing`` makes the 404 that the OpenAPI description lists for the operation."""
        given = request.ids["conversation"]
        try:
            conversation_id = str(UUID(given))
        except ValueError:
            raise answers.bad_request(f"The conversation ID is not a valid GUID: {given}") from None
        found = self.floor.find(conversation_id)
        if found is None:
            raise missing()
        return found

    def _call(self, request: SimulatedRequest) -> SimulatedCall:
        """Find a voice call; what the platform says to a chat's id here is undocumented, a plain 400 is likely."""
        found = self._conversation(request)
        if found.media != "voice":
            raise answers.bad_request("The conversation is not a call.")
        return found


def _participant(
    request: SimulatedRequest, call: SimulatedCall, missing: Callable[[], Problem] = answers.not_found
) -> SimulatedParticipant:
    found = call.participant(request.ids["participant"])
    if found is None:
        raise missing()
    return found


def _fields(request: SimulatedRequest, known: frozenset[str]) -> dict[str, Any]:
    """Return the body's fields that have a value; refuse unknown ones, and a body that is no object."""
    if not isinstance(request.body, dict):
        raise answers.bad_request()
    unknown = sorted(set(request.body) - known)
    if unknown:
        raise Problem(
            400,
            "invalid.property",
            "Value [{value}] is not a valid property for object [{object}]",
            value=unknown[0],
            object="request",
        )
    return {key: value for key, value in request.body.items() if value is not None}
