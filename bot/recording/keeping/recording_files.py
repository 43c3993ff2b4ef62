"""What Genesys has saved of a call, and the ways to use it: keep it, mark it, listen to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import Evidence

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

GONE = frozenset({"deleted", "error"})
"""States of files of which nothing can be kept or played."""


@dataclass(frozen=True, slots=True)
class SavedRecording:
    """A recording that Genesys keeps after the call. ``state`` is Genesys's word for the file, in lower case."""

    id: str
    state: str
    media: str | None = None
    started_at: datetime | None = None
    """Known of screen recordings only: Genesys names no time for audio."""
    ended_at: datetime | None = None
    media_subtype: str | None = None
    """Which recorder made it, in Genesys's word in lower case: trunk, station, consult, screen or snippet."""
    session_id: str | None = None
    """Of the communication whose media it holds."""

    @property
    def there(self) -> bool:
        """Whether Genesys has finished storing it; an upload or a missing state means wait."""
        return self.state not in {"", "uploading"}

    @property
    def length(self) -> timedelta | None:
        """How long it is, where Genesys says; it does not for every kind."""
        if self.started_at is None or self.ended_at is None or self.ended_at < self.started_at:
            return None
        return self.ended_at - self.started_at


class FilesState(StrEnum):
    """Whether a call has saved recordings."""

    READY = "ready"
    NOT_YET = "not_yet"
    """The call goes on or has just ended, or Genesys is still storing a file."""
    NONE = "none"
    """The call was not recorded, its recording was deleted, or Genesys doesn't know the call."""


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The saved recordings of one call; ``files`` has all that Genesys lists, whatever their state."""

    state: FilesState
    files: tuple[SavedRecording, ...] = ()

    @property
    def ready(self) -> tuple[SavedRecording, ...]:
        """Return the files that are stored and not gone: those that can be annotated and played."""
        return tuple(file for file in self.files if file.there and file.state not in GONE)


@dataclass(frozen=True, slots=True)
class ProtectionChange:
    """The protection of a call's recordings from deletion, confirmed by a reading.

    ``created`` is False if it was already as wanted: then nothing was sent that changes anything, or somebody else
    was faster.
    """

    protected: bool
    created: bool = True
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotation on a recording.

    ``created`` is False if the recording already had it. ``seen`` is False if Genesys accepted it and no reading has
    shown it, which is so without ``recording:annotation:view``.
    """

    annotation_id: str
    created: bool = True
    seen: bool = True
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class MediaLink:
    """A link that plays a recording for anyone who has it, until it expires. It may be in no log and no entry."""

    uri: str = field(repr=False)
    expires_at: datetime | None = None
    """None if the link doesn't say."""


@dataclass(frozen=True, slots=True)
class Transcoding:
    """Genesys still converts the recording; ``seconds`` is its estimate of the remaining time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NoMedia:
    """There is nothing to play. ``state`` is Genesys's word for the file in lower case, such as ``archived``."""

    state: str


@dataclass(frozen=True, slots=True)
class RecordingFileCheck:
    """A recording whose file is missing: since when it is over, and the number of checks so far."""

    recording_id: UUID
    ended_at: datetime
    looks: int = 0
