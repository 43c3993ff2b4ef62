"""The waits for agents' next calls, as rows."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from bot.database.mapping import upsert
from bot.database.schema.tables import next_call_notices, next_calls
from bot.recording.agents.next_call import NextCall, NextCallOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from bot.recording.agents.next_call import NextCallNotice

OPEN = next_calls.c.closed_at.is_(None)
FIELDS = tuple(field.name for field in fields(NextCall))
CHANGED = ("closed_at", "closed_by", "outcome", "error", "recording_id", "conversation_id", "audit_seq")


def add(connection: Connection, next_call: NextCall) -> None:
    values = {name: getattr(next_call, name) for name in FIELDS} | {"before": " ".join(sorted(next_call.before))}
    connection.execute(insert(next_calls).values(**values))


def find(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[NextCall, ...]:
    """Return the waits that meet the conditions, oldest first."""
    statement = select(next_calls).where(*conditions).order_by(next_calls.c.audit_seq)
    return tuple(map(next_call_from, connection.execute(statement).mappings()))


def close(connection: Connection, after: NextCall) -> bool:
    """Store how a wait ended; False if it was over."""
    values = {name: getattr(after, name) for name in CHANGED}
    result = connection.execute(update(next_calls).where(next_calls.c.id == after.id, OPEN).values(**values))
    return result.rowcount == 1


def logged_out(connection: Connection, next_call_id: UUID, at: datetime) -> None:
    connection.execute(update(next_calls).where(next_calls.c.id == next_call_id).values(logged_out_at=at))


def note(connection: Connection, next_call_id: UUID, kind: NextCallNotice, at: datetime) -> None:
    """Have the person told, once."""
    statement = upsert(connection, next_call_notices).values(next_call_id=next_call_id, kind=kind.value, noted_at=at)
    connection.execute(statement.on_conflict_do_nothing())


def next_call_from(row: Mapping[Any, Any]) -> NextCall:
    outcome = row["outcome"]
    values = {name: row[name] for name in FIELDS}
    return NextCall(
        **{
            **values,
            "before": frozenset(row["before"].split()),
            "outcome": None if outcome is None else NextCallOutcome(outcome),
        }
    )
