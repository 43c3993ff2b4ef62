"""What is kept of a call: the files of its recorders, as the recording API lists and hands them out.

Source: the OpenAPI description of ``RecordingMetadata`` and ``Recording``: ``mediaSubtype`` is Trunk, Station, Consult,
Screen or Snippet, and the metadata's ``startTime`` is null for audio. An ad-hoc recording is none of these: the help
center ("Call recording in Genesys Cloud overview") says that it is a user recording, which goes to a user's inbox, so
it is not among the conversation's files here. Whose inbox that is when an OAuth client starts it is documented nowhere,
and not simulated.

A media URI is a signed link of S3, which works without a token until it expires. Which keys ``mediaUris`` has is not
described; examples of the developer center have ``S`` for a download, and a number for each channel otherwise.
"""

from __future__ import annotations

import hashlib
import io
import wave
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.web_api.answers import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys.state.calls import MediaSubtype, SimulatedCall

FORMATS = ("WAV", "WEBM", "WAV_ULAW", "OGG_VORBIS", "OGG_OPUS", "MP3", "NONE")
LINK_SECONDS = 3600
"""How long a link works: ``recordingPlaybackUrlTtl`` of the organization's recording settings, in seconds."""
AMAZON_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """One file. Times are seconds since the epoch; ``session_id`` is the communication whose media it holds."""

    id: str
    media_subtype: MediaSubtype
    session_id: str
    started_at: float
    ended_at: float


@dataclass(slots=True)
class MediaFiles:
    """Transcodes on demand, and hands out links that expire; the sound is a second of silence."""

    clock: Callable[[], float]
    url: Callable[[], str]
    transcode_seconds: float = 1.0
    """From the first request for a format until it can be played."""

    _ready_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def transcoding(self, recording_id: str, wanted: str, seconds: float | None = None) -> float:
        """Return the seconds until a format can be played, and begin with it at the first request."""
        if (recording_id, wanted) not in self._ready_at:
            takes = self.transcode_seconds if seconds is None else seconds
            self._ready_at[recording_id, wanted] = self.clock() + takes
        return max(0.0, self._ready_at[recording_id, wanted] - self.clock())

    def uris(self, file: SavedFile, wanted: str, *, download: bool) -> dict[str, Any]:
        channels = ("S",) if download else ("0", "1")
        return {channel: {"mediaUri": self._link(file.id, channel, wanted)} for channel in channels}

    async def serve(self, request: web.Request) -> web.Response:
        """Hand the sound out to anybody whose link has not expired, as S3 does."""
        try:
            date = datetime.strptime(request.query["X-Amz-Date"], AMAZON_TIME).replace(tzinfo=UTC)
            expires = date + timedelta(seconds=int(request.query["X-Amz-Expires"]))
        except (KeyError, ValueError):
            return web.Response(status=403, text="AccessDenied")
        signed = _signature(request.path, request.query["X-Amz-Date"], request.query["X-Amz-Expires"])
        if request.query.get("X-Amz-Signature") != signed or self.clock() >= expires.timestamp():
            return web.Response(status=403, text="AccessDenied")
        return web.Response(body=_silence(), content_type="audio/wav")

    def _link(self, recording_id: str, channel: str, wanted: str) -> str:
        path = f"/media/{recording_id}/{channel}.{wanted.partition('_')[0].lower()}"
        date = datetime.fromtimestamp(self.clock(), UTC).strftime(AMAZON_TIME)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": date,
            "X-Amz-Expires": str(LINK_SECONDS),
            "X-Amz-Signature": _signature(path, date, str(LINK_SECONDS)),
        }
        return f"{self.url()}{path}?{urlencode(query)}"


def files_of(call: SimulatedCall) -> list[SavedFile]:
    """Return what is kept: nothing before the call is over, and nothing of what only an ad-hoc recorder recorded."""
    if call.ended_at is None:
        return []
    trunk = [
        SavedFile(
            id=saved.id,
            media_subtype="Trunk",
            session_id=call.participants[0].communication_id,
            started_at=saved.started_at,
            ended_at=saved.ended_at,
        )
        for saved in call.recordings
        if saved.ended_at is not None and (call.policy or saved.mechanism != "adhoc")
    ]
    others = [_file_of(call, number, subtype) for number, subtype in enumerate(call.other_files)]
    return trunk + others


def metadata(call: SimulatedCall, file: SavedFile, *, state: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a ``RecordingMetadata``."""
    screen = file.media_subtype == "Screen"
    return _common(call, file, state) | {
        "startTime": iso(file.started_at) if screen else None,
        "annotations": annotations if state == "AVAILABLE" else [],
    }


def recording(
    call: SimulatedCall,
    file: SavedFile,
    *,
    state: str,
    annotations: list[dict[str, Any]],
    uris: dict[str, Any] | None,
) -> dict[str, Any]:
    """Write a ``Recording``; ``uris`` is None where there is no playable media."""
    return _common(call, file, state) | {
        "startTime": None if uris is None else iso(file.started_at),
        "endTime": None if uris is None else iso(file.ended_at),
        "annotations": annotations,
        "mediaUris": uris,
        "actualTranscodeTimeMs": None if uris is None else 900,
        "outputDurationMs": None if uris is None else int((file.ended_at - file.started_at) * 1000),
        "recordingFileRole": "CUSTOMER_EXPERIENCE",
        "creationTime": iso(file.ended_at),
        "users": [],
    }


def _common(call: SimulatedCall, file: SavedFile, state: str) -> dict[str, Any]:
    path = f"/api/v2/conversations/{call.conversation_id}/recordings/{file.id}"
    return {
        "id": file.id,
        "name": None,
        "conversationId": call.conversation_id,
        "path": path,
        "endTime": iso(file.ended_at),
        "media": "screen" if file.media_subtype == "Screen" else "audio",
        "mediaSubtype": file.media_subtype,
        "fileState": state,
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


def _signature(*signed: str) -> str:
    return hashlib.sha256("/".join(("sandbox", *signed)).encode()).hexdigest()


def _silence() -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000))
    return sound.getvalue()
