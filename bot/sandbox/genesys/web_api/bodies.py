"""Conversations as JSON: field names, enum cases and nulls as the platform's models have them.

The case differs between models on purpose: ``recordingState`` is lower case on calls and participants, upper
case on ``Conversation`` and in ``recordersState``. Enum fields without a value are left out, other fields are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.web_api.answers import iso

if TYPE_CHECKING:
    from bot.sandbox.genesys.state.calls import SimulatedCall, SimulatedParticipant

CALLER_NUMBER = "tel:+15550142277"
OUR_NUMBER = "tel:+15550190000"

PROVIDER = "Edge"


def call_body(call: SimulatedCall) -> dict[str, Any]:
    """Write a ``CallConversation``."""
    return {
        "id": call.conversation_id,
        "name": None,
        "participants": [_call_participant(call, participant) for participant in call.participants],
        "otherMediaUris": [],
        "recentTransfers": [],
        "utilizationLabelId": None,
        "inactivityTimeout": None,
        "divisions": _divisions(call),
        "recordingState": call.recording,
        "maxParticipants": None,
        "securePause": call.secure_pause,
        "selfUri": f"/api/v2/conversations/calls/{call.conversation_id}",
    }


def conversation_body(call: SimulatedCall) -> dict[str, Any]:
    """Write a ``Conversation``, with a list of communications on each participant."""
    return {
        "id": call.conversation_id,
        "startTime": iso(call.started_at),
        "endTime": iso(call.ended_at),
        "address": CALLER_NUMBER,
        "participants": [_participant(call, legs) for legs in _by_participant(call)],
        "conversationIds": [],
        "maxParticipants": None,
        "recordingState": call.recording.upper(),
        "state": "disconnected" if call.over else "connected",
        "divisions": _divisions(call),
        "recentTransfers": [],
        "securePause": call.secure_pause,
        "utilizationLabelId": None,
        "inactivityTimeout": None,
        "selfUri": f"/api/v2/conversations/{call.conversation_id}",
    }


def _call_participant(call: SimulatedCall, participant: SimulatedParticipant) -> dict[str, Any]:
    return {
        "id": participant.id,
        "name": participant.name,
        **_addresses(participant),
        "startTime": iso(participant.started_at),
        "startAlertingTime": iso(participant.started_at) if participant.user_id else None,
        "connectedTime": iso(participant.connected_at),
        "endTime": iso(participant.ended_at),
        "startHoldTime": iso(participant.held_since),
        "purpose": participant.purpose,
        "state": participant.state,
        "direction": participant.direction,
        **_disconnect_type(participant),
        "held": participant.held,
        "wrapupRequired": participant.wraps_up,
        "wrapupPrompt": None,
        "mediaRoles": ["full"],
        "user": _reference("users", participant.user_id),
        "queue": _reference("routing/queues", participant.queue_id),
        "team": None,
        "attributes": participant.attributes,
        "errorInfo": None,
        "provider": PROVIDER,
        "externalContact": None,
        "wrapup": None,
        "peer": participant.peer_id,
        "muted": False,
        "confined": False,
        **_recording_fields(call, participant),
        "monitoredParticipantId": participant.monitored_id,
        "coachedParticipantId": participant.coached_id,
        "bargedParticipantId": participant.barged_id,
        "consultParticipantId": participant.consult_id,
    }


def _by_participant(call: SimulatedCall) -> list[list[SimulatedParticipant]]:
    """Gather the legs of each participant, the latest last: in a ``Conversation`` they are its ``calls``."""
    gathered: dict[str, list[SimulatedParticipant]] = {}
    for leg in call.participants:
        gathered.setdefault(leg.id, []).append(leg)
    return list(gathered.values())


def _participant(call: SimulatedCall, legs: list[SimulatedParticipant]) -> dict[str, Any]:
    communications = {"voice": "calls", "chat": "chats"}
    participant = legs[-1]
    return {
        "id": participant.id,
        "startTime": iso(participant.started_at),
        "connectedTime": iso(participant.connected_at),
        "endTime": iso(participant.ended_at),
        "name": participant.name,
        "userUri": f"/api/v2/users/{participant.user_id}" if participant.user_id else None,
        "userId": participant.user_id,
        "queueId": participant.queue_id,
        "queueName": participant.queue_name,
        "purpose": participant.purpose,
        "participantType": {"customer": "External", "acd": "Acd"}.get(participant.purpose, "Internal"),
        **_addresses(participant),
        "wrapupRequired": any(leg.wraps_up for leg in legs),
        "wrapup": None,
        "mediaRoles": ["full"],
        "monitoredParticipantId": participant.monitored_id,
        "coachedParticipantId": participant.coached_id,
        "bargedParticipantId": participant.barged_id,
        "attributes": participant.attributes,
        **{name: [] for name in ("calls", "callbacks", "chats", "emails", "messages", "evaluations")},
        communications[call.media]: [
            _call(call, leg) if call.media == "voice" else _communication(leg) for leg in legs
        ],
    }


def _call(call: SimulatedCall, participant: SimulatedParticipant) -> dict[str, Any]:
    recorded = [r.id for r in call.recordings if r.communication_id == participant.communication_id]
    return {
        **_communication(participant),
        **_recording_fields(call, participant),
        "recordingId": recorded[-1] if recorded else None,
        "muted": False,
        "confined": False,
        "errorInfo": None,
    }


def _communication(participant: SimulatedParticipant) -> dict[str, Any]:
    return {
        "id": participant.communication_id,
        "state": participant.state,
        "initialState": "connected",
        "direction": participant.direction,
        "held": participant.held,
        "segments": [],
        **_disconnect_type(participant),
        "startHoldTime": iso(participant.held_since),
        "connectedTime": iso(participant.connected_at),
        "disconnectedTime": iso(participant.ended_at),
        "provider": PROVIDER,
        "peerId": participant.peer_id,
        "wrapup": None,
        **_after_call_work(participant),
    }


def _after_call_work(participant: SimulatedParticipant) -> dict[str, Any]:
    return (
        {"afterCallWork": {"state": "pending", "startTime": iso(participant.ended_at)}} if participant.wraps_up else {}
    )


def _recording_fields(call: SimulatedCall, participant: SimulatedParticipant) -> dict[str, Any]:
    state = call.recording_on(participant)
    return {
        "recording": state == "active",
        "recordingState": state,
        "recordersState": {
            "adhocState": call.adhoc_on(participant).upper(),
            "customerExperienceState": call.policy_on(participant).upper(),
            "agentExperienceState": "NONE",
            "snippetState": "ACTIVE" if participant.snippet and participant.connected else "NONE",
        },
        "securePause": call.secure_pause and state == "paused",
    }


def _addresses(participant: SimulatedParticipant) -> dict[str, Any]:
    theirs, ours = CALLER_NUMBER, OUR_NUMBER
    return {
        "address": theirs if participant.purpose == "customer" else ours,
        "ani": theirs if participant.direction == "inbound" else ours,
        "dnis": ours if participant.direction == "inbound" else theirs,
    }


def _disconnect_type(participant: SimulatedParticipant) -> dict[str, str]:
    return {"disconnectType": participant.disconnect_type} if participant.disconnect_type else {}


def _reference(kind: str, entity_id: str | None) -> dict[str, Any] | None:
    return None if entity_id is None else {"id": entity_id, "selfUri": f"/api/v2/{kind}/{entity_id}"}


def _divisions(call: SimulatedCall) -> list[dict[str, Any]]:
    return [
        {
            "division": {"id": division, "selfUri": f"/api/v2/authorization/divisions/{division}"},
            "entities": [{"id": call.conversation_id}],
        }
        for division in call.divisions
    ]
