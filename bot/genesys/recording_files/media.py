"""Links to the sound of a saved recording."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from bot.genesys.json_fields import part, text, word
from bot.genesys.transport.permissions import needing
from bot.genesys.transport.request import GenesysRequest
from bot.recording.keeping.recording_files import MediaLink, NoMedia, Transcoding
from bot.recording.ports import Waiting

if TYPE_CHECKING:
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

VIEW = "recording:recording:view"
FORMAT = "MP3"
"""Plays in every browser, a phone's too."""
STEREO = "S"
"""The key of the one file with all channels."""
TRANSCODING = 202
USUAL_WAIT, SHORTEST_WAIT, LONGEST_WAIT = 3.0, 1.0, 15.0
"""Seconds between two requests while Genesys transcodes; the first where it doesn't estimate."""
AMAZON_TIME = "%Y%m%dT%H%M%SZ"


def media_request(conversation_id: str, recording_id: str) -> GenesysRequest:
    return GenesysRequest(
        "read recording media",
        "RecordingApi.get_conversation_recording",
        {
            "conversation_id": conversation_id,
            "recording_id": recording_id,
            "format_id": FORMAT,
            "download": True,
        },
        may_be_pending=True,
    )


async def media_link(
    client: GenesysClient, conversation_id: str, recording_id: str, options: RequestOptions
) -> MediaLink | Transcoding | NoMedia:
    """Return a link to a recording's sound, waiting for the transcoding until the deadline.

    ``within.progress`` is told of each wait. Raise NotFound if there is no such recording, PermissionMissing.
    """
    while True:
        with needing(VIEW):
            answer = await client.read(media_request(conversation_id, recording_id), options)
        if answer.status != TRANSCODING:
            return _media(answer.document())
        seconds = _estimate(answer.document())
        await options.progress(Waiting(seconds))
        if not await client.pause(seconds, options):
            return Transcoding(seconds)


def _media(recording: dict[str, Any]) -> MediaLink | NoMedia:
    found = {channel: part(media).get("mediaUri") for channel, media in part(recording.get("mediaUris")).items()}
    uris = {channel: uri for channel, value in found.items() if (uri := _web_address(value))}
    if not uris:
        return NoMedia(word(recording.get("fileState")) or "")
    uri = uris.get(STEREO) or uris[min(uris)]
    return MediaLink(uri, _expiry(uri))


def _estimate(recording: dict[str, Any]) -> float:
    milliseconds = recording.get("estimatedTranscodeTimeMs")
    if not isinstance(milliseconds, int | float) or not math.isfinite(milliseconds):
        return USUAL_WAIT
    return min(max(milliseconds / 1000, SHORTEST_WAIT), LONGEST_WAIT)


def _web_address(value: object) -> str | None:
    """Return a link that can be shown; None for what is none."""
    link = text(value)
    if link is None or any(character in link for character in ' <>|"\\') or not link.isascii():
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in {"https", "http"} and parts.netloc else None


def _expiry(uri: str) -> datetime | None:
    """Return when a signed link expires, as the query parameters of S3 and CloudFront say it."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(uri).query).items()}
    try:
        if "Expires" in query:
            return datetime.fromtimestamp(int(query["Expires"]), UTC)
        date = datetime.strptime(query["X-Amz-Date"], AMAZON_TIME).replace(tzinfo=UTC)
        return date + timedelta(seconds=int(query["X-Amz-Expires"]))
    except (KeyError, ValueError, OverflowError, OSError):
        return None
