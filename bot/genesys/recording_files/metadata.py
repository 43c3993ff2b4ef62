"""What Genesys has kept of a call: the metadata of its saved recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import GenesysUnavailable, NotFound
from bot.genesys.json_fields import listed, moment, text, word
from bot.genesys.transport.deadline import unattended
from bot.genesys.transport.request import GenesysRequest
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from bot.genesys.transport.client import GenesysClient


def metadata_request(conversation_id: str, operation: str = "read recording metadata") -> GenesysRequest:
    return GenesysRequest(
        operation, "RecordingApi.get_conversation_recordingmetadata", {"conversation_id": conversation_id}
    )


@dataclass(frozen=True, slots=True)
class GenesysSavedRecordings:
    """SavedRecordings over ``recordingmetadata``."""

    client: GenesysClient

    async def saved(
        self, conversation_id: str, *, deadline: float, priority: Priority = Priority.LOOP
    ) -> tuple[SavedRecording, ...]:
        """Read the metadata; a call that Genesys doesn't know (any more) has nothing."""
        try:
            answer = await self.client.read(metadata_request(conversation_id), unattended(deadline, priority))
        except NotFound:
            return ()
        body = answer.json()
        if not isinstance(body, list):
            raise GenesysUnavailable("Genesys's answer has no list of recordings.", evidence=answer.evidence)
        found = [_recording(one) for one in listed(body) if text(one.get("id"))]
        return tuple(sorted(found, key=lambda one: ("" if one.started_at is None else str(one.started_at), one.id)))


def _recording(metadata: dict[str, Any]) -> SavedRecording:
    return SavedRecording(
        id=text(metadata.get("id")) or "",
        state=word(metadata.get("fileState")) or "",
        media=word(metadata.get("media")),
        started_at=moment(metadata.get("startTime")),
        ended_at=moment(metadata.get("endTime")),
        media_subtype=word(metadata.get("mediaSubtype")),
        session_id=text(metadata.get("sessionId")),
    )
