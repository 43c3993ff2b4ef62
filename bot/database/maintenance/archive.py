"""Selects the old entries that may leave the database, and removes them once a tombstone names them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select

from bot.audit.archive import ARCHIVE_ACTION, Tombstone
from bot.audit.entry import Phase
from bot.database.postgresql import engine as postgresql
from bot.database.postgresql.guards import may_change_guards
from bot.database.schema.tables import attempts, audit_deliveries, audit_entries
from bot.database.trail.guards import removal_allowed
from bot.database.trail.legal_hold import current_hold
from bot.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

SEGMENT_ENTRIES = 20_000
"""At most so many entries in one segment: removing them holds up writers, for less than they are ready to wait."""


@dataclass(frozen=True, slots=True)
class Range:
    """A run of entries at the beginning of the trail, inclusive."""

    first: int
    last: int


def due(connection: Connection, before: datetime) -> Range | None:
    """Return the next segment of what is older than ``before``; None if there is none.

    It ends before the first entry that is not older, so that no entry is left behind in between.
    """
    first = connection.execute(select(func.min(audit_entries.c.seq))).scalar_one()
    if first is None:
        return None
    younger = select(func.min(audit_entries.c.seq)).where(audit_entries.c.occurred_at >= before)
    newest = select(func.max(audit_entries.c.seq))
    end = connection.execute(younger).scalar_one()
    last = connection.execute(newest).scalar_one() if end is None else end - 1
    return Range(first, min(last, first + SEGMENT_ENTRIES - 1)) if last >= first else None


def unfinished(connection: Connection) -> Tombstone | None:
    """Return the tombstone whose entries are still here, because a run was cut off."""
    first = connection.execute(select(func.min(audit_entries.c.seq))).scalar_one()
    return next((one for one in tombstones(connection) if one.first_seq == first), None)


def tombstones(connection: Connection) -> tuple[Tombstone, ...]:
    """Return all tombstones in the database, in order."""
    statement = (
        select(audit_entries.c.outcome)
        .where(audit_entries.c.action == ARCHIVE_ACTION, audit_entries.c.phase == Phase.SUCCEEDED)
        .order_by(audit_entries.c.seq)
    )
    found = (Tombstone.read(json.loads(outcome)) for outcome in connection.execute(statement).scalars())
    return tuple(one for one in found if one is not None)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason that entries must stay: a word for the trail, and a sentence that says what to do."""

    cause: str
    sentence: str


def obstacle(connection: Connection, last_seq: int) -> Obstacle | None:
    """Return why the entries up to ``last_seq`` have to stay, None where they may go."""
    if connection.dialect.name == postgresql.NAME and not may_change_guards(connection):
        return Obstacle(
            "not_the_owner",
            "The role in DATABASE_URL may not remove entries, and that is as it should be while it serves. Archive "
            "with the DATABASE_URL of the tables' owner.",
        )
    if hold := current_hold(connection):
        return Obstacle(
            "legal_hold", f"{hold}. Nothing can be archived until it is released: record-bot audit hold off"
        )
    mine = select(audit_entries.c.attempt_id).where(audit_entries.c.seq <= last_seq)
    unsettled = or_(attempts.c.settled_at.is_(None), attempts.c.looks_left > 0)
    open_ = select(attempts.c.id).where(unsettled, attempts.c.id.in_(mine)).limit(1)
    if (attempt := connection.execute(open_).scalar_one_or_none()) is not None:
        return Obstacle(
            "unsettled_attempt",
            f"Attempt {attempt} isn't settled yet. record-bot serve settles it within minutes; try again then.",
        )
    missed = (
        select(func.min(audit_entries.c.seq))
        .outerjoin(audit_deliveries, audit_deliveries.c.seq == audit_entries.c.seq)
        .where(audit_entries.c.seq <= last_seq, audit_deliveries.c.delivered_at.is_(None))
    )
    if (seq := connection.execute(missed).scalar_one()) is not None:
        return Obstacle(
            "undelivered_entry",
            f"Entry {seq} hasn't reached the audit channel yet. record-bot serve sends it as soon as Slack accepts "
            "messages; try again then, or choose an earlier date.",
        )
    return None


def remove(connection: Connection, tombstone: Tombstone) -> None:
    """Remove what the tombstone names, all or nothing. Raise Refused if the rows differ."""
    named = audit_entries.c.seq <= tombstone.last_seq
    look = select(func.count(), func.min(audit_entries.c.seq)).where(named)
    end = select(audit_entries.c.hash).where(audit_entries.c.seq == tombstone.last_seq)
    count, first = connection.execute(look).one()
    last_hash = connection.execute(end).scalar_one_or_none()
    if (count, first, last_hash) != (tombstone.count, tombstone.first_seq, tombstone.last_hash):
        raise Refused("The entries in the database differ from the archived ones. Run: record-bot audit verify")

    with removal_allowed(connection):
        connection.execute(delete(audit_deliveries).where(audit_deliveries.c.seq <= tombstone.last_seq))
        connection.execute(delete(audit_entries).where(named))
