"""What waits in the database for the workers: one read after a write tells each of them whether it has to look."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, literal_column, select, type_coerce

from bot.database.schema.column_types import Flag
from bot.database.schema.tables import (
    approvals,
    attempts,
    homes,
    keeps,
    next_call_notices,
    next_calls,
    notices,
    recordings,
    saved_looks,
)
from bot.database.statements import approvals as approval_rows
from bot.database.transaction import LIVE
from bot.recording.handover import FollowUp
from bot.recording.models import RecordingState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Label, Table

    from bot.database.engine import Engines
    from bot.recording.ports import Clock

FRESH_SECONDS = 5.0
"""How long a read counts if no write is known of since: a notification of PostgreSQL may be lost."""


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Whether rows exist that a worker may have to do something about, now or later.

    None of it depends on the time, so that it changes with a write alone.
    """

    keeps: bool
    keep_answers: bool
    approvals: bool
    next_calls: bool
    next_call_notices: bool
    homes: bool
    late_effects: bool
    transfers: bool
    time_limits: bool
    recording_files: bool
    notices: bool
    """Notices that are not closed."""
    transfer_questions: bool
    """Transfers about which a person is asked."""
    attempts_since: datetime | None
    """When the oldest open attempt was requested."""
    running_since: datetime | None
    """When the oldest live recording began of those that run."""
    paused_since: datetime | None


def _any(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return type_coerce(select(1).select_from(table).where(*conditions).exists(), Flag)


def _live(state: RecordingState) -> tuple[ColumnElement[bool], ...]:
    return LIVE, recordings.c.state == state


UNTOLD = keeps.c.told == literal_column("0")  # spelled out as in the index
ENDS = recordings.c.pause_until.is_not(None) | recordings.c.run_until.is_not(None)
WAITING: dict[str, ColumnElement[bool]] = {
    "keeps": _any(keeps, keeps.c.settled_at.is_(None)),
    "keep_answers": _any(keeps, UNTOLD, keeps.c.settled_at.is_not(None)),
    "approvals": _any(approvals, approval_rows.OPEN),
    "next_calls": _any(next_calls, next_calls.c.closed_at.is_(None)),
    "next_call_notices": _any(next_call_notices, next_call_notices.c.closed_at.is_(None)),
    "homes": _any(homes),
    "late_effects": _any(attempts, attempts.c.looks_left > literal_column("0")),
    "transfers": _any(recordings, recordings.c.follow_up == FollowUp.WATCH),
    "time_limits": _any(recordings, LIVE, ENDS),
    "recording_files": _any(saved_looks, saved_looks.c.next_at.is_not(None)),
    "notices": _any(notices, notices.c.closed_at.is_(None)),
    "transfer_questions": _any(recordings, recordings.c.follow_up == FollowUp.ASK),
}
OLDEST = {
    "attempts_since": select(func.min(attempts.c.requested_at)).where(attempts.c.settled_at.is_(None)),
    "running_since": select(func.min(recordings.c.started_at)).where(*_live(RecordingState.ACTIVE)),
    "paused_since": select(func.min(recordings.c.paused_at)).where(*_live(RecordingState.PAUSED)),
}


def _labels() -> list[Label[object]]:
    oldest = [statement.scalar_subquery().label(name) for name, statement in OLDEST.items()]
    return [*(condition.label(name) for name, condition in WAITING.items()), *oldest]


PENDING = select(*_labels())


@dataclass(frozen=True, slots=True)
class _Known:
    writes: int
    until: float
    work: PendingWork


@dataclass(slots=True)
class SqlPendingWork:
    """Reads it once for all who ask, until something is written by this process, or known to be by another one."""

    engines: Engines
    changes: asyncio.Event
    """Set after another process has written; cleared here."""
    clock: Clock
    _known: _Known | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> PendingWork:
        async with self._lock:
            writes, now = self.engines.writer.ended, self.clock.monotonic()
            known = self._known
            if known is None or known.writes != writes or now >= known.until or self.changes.is_set():
                self.changes.clear()
                row = await self.engines.read(lambda connection: connection.execute(PENDING).one())
                known = self._known = _Known(writes, now + FRESH_SECONDS, PendingWork(**row._asdict()))
            return known.work
