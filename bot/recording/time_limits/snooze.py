"""The answer to a reminder of a long recording: it is still needed, so the next reminder comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

STILL_NEEDED_ACTION = "recording:still_needed"
STILL_NEEDED_VERB = "still_needed"


@dataclass(frozen=True, slots=True)
class Snooze:
    """Who said when that the recording is still needed. ``until`` None: no reminder follows; they are turned off."""

    at: datetime
    until: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a long recording; ``number`` counts those of the recording.

    ``shown``: its message is known, and still has its buttons.
    """

    recording_id: UUID
    occasion: str
    number: int
    shown: bool
    snooze: Snooze | None = None
