"""A stand-in for Genesys's saved recordings behind the domain's port; what goes wrong is chosen by the test."""
# ruff: noqa: ARG002  the port decides the parameters

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import NotFound
from bot.recording.keeping.recording_files import (
    Annotated,
    FilesState,
    NoMedia,
    ProtectionChange,
    RecordingFiles,
    SavedRecording,
)
from bot.recording.ports import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from bot.recording.keeping.recording_files import MediaLink, Transcoding
    from bot.recording.ports import Progress


@dataclass
class FakeCallFiles:
    """``saved`` are the files of each call; ``fault`` is raised before a change happens, ``late_fault`` after."""

    saved: dict[str, tuple[SavedRecording, ...]] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    annotations: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fault: Exception | None = None
    late_fault: Exception | None = None
    annotation_fault: Exception | None = None
    before_write: Callable[[], Awaitable[None]] | None = None
    media: list[MediaLink | Transcoding | NoMedia] = field(default_factory=list)

    def store(self, call: str, *states: str) -> None:
        """Have Genesys list files of a call."""
        self.saved[call] = tuple(SavedRecording(f"file-{number}", state) for number, state in enumerate(states))

    async def files(
        self,
        conversation_id: str,
        *,
        ended_at: datetime | None,
        deadline: float,
        priority: Priority = Priority.PERSON,
    ) -> RecordingFiles:
        self.calls.append("files")
        found = self.saved.get(conversation_id, ())
        return RecordingFiles(FilesState.READY if found else FilesState.NOT_YET, found)

    async def protect(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        return await self._set(conversation_id, on=True)

    async def release(
        self, conversation_id: str, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> ProtectionChange:
        return await self._set(conversation_id, on=False)

    async def _set(self, call: str, *, on: bool) -> ProtectionChange:
        self.calls.append("protect" if on else "release")
        if (call in self.protected) is on:
            return ProtectionChange(on, created=False)
        if not self.saved.get(call):
            raise NotFound
        if self.before_write is not None:
            await self.before_write()
        if self.fault is not None:
            raise self.fault
        self.protected = self.protected | {call} if on else self.protected - {call}
        if self.late_fault is not None:
            raise self.late_fault
        return ProtectionChange(on)

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
        if self.annotation_fault is not None:
            raise self.annotation_fault
        self.annotations.append((recording_id, words))
        return Annotated("annotation-1")

    async def media_link(
        self,
        conversation_id: str,
        recording_id: str,
        *,
        deadline: float,
        progress: Progress,
        priority: Priority = Priority.PERSON,
    ) -> MediaLink | Transcoding | NoMedia:
        self.calls.append("media")
        return self.media.pop(0) if self.media else NoMedia("deleted")
