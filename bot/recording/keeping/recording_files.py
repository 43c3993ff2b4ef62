"""What Genesys has saved of a call, and the ways to use it: keep it, mark it, listen to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import Evidence

if TYPE_CHECKING:
    from datetime import datetime

    from bot.recording.models import SavedRecording

GONE = frozenset({"deleted", "error"})
"""States of files of which nothing can be kept or played."""


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
