"""The ports to what Genesys has saved of calls, and to the recordings whose files are still to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from bot.recording.keeping.recording_files import (
        Annotated,
        MediaLink,
        NoMedia,
        ProtectionChange,
        RecordingFileCheck,
        RecordingFiles,
        SavedRecording,
        Transcoding,
    )
    from bot.recording.ports import Priority, Progress


class CallFiles(Protocol):
    """What Genesys has saved of calls. Raises the GenesysError branch of ``bot.errors``."""

    async def files(
        self, conversation_id: str, *, ended_at: datetime | None, deadline: float, priority: Priority = ...
    ) -> RecordingFiles: ...

    async def protect(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = ...
    ) -> ProtectionChange:
        """Protect a call's recordings from deletion, and confirm it by reading."""

    async def release(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = ...
    ) -> ProtectionChange: ...

    async def annotate(
        self,
        conversation_id: str,
        recording_id: str,
        words: str,
        *,
        deadline: float,
        progress: Progress,
        priority: Priority = ...,
    ) -> Annotated: ...

    async def media_link(
        self,
        conversation_id: str,
        recording_id: str,
        *,
        deadline: float,
        progress: Progress,
        priority: Priority = ...,
    ) -> MediaLink | Transcoding | NoMedia:
        """Return a link to a recording's sound; ``progress`` is told of each wait for the transcoding."""


class SavedRecordings(Protocol):
    """Returns what Genesys has stored of a call. Raises the GenesysError branch of ``bot.errors``."""

    async def saved(
        self, conversation_id: str, *, deadline: float, priority: Priority = ...
    ) -> tuple[SavedRecording, ...]:
        """Return the call's saved recordings; none where Genesys has not got them (yet)."""


class SavedQueue(Protocol):
    """The recordings whose files are still to be found."""

    async def due(self, now: datetime, *, limit: int) -> tuple[RecordingFileCheck, ...]:
        """Return the checks that are due, the longest waiting first."""

    async def next_at(self) -> datetime | None:
        """Return when the next check is due, None without one."""
