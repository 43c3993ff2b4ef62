"""Reads a call in one request, and raises a clear error if it can't be recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import CallEnded, CallNotFound, GenesysError, NotAVoiceCall, NotFound, RequestRejected
from bot.genesys.recording.call_state import read_call
from bot.genesys.transport.request import Request

if TYPE_CHECKING:
    from bot.genesys.recording.call_state import CallReading
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import Within


async def read(client: GenesysClient, conversation_id: str, within: Within) -> CallReading:
    """Read a call with one request. Raise CallEnded when everyone has left, CallNotFound, NotAVoiceCall.

    A 404 with a code of Genesys's is about the call, the only thing that the request names. One without is somebody
    else's, a proxy's for example, and says nothing: NotFound.
    """
    request = Request("read call", "ConversationsApi.get_conversations_call", {"conversation_id": conversation_id})
    try:
        answer = await client.read(request, within)
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


async def first_read(client: GenesysClient, conversation_id: str, within: Within) -> CallReading:
    """Read a call by a typed id; distinguish a chat or an email from an id that doesn't exist."""
    try:
        return await read(client, conversation_id, within)
    except NotFound as missing:
        if await _exists(client, conversation_id, within):
            raise NotAVoiceCall(evidence=missing.evidence) from missing
        raise CallNotFound(evidence=missing.evidence) from missing


async def _exists(client: GenesysClient, conversation_id: str, within: Within) -> bool:
    request = Request("read conversation", "ConversationsApi.get_conversation", {"conversation_id": conversation_id})
    try:
        answer = await client.read(request, within)
    except GenesysError:
        return False  # it can't be told, and "not found" was the answer
    participants = answer.document().get("participants")
    return isinstance(participants, list) and not any(
        isinstance(participant, dict) and participant.get("calls") for participant in participants
    )
