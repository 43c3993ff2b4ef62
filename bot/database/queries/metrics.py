"""The metrics that come from the database, the same on every replica."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, literal, select, true

from bot.database.schema.tables import attempts, audit_deliveries, audit_entries, cards, keeps, notices, recordings
from bot.database.transaction import LIVE

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, FromClause

    from bot.database.engine import Engines


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of what there is, and of what Slack still lacks."""

    entries: int
    live: int
    open_attempts: int
    in_doubt: int
    """Recordings of which nobody knows whether the newest change took effect."""
    cards: int
    """Cards that show an older state."""
    lines: int
    """Entries that the audit channel lacks."""
    notices: int
    """Direct messages that are still to be sent."""
    keeps: int
    """Requests to keep recordings, or to release them, that are still to be carried out."""
    lag_seconds: float
    """The age of the oldest entry that the audit channel lacks; 0 if it lacks none."""


@dataclass(frozen=True, slots=True)
class SqlFigures:
    """Counts by an index, or over the few open rows."""

    engines: Engines

    async def fetch(self, now: datetime) -> Figures:
        ends = select(func.coalesce(func.min(audit_entries.c.seq), 1), func.coalesce(func.max(audit_entries.c.seq), 0))
        last = select(func.coalesce(func.max(audit_deliveries.c.seq), 0)).where(
            audit_deliveries.c.delivered_at.is_not(None)
        )
        behind = and_(cards.c.recording_id == recordings.c.id, cards.c.rendered_version < cards.c.wanted_version)
        unsent = and_(notices.c.closed_at.is_(None), notices.c.delivered_at.is_(None))

        def read(connection: Connection) -> Figures:
            def count(table: FromClause, *conditions: ColumnElement[bool]) -> int:
                statement = select(func.count()).select_from(table).where(true(), *conditions)
                return int(connection.execute(statement).scalar_one())

            oldest, newest = connection.execute(ends).one()
            # what is older than the oldest was delivered, and archived since
            delivered = max(connection.execute(last).scalar_one(), oldest - 1)
            waiting = select(audit_entries.c.occurred_at).where(audit_entries.c.seq == delivered + 1)
            since = connection.execute(waiting).scalar_one_or_none()
            return Figures(
                entries=newest,
                live=count(recordings, LIVE),
                open_attempts=count(attempts, attempts.c.settled_at.is_(None)),
                in_doubt=count(recordings, LIVE, recordings.c.in_doubt == literal(1)),
                cards=count(cards.join(recordings, behind)),
                lines=max(0, newest - delivered),
                notices=count(notices, unsent),
                keeps=count(keeps, keeps.c.settled_at.is_(None)),
                lag_seconds=0.0 if since is None else max(0.0, (now - since).total_seconds()),
            )

        return await self.engines.read(read, grows=True)
