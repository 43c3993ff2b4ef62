"""The stops that wait for a second supervisor, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from bot.database.schema.tables import approvals
from bot.recording.models import Approval, ApprovalOutcome, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Row

OPEN = approvals.c.closed_at.is_(None)


def add(connection: Connection, approval: Approval) -> None:
    connection.execute(
        insert(approvals).values(
            id=approval.id,
            recording_id=approval.recording_id,
            verb=approval.verb.value,
            asked_by=approval.asked_by,
            asked_at=approval.asked_at,
            expires_at=approval.expires_at,
            pause_seconds=approval.pause_seconds,
        )
    )


def find(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[Approval, ...]:
    """Return the approvals that meet the conditions, oldest first."""
    statement = select(approvals).where(*conditions).order_by(approvals.c.asked_at)
    return tuple(map(_approval_from, connection.execute(statement)))


def close(connection: Connection, approval: Approval, at: datetime, *, by: str, outcome: ApprovalOutcome) -> bool:
    result = connection.execute(
        update(approvals)
        .where(approvals.c.id == approval.id, OPEN)
        .values(closed_at=at, closed_by=by, outcome=outcome.value)
    )
    return result.rowcount == 1


def open_of(connection: Connection, recording_ids: Sequence[UUID]) -> dict[UUID, Approval]:
    """Return the open approval of each of the recordings that has one."""
    found = find(connection, approvals.c.recording_id.in_(list(recording_ids)), OPEN)
    return {approval.recording_id: approval for approval in found}


def newest_of(connection: Connection, recording_ids: Sequence[UUID]) -> dict[UUID, Approval]:
    """Return the newest approval of each recording that has any; the open one, even if a clock jumped."""
    found = find(connection, approvals.c.recording_id.in_(list(recording_ids)))
    return {one.recording_id: one for one in sorted(found, key=lambda one: (one.outcome is None, one.asked_at))}


def _approval_from(row: Row[tuple[object, ...]]) -> Approval:
    return Approval(
        id=row.id,
        recording_id=row.recording_id,
        verb=Verb(row.verb),
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        outcome=None if row.outcome is None else ApprovalOutcome(row.outcome),
        pause_seconds=row.pause_seconds,
    )
