"""The recordings that began in a period, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from bot.audit.reports.activity_report import ActivityReport, Recorded
from bot.database.tables import names, recordings

if TYPE_CHECKING:
    from bot.audit.reports.period import Period
    from bot.database.engine import Engines


@dataclass(frozen=True, slots=True)
class SqlActivityReports:
    """Reads recordings with the names of their queues."""

    engines: Engines

    async def report(self, period: Period) -> ActivityReport:
        own = recordings.c
        statement = (
            select(
                own.started_by,
                func.coalesce(names.c.name, own.queue_id).label("queue"),
                own.reason_code,
                own.started_at,
                own.ended_at,
            )
            .outerjoin(names, and_(names.c.kind == "queue", names.c.id == own.queue_id))
            .where(own.started_at >= period.since, own.started_at < period.until)
        )
        async with self.engines.reader.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return ActivityReport(tuple(Recorded(*row) for row in rows))
