"""The waits for agents' next calls, and what their people are still to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select, update

from bot.database.mapping import recording_from
from bot.database.replicas import noop
from bot.database.schema.tables import names, next_call_notices, next_calls, recordings
from bot.database.statements.next_calls import OPEN, find, next_call_from
from bot.recording.agents.next_call import DueNotice, NamedNextCall, NextCall, NextCallNotice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from bot.database.engine import Engines
    from bot.database.queries.pending_work import SqlPendingWork

AT_ONCE = 50
NAMED = next_calls.outerjoin(names, and_(names.c.kind == "user", names.c.id == next_calls.c.agent_user_id))


@dataclass(frozen=True, slots=True)
class SqlNextCalls:
    """Reads the waits. ``confirm`` waits until this process is the one that tells Slack."""

    engines: Engines
    confirm: Callable[[], Awaitable[None]] = noop
    pending: SqlPendingWork | None = None
    """Tells whether anybody waits, for what asks after each write."""

    async def open(self, *, agent_user_id: str | None = None) -> tuple[NextCall, ...]:
        if self.pending is not None and not (await self.pending.read()).next_calls:
            return ()
        wanted = () if agent_user_id is None else (next_calls.c.agent_user_id == agent_user_id,)
        return await self.engines.read(lambda connection: find(connection, OPEN, *wanted))

    async def named(self) -> tuple[NamedNextCall, ...]:
        statement = select(next_calls, names.c.name).select_from(NAMED).where(OPEN).order_by(next_calls.c.audit_seq)
        rows = await self.engines.read(lambda connection: connection.execute(statement).mappings().all())
        return tuple(NamedNextCall(next_call_from(row), row["name"]) for row in rows)

    async def due(self) -> tuple[DueNotice, ...]:
        """Return the messages that wait, oldest first."""
        await self.confirm()
        statement = (
            select(next_calls, names.c.name, next_call_notices.c.kind, next_call_notices.c.posts_begun)
            .select_from(
                NAMED.join(next_call_notices, next_call_notices.c.next_call_id == next_calls.c.id),
            )
            .where(next_call_notices.c.closed_at.is_(None))
            .order_by(next_call_notices.c.noted_at)
            .limit(AT_ONCE)
        )

        def read(connection: Connection) -> tuple[DueNotice, ...]:
            rows = connection.execute(statement).mappings().all()
            ids = [row["recording_id"] for row in rows if row["recording_id"] is not None]
            wanted = select(recordings).where(recordings.c.id.in_(ids))
            found = connection.execute(wanted).mappings() if ids else ()
            about = {one.id: one for one in map(recording_from, found)}
            return tuple(
                DueNotice(
                    NextCallNotice(row["kind"]),
                    next_call_from(row),
                    row["name"],
                    about.get(row["recording_id"]),
                    row["posts_begun"],
                )
                for row in rows
            )

        return await self.engines.read(read)

    async def begun(self, one: DueNotice) -> None:
        """Note that a post begins; what becomes of it may never be known."""
        await self.confirm()
        await self._change(one, posts_begun=one.posts_begun + 1)

    async def refused(self, one: DueNotice) -> None:
        """Note that Slack plainly did not take the post."""
        await self._change(one, posts_begun=one.posts_begun)

    async def over(self, one: DueNotice, at: datetime, *, delivered: bool) -> None:
        await self._change(one, closed_at=at, delivered_at=at if delivered else None)

    async def _change(self, one: DueNotice, **values: object) -> None:
        notice = next_call_notices.c
        await self.engines.execute(
            update(next_call_notices)
            .where(notice.next_call_id == one.next_call.id, notice.kind == one.kind.value)
            .values(**values)
        )
