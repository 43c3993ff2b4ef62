"""Keeping a call's recordings, and releasing them: the requests and their state, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bot.recording.requests import is_person

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.caller import Scope
    from bot.recording.models import Recording
    from bot.recording.requests import Request

AFTER_SECONDS = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""When to look for a call's files after its end, before giving up."""
RETRY_SECONDS = (5.0, 15.0, 60.0, 300.0)
"""How long to wait after a try that Genesys didn't answer; the last one is repeated."""
GOES_ON_SECONDS = 60.0
"""How often to read a call that goes on and that no recording of ours follows."""
BY_RULE_SECONDS = 300.0
"""The same for a call that a rule has the bot keep: Genesys's notifications tell when it is over."""
GIVEN_UP_AFTER = timedelta(days=1)
"""How long a request is tried in all."""
LEASE = timedelta(seconds=40)
"""How long one try may take before another process takes it over."""


class KeepVerb(StrEnum):
    """What is asked for."""

    KEEP = "keep"
    RELEASE = "release"

    @property
    def action(self) -> str:
        """The audit trail's word for it."""
        return f"recording:{self.value}"


class KeepState(StrEnum):
    """How a request stands. Only WAITING has something left to do."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It was sent, and no reading ever showed whether it took effect."""
    SUPERSEDED = "superseded"
    """A later request of the other kind came first."""


@dataclass(frozen=True, slots=True)
class Keep:
    """One request to keep or to release a call's recordings; ``id`` is the attempt's.

    ``recording_id`` is our newest recording of the call, None if the bot never recorded it.
    """

    id: UUID
    conversation_id: str
    verb: KeepVerb
    asked_by: str
    asked_at: datetime
    audit_seq: int
    """The number of the entry that asked; orders the requests."""
    recording_id: UUID | None = None
    state: KeepState = KeepState.WAITING
    reason_code: str | None = None
    ended_at: datetime | None = None
    """When the call ended, once that is known."""
    tries: int = 0
    next_at: datetime | None = None
    """When to try next; None: now if someone is trying, else once our recording of the call is over."""
    owner: str | None = None
    """The process that is trying now."""
    claimed_at: datetime | None = None
    in_doubt: bool = False
    """Whether a try was sent, or may have been, and nobody knows whether it took effect."""
    error: str | None = None
    """Why it failed, or why the last try has to be repeated."""
    permission: str | None = None
    """The missing permission, if that is why."""
    annotation: str | None = None
    """``added``, ``none`` (there was nothing to add), or the kind of the error."""
    annotation_permission: str | None = None
    settled_at: datetime | None = None
    settled_seq: int | None = None
    scope: Scope | None = None
    """The calls that the person might keep, where a reading has to decide; None: every call."""
    language: str | None = None
    cancels: int = 0
    """Of a release: how many requests to keep, not carried out yet, it superseded."""
    told: bool = False
    """Whether the person knows how it ended, or need not be told."""
    answers_begun: int = 0
    """How often a message about that was begun; a copy may have arrived if the result is unknown."""

    @property
    def needs_answer(self) -> bool:
        """Whether no card shows how it ended, or shows something that the person has to act on."""
        alone = self.recording_id is None or self.state in {KeepState.FAILED, KeepState.UNKNOWN}
        return alone and is_person(self.asked_by)

    @property
    def settled(self) -> bool:
        return self.state is not KeepState.WAITING


@dataclass(frozen=True, slots=True)
class PendingKeep:
    """A request that is in the trail, on disk, and may now go to Genesys."""

    request: Request
    keep: Keep
    recording: Recording | None = None
    queued: bool = False
    """Whether an earlier request about the same call is being carried out, which comes first."""


class KeepRows(Protocol):
    """The steps of a write transaction about keeping."""

    def add(self, keep: Keep) -> None: ...

    def get(self, keep_id: UUID) -> Keep | None: ...

    def newest(self, conversation_id: str) -> Keep | None:
        """Return the call's newest request that was not superseded, settled or not."""

    def waiting(self, conversation_id: str) -> tuple[Keep, ...]:
        """Return the call's unsettled requests, oldest first."""

    def save(self, after: Keep, *, was: Keep) -> bool:
        """Store a request unless it was settled, or tried by another process, since ``was``."""

    def note_told(self, keep_id: UUID) -> None: ...

    def redraw(self, conversation_id: str) -> None:
        """Redraw the cards of the call's recordings."""

    def held(self) -> bool:
        """Say whether the trail is under legal hold."""


class KeepQueue(Protocol):
    """The requests that are still to be carried out."""

    async def due(self, now: datetime) -> tuple[Keep, ...]:
        """Return those that may be tried now, those that a process is trying included, oldest first.

        One that waits for an earlier request about the same call is not among them.
        """

    async def next_at(self) -> datetime | None:
        """Return when the next one is due, None without one."""

    async def reason(self, keep: Keep) -> str | None:
        """Return the text that the person typed, unless it was erased."""
