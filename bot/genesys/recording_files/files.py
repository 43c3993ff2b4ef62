"""The saved recordings of calls: whether they exist, how long they are kept, and how to listen to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.genesys.recording_files.annotations import annotate
from bot.genesys.recording_files.media import media_link
from bot.genesys.recording_files.metadata import GenesysSavedRecordings
from bot.genesys.recording_files.protection import set_protection
from bot.genesys.transport.deadline import RequestOptions
from bot.genesys.transport.permissions import needing
from bot.recording.keeping.recording_files import FilesState, RecordingFiles
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from datetime import datetime

    from bot.genesys.transport.client import GenesysClient
    from bot.recording.keeping.recording_files import Annotated, MediaLink, NoMedia, ProtectionChange, Transcoding
    from bot.recording.ports import Progress

VIEW = "recording:recording:view"
APPEARS_WITHIN = timedelta(hours=1)
"""How long after a call a recording may still appear; Genesys names no figure."""


@dataclass(frozen=True, slots=True)
class GenesysRecordingFiles:
    """Keeps, marks and plays what Genesys has saved. ``deadline`` is a reading of the clock's ``monotonic``."""

    client: GenesysClient

    async def files(
        self,
        conversation_id: str,
        *,
        ended_at: datetime | None,
        deadline: float,
        priority: Priority = Priority.PERSON,
    ) -> RecordingFiles:
        """List a call's saved recordings; ``ended_at`` is when the call ended, None if it goes on or that is unknown.

        Raise the GenesysError branch.
        """
        with needing(VIEW):
            saved = GenesysSavedRecordings(self.client)
            found = await saved.saved(conversation_id, deadline=deadline, priority=priority)
        files = RecordingFiles(FilesState.READY, found)
        if any(not file.there for file in found):
            return RecordingFiles(FilesState.NOT_YET, found)
        if files.ready:
            return files
        recent = ended_at is None or self.client.clock.now() - ended_at < APPEARS_WITHIN
        return RecordingFiles(FilesState.NOT_YET if recent and not found else FilesState.NONE, found)

    async def protect(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        """Protect a call's recordings from deletion; see ``set_protection`` for what is raised."""
        return await set_protection(self.client, conversation_id, RequestOptions(deadline, progress, priority), on=True)

    async def release(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        """End the protection of a call's recordings; see ``set_protection`` for what is raised."""
        return await set_protection(
            self.client, conversation_id, RequestOptions(deadline, progress, priority), on=False
        )

    async def annotate(
        self,
        conversation_id: str,
        recording_id: str,
        words: str,
        *,
        deadline: float,
        progress: Progress,
        priority: Priority = Priority.PERSON,
    ) -> Annotated:
        """Mark a recording with a text; see ``annotations.annotate`` for what is raised."""
        return await annotate(
            self.client, conversation_id, recording_id, words, RequestOptions(deadline, progress, priority)
        )

    async def media_link(
        self,
        conversation_id: str,
        recording_id: str,
        *,
        deadline: float,
        progress: Progress,
        priority: Priority = Priority.PERSON,
    ) -> MediaLink | Transcoding | NoMedia:
        """Return a link to a recording's sound; ``progress`` is told of each wait for the transcoding."""
        return await media_link(
            self.client, conversation_id, recording_id, RequestOptions(deadline, progress, priority)
        )
