"""The figures of a period and its recordings, for digests and reports. The database counts, this module arranges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from bot.audit.entry import Phase
from bot.audit.reports.activity_report import ActivityReport, Recorded
from bot.audit.reports.summary import Activity, Head, Lengths, Summary, Unresolved, by_hour, counted, denials, lengths
from bot.database.schema.tables import attempts, audit_entries, names, recordings
from bot.database.transaction import LIVE

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy import ColumnElement, Connection

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
        return await self.engines.read(
            lambda connection: ActivityReport(tuple(Recorded(*row) for row in connection.execute(statement))),
            grows=True,
        )


MINUTE = len("2026-01-31T08:15")
entry = audit_entries.c


@dataclass(frozen=True, slots=True)
class SqlSummaries:
    """Counts the content of the trail and the recordings."""

    engines: Engines

    async def summary(
        self,
        period: Period,
        zone: ZoneInfo,
        *,
        up_to: int | None = None,
        missing_lines: int = 0,
        altered: int = 0,
    ) -> Summary:
        """Count a period, of the entries numbered up to ``up_to``; hours are those of the zone's clock."""
        within = [entry.occurred_at >= period.since, entry.occurred_at < period.until]
        if up_to is not None:
            within.append(entry.seq <= up_to)

        def read(connection: Connection) -> Summary:
            by_phase = select(entry.action, entry.phase, func.count()).where(*within).group_by("action", "phase")
            by_actor = select(entry.actor, func.count()).where(*within, entry.phase == Phase.DENIED).group_by("actor")
            return Summary(
                counts=counted(map(tuple, connection.execute(by_phase).all())),
                denials=denials(map(tuple, connection.execute(by_actor).all())),
                recordings=_lengths(connection, period),
                unresolved=replace(_unresolved(connection, period.until), missing_lines=missing_lines, altered=altered),
                activity=Activity(
                    started=by_hour(_started(connection, period), zone),
                    denied=by_hour(_minutes(connection, *within, entry.phase == Phase.DENIED), zone),
                    failed=by_hour(_minutes(connection, *within, entry.phase == Phase.FAILED), zone),
                ),
            )

        return await self.engines.read(read, grows=True)

    async def head(self) -> Head:
        """Return the newest entry's number and hash."""
        return await self.engines.read(head_of)

    async def first_moment(self) -> datetime | None:
        """Return when the trail's first entry was written; None if there is none."""
        statement = select(entry.occurred_at).order_by(entry.seq).limit(1)
        return await self.engines.read(lambda connection: connection.execute(statement).scalar_one_or_none())


def head_of(connection: Connection) -> Head:
    row = connection.execute(select(entry.seq, entry.hash).order_by(entry.seq.desc()).limit(1)).one_or_none()
    return Head() if row is None else Head(row.seq, row.hash)


def _minutes(connection: Connection, *conditions: ColumnElement[bool]) -> list[Any]:
    minute = func.substr(entry.occurred_at, 1, MINUTE)
    return list(connection.execute(select(minute, func.count()).where(*conditions).group_by(minute)).all())


def _started(connection: Connection, period: Period) -> list[Any]:
    began = recordings.c.started_at
    minute = func.substr(began, 1, MINUTE)
    statement = select(minute, func.count()).where(began >= period.since, began < period.until).group_by(minute)
    return list(connection.execute(statement).all())


def _lengths(connection: Connection, period: Period) -> Lengths:
    own = recordings.c
    statement = select(own.conversation_id, own.started_at, own.ended_at).where(
        own.ended_at >= period.since, own.ended_at < period.until, own.started_at.is_not(None)
    )
    return lengths(map(tuple, connection.execute(statement).all()))


def _unresolved(connection: Connection, until: datetime) -> Unresolved:
    def number(statement: Any) -> int:
        return int(connection.execute(statement).scalar_one())

    def live(*, in_doubt: bool) -> Any:
        conditions = (LIVE, recordings.c.started_at < until, recordings.c.in_doubt == in_doubt)
        return select(func.count()).select_from(recordings).where(*conditions)

    open_requests = select(func.count()).select_from(attempts)
    return Unresolved(
        requests=number(open_requests.where(attempts.c.settled_at.is_(None), attempts.c.requested_at < until)),
        in_doubt=number(live(in_doubt=True)),
        live=number(live(in_doubt=False)),
    )
