"""The daily digests: an entry of the trail and a row here, written together; the row says whether Slack has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from bot.audit.entry import Draft, Phase
from bot.database.mapping import entry_from
from bot.database.queries.summaries import head_of
from bot.database.replicas import noop
from bot.database.schema.tables import audit_entries, digests
from bot.database.trail.day_trees import SqlDayTrees

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.audit.reports.period import Period
    from bot.database.engine import Engines
    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

DIGEST_ACTION = "audit:digest"


@dataclass(frozen=True, slots=True)
class SqlDigests:
    """One digest a day in any case: the day is the key."""

    engines: Engines
    store: SqlStore
    confirm: Callable[[], Awaitable[None]] = noop
    """Waits until this process is the one that tells Slack; asked before each step, and once more before a post."""

    async def missing(self, days: Sequence[date]) -> tuple[date, ...]:
        """Return those of the days that have no digest yet."""
        statement = select(digests.c.day).where(digests.c.day.in_([str(day) for day in days]))
        known = await self.engines.read(lambda connection: set(connection.execute(statement).scalars()))
        return tuple(day for day in days if str(day) not in known)

    async def tree(self, period: Period) -> dict[str, Any] | None:
        """Return the Merkle tree of the period's entries, for its digest; None if there are none."""
        return await SqlDayTrees(self.engines).next(period)

    async def add(self, day: date, facts: dict[str, Any], *, entry_id: UUID, actor: str, at: datetime) -> bool:
        """Write the day's digest into the trail, with the head that it saw; False if there already is one."""

        def work(transaction: SqlTransaction) -> bool:
            connection = transaction.connection
            known = select(digests.c.day).where(digests.c.day == str(day))
            if connection.execute(known).one_or_none() is not None:
                return False
            head = head_of(connection)
            entry = transaction.append(
                Draft(
                    id=entry_id,
                    attempt_id=entry_id,
                    occurred_at=at,
                    phase=Phase.OBSERVED,
                    action=DIGEST_ACTION,
                    actor=actor,
                    outcome={"day": str(day), "head_seq": head.seq, "head_hash": head.hash, **facts},
                )
            )
            connection.execute(insert(digests).values(day=str(day), seq=entry.seq))
            return True

        return await self.store.write(work)

    async def undelivered(self) -> tuple[Entry, bool] | None:
        """Return the oldest digest that Slack is not known to have; True with one that may have arrived already."""
        await self.confirm()
        statement = (
            select(audit_entries, digests.c.tried_at)
            .join(digests, digests.c.seq == audit_entries.c.seq)
            .where(digests.c.delivered_at.is_(None))
            .order_by(digests.c.day)
            .limit(1)
        )
        row = await self.engines.read(lambda connection: connection.execute(statement).one_or_none())
        if row is None:
            return None
        return entry_from(row, leave_out=("tried_at",)), row.tried_at is not None

    async def begun(self, day: str, at: datetime) -> None:
        """Note, before posting, that the digest is on its way: after a crash it may or may not have arrived."""
        await self._change(day, tried_at=at)
        await self.confirm()

    async def refused(self, day: str) -> None:
        """Note that Slack plainly did not take it."""
        await self._change(day, tried_at=None)

    async def delivered(self, day: str, *, at: datetime, channel: str, ts: str) -> None:
        await self._change(day, delivered_at=at, channel=channel, ts=ts)

    async def _change(self, day: str, **changes: Any) -> None:
        await self.engines.execute(update(digests).where(digests.c.day == day).values(**changes))
