"""The files that Genesys has stored of recorded calls, and when to check next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from bot.database.mapping import upsert
from bot.database.schema.tables import saved_looks, saved_recordings
from bot.recording.keeping.recording_files import RecordingFileCheck, SavedRecording
from bot.recording.models import Mechanism, Recording, RecordingState
from bot.recording.monitoring.recording_files import AFTER_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from bot.database.engine import Engines

OVER = frozenset({RecordingState.STOPPED, RecordingState.ENDED})


@dataclass(frozen=True, slots=True)
class SqlRecordingFileChecks:
    """``bot.recording.ports.SavedQueue`` on a database."""

    engines: Engines

    async def due(self, now: datetime, *, limit: int) -> tuple[RecordingFileCheck, ...]:
        statement = (
            select(saved_looks.c.recording_id, saved_looks.c.ended_at, saved_looks.c.looks)
            .where(saved_looks.c.next_at <= now)
            .order_by(saved_looks.c.next_at)
            .limit(limit)
        )
        rows = await self.engines.read(lambda connection: connection.execute(statement).all())
        return tuple(RecordingFileCheck(**row._asdict()) for row in rows)

    async def next_at(self) -> datetime | None:
        times = select(saved_looks.c.next_at).where(saved_looks.c.next_at.is_not(None))
        first = times.order_by(saved_looks.c.next_at).limit(1)
        return await self.engines.read(lambda connection: connection.execute(first).scalar_one_or_none())


def schedule_checks(connection: Connection, recording: Recording) -> None:
    """Schedule checks for the file of a policy's finished recording; others have none among the call's files."""
    if recording.state not in OVER or recording.mechanism is not Mechanism.POLICY or recording.ended_at is None:
        return
    first = {
        "ended_at": recording.ended_at,
        "looks": 0,
        "next_at": recording.ended_at + timedelta(seconds=AFTER_SECONDS[0]),
    }
    statement = upsert(connection, saved_looks).values(recording_id=recording.id, **first)
    connection.execute(statement.on_conflict_do_update(index_elements=[saved_looks.c.recording_id], set_=first))


def note_check(connection: Connection, look: RecordingFileCheck, looks: int, next_at: datetime | None) -> bool:
    """Store a check and the time of the next; False if another process has checked meanwhile."""
    result = connection.execute(
        update(saved_looks)
        .where(saved_looks.c.recording_id == look.recording_id, saved_looks.c.looks == look.looks)
        .values(looks=looks, next_at=next_at)
    )
    return result.rowcount == 1


def keep_saved(connection: Connection, recording_id: UUID, saved: SavedRecording) -> None:
    values: dict[str, Any] = {
        "state": saved.state,
        "media": saved.media,
        "started_at": saved.started_at,
        "ended_at": saved.ended_at,
        "media_subtype": saved.media_subtype,
        "session_id": saved.session_id,
    }
    statement = upsert(connection, saved_recordings).values(recording_id=recording_id, id=saved.id, **values)
    key = [saved_recordings.c.recording_id, saved_recordings.c.id]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values))


def saved_of(connection: Connection, recording_ids: Iterable[UUID]) -> dict[UUID, tuple[SavedRecording, ...]]:
    """Return what Genesys has kept of these recordings, oldest first; those of which nothing is known are missing."""
    statement = (
        select(saved_recordings)
        .where(saved_recordings.c.recording_id.in_(list(recording_ids)))
        .order_by(saved_recordings.c.started_at, saved_recordings.c.id)
    )
    found: dict[UUID, tuple[SavedRecording, ...]] = {}
    for row in connection.execute(statement):
        found[row.recording_id] = (*found.get(row.recording_id, ()), _saved_from(row))
    return found


def _saved_from(row: Row[Any]) -> SavedRecording:
    return SavedRecording(row.id, row.state, row.media, row.started_at, row.ended_at, row.media_subtype, row.session_id)
