"""What a reading of a call says about its agents and its recording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CallRecording(StrEnum):
    """What a reading of the call says about its recording, by any recorder."""

    NONE = "none"
    ACTIVE = "active"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    """The reading doesn't say; never to be taken for ``NONE``."""


QUEUE_SOURCE = "queue:"
"""Stands before a queue's id where events of its calls are asked for; an agent's id stands alone."""


@dataclass(frozen=True, slots=True)
class Participant:
    """An agent who is connected to a call and whose side of it can be recorded."""

    id: str
    user_id: str
    name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
