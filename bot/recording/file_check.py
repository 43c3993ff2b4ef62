"""A check for the file of a finished recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class RecordingFileCheck:
    """A recording whose file is missing: since when it is over, and the number of checks so far."""

    recording_id: UUID
    ended_at: datetime
    looks: int = 0
