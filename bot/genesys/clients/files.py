"""What Genesys has saved of calls, through the OAuth client that sees the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.recording.keeping.recording_files import FilesState
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.genesys.clients.pool import GenesysClients
    from bot.genesys.recording_files.files import GenesysRecordingFiles
    from bot.genesys.transport.client import GenesysClient
    from bot.recording.keeping.recording_files import (
        Annotated,
        MediaLink,
        NoMedia,
        ProtectionChange,
        RecordingFiles,
        Transcoding,
    )
    from bot.recording.ports import Progress


@dataclass(frozen=True, slots=True)
class ClientsCallFiles:
    """``CallFiles`` over several clients: the one that found the call, else the first that shows its files.

    A write goes through one client, and is never repeated with another.
    """

    clients: GenesysClients
    adapters: Mapping[GenesysClient, GenesysRecordingFiles]

    async def files(
        self,
        conversation_id: str,
        *,
        ended_at: datetime | None,
        deadline: float,
        priority: Priority = Priority.PERSON,
    ) -> RecordingFiles:
        async def ask(client: GenesysClient) -> RecordingFiles:
            return await self.adapters[client].files(
                conversation_id, ended_at=ended_at, deadline=deadline, priority=priority
            )

        return await self.clients.first_with(conversation_id, ask, lambda found: found.state is FilesState.READY)

    async def protect(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        files = await self._of(conversation_id, deadline, priority)
        return await files.protect(conversation_id, deadline=deadline, progress=progress, priority=priority)

    async def release(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        files = await self._of(conversation_id, deadline, priority)
        return await files.release(conversation_id, deadline=deadline, progress=progress, priority=priority)

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
        files = await self._of(conversation_id, deadline, priority)
        return await files.annotate(
            conversation_id, recording_id, words, deadline=deadline, progress=progress, priority=priority
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
        files = await self._of(conversation_id, deadline, priority)
        return await files.media_link(
            conversation_id, recording_id, deadline=deadline, progress=progress, priority=priority
        )

    async def _of(self, conversation_id: str, deadline: float, priority: Priority) -> GenesysRecordingFiles:
        """Return the files of the client that sees the call, after looking for it where that is not known."""
        if self.clients.of_call(conversation_id) is None:
            await self.files(conversation_id, ended_at=None, deadline=deadline, priority=priority)
        return self.adapters[self.clients.of_call(conversation_id) or self.clients.candidates()[0]]
