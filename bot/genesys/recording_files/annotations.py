"""Marks a saved recording with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import GenesysError, GenesysUnavailable, OutcomeUnknown
from bot.genesys.json_fields import listed, text
from bot.genesys.transport.permissions import needing
from bot.genesys.transport.request import GenesysRequest
from bot.recording.keeping.recording_files import Annotated

if TYPE_CHECKING:
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

ADD, VIEW = "recording:annotation:add", "recording:annotation:view"
BOOKMARK = "bookmark"
LONGEST = 500
"""Characters of a description: the OpenAPI description of ``Annotation``."""
LOOK_AFTER = (0.5, 1.0, 2.0)
"""Seconds before each of the readings that may show a new annotation: without the permission to view
annotations none ever does."""


def annotations_request(conversation_id: str, recording_id: str) -> GenesysRequest:
    return GenesysRequest(
        "read annotations",
        "RecordingApi.get_conversation_recording_annotations",
        {"conversation_id": conversation_id, "recording_id": recording_id},
    )


def annotation_request(conversation_id: str, recording_id: str, description: str) -> GenesysRequest:
    return GenesysRequest(
        "annotate recording",
        "RecordingApi.post_conversation_recording_annotations",
        {
            "conversation_id": conversation_id,
            "recording_id": recording_id,
            "body": {"type": BOOKMARK, "location": 0, "description": description},
        },
    )


async def annotate(
    client: GenesysClient, conversation_id: str, recording_id: str, words: str, options: RequestOptions
) -> Annotated:
    """Add a bookmark with this text at the beginning of a recording, unless it already has the same.

    A text of more than 500 characters is cut. Raise NotFound if there is no such recording, OutcomeUnknown if Genesys
    has not answered and no reading shows the annotation, PermissionMissing.
    """
    description = _fitting(words)
    reads = annotations_request(conversation_id, recording_id)
    if known := await _find(client, reads, description, options):
        return Annotated(known, created=False)
    try:
        with needing(ADD):
            answer = await client.write(annotation_request(conversation_id, recording_id, description), options)
    except OutcomeUnknown as unanswered:
        if found := await _shown(client, reads, description, options):
            return Annotated(found, evidence=unanswered.evidence)
        raise
    found = await _shown(client, reads, description, options)
    annotation_id = found or text(answer.document().get("id")) or ""
    return Annotated(annotation_id, seen=found is not None, evidence=answer.evidence)


async def _shown(client: GenesysClient, reads: GenesysRequest, description: str, options: RequestOptions) -> str | None:
    """Read a few times, and return the annotation's id once it is shown."""
    for delay in LOOK_AFTER:
        if not await client.pause(delay, options):
            return None
        try:
            if found := await _find(client, reads, description, options.confirming()):
                return found
        except GenesysUnavailable:
            continue  # it may answer the next reading
        except GenesysError:
            return None
    return None


async def _find(client: GenesysClient, reads: GenesysRequest, description: str, options: RequestOptions) -> str | None:
    with needing(VIEW):
        answer = await client.read(reads, options)
    same = (one for one in listed(answer.json()) if _fitting(text(one.get("description")) or "") == description)
    return next((found for one in same if (found := text(one.get("id")))), None)


def _fitting(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
