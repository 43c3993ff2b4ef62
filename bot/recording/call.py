"""Calls and lists of live calls as Genesys shows them: who is on a call, and what its recording does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


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


class Direction(StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A voice call that agents are on now, for a list of calls: enough to choose one, never to act on.

    ``recording`` is UNKNOWN where the list doesn't say. Names are None where nobody has told them yet.
    """

    conversation_id: str
    agents: tuple[Participant, ...] = ()
    queue_id: str | None = None
    queue_name: str | None = None
    direction: Direction | None = None
    since: datetime | None = None
    recording: CallRecording = CallRecording.UNKNOWN


@dataclass(frozen=True, slots=True)
class LiveList:
    """The live calls of one query, longest first."""

    calls: tuple[LiveCall, ...]
    complete: bool = True
    """Whether these are all."""
    requests: int = 1
    """The number of requests that the query took."""
    tells_recording: bool = False
    """Whether it was asked what is being recorded; of single calls that may be unknown all the same."""
