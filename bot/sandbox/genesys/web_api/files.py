"""What is kept of a call: the files of its recorders, as ``recordingmetadata`` lists them.

Source: the OpenAPI description of ``RecordingMetadata``: ``mediaSubtype`` is Trunk, Station, Consult, Screen or
Snippet, and ``startTime`` is null for audio. An ad-hoc recording is none of these: the help center ("Call recording in
Genesys Cloud overview") says that it is a user recording, which goes to a user's inbox, so it is not among the
conversation's files here. Whose inbox that is when an OAuth client starts it is documented nowhere, and not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.web_api.answers import iso

if TYPE_CHECKING:
    from bot.sandbox.genesys.state.calls import MediaSubtype, SimulatedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """One file. Times are seconds since the epoch; ``session_id`` is the communication whose media it holds."""

    id: str
    media_subtype: MediaSubtype
    session_id: str
    started_at: float
    ended_at: float


def files_of(call: SimulatedCall) -> list[SavedFile]:
    """Return what is kept: nothing before the call is over, and nothing of what only an ad-hoc recorder recorded."""
    if call.ended_at is None:
        return []
    trunk = [
        SavedFile(
            id=recording.id,
            media_subtype="Trunk",
            session_id=call.participants[0].communication_id,
            started_at=recording.started_at,
            ended_at=recording.ended_at,
        )
        for recording in call.recordings
        if recording.ended_at is not None and (call.policy or recording.mechanism != "adhoc")
    ]
    others = [_file_of(call, number, subtype) for number, subtype in enumerate(call.other_files)]
    return trunk + others


def metadata(call: SimulatedCall, file: SavedFile) -> dict[str, Any]:
    """Write a ``RecordingMetadata``."""
    path = f"/api/v2/conversations/{call.conversation_id}/recordings/{file.id}"
    screen = file.media_subtype == "Screen"
    return {
        "id": file.id,
        "name": None,
        "conversationId": call.conversation_id,
        "path": path,
        "startTime": iso(file.started_at) if screen else None,
        "endTime": iso(file.ended_at),
        "media": "screen" if screen else "audio",
        "mediaSubtype": file.media_subtype,
        "annotations": [],
        "fileState": "AVAILABLE",
        "maxAllowedRestorationsForOrg": 10000,
        "remainingRestorationsAllowedForOrg": 10000,
        "sessionId": file.session_id,
        "selfUri": path,
    }


def _file_of(call: SimulatedCall, number: int, subtype: MediaSubtype) -> SavedFile:
    agent = next((one for one in call.participants if one.user_id), call.participants[0])
    return SavedFile(
        id=derived_id(call.conversation_id, "file", number),
        media_subtype=subtype,
        session_id=agent.communication_id,
        started_at=agent.started_at,
        ended_at=call.ended_at or agent.started_at,
    )
