"""The requests to keep recordings whose people don't know yet how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from bot.database.replicas import noop
from bot.database.schema.tables import keeps
from bot.database.statements.keeps import keep_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from bot.database.engine import Engines
    from bot.recording.keeping.keep import Keep

GRACE = timedelta(seconds=15)
"""How long the listener that took the request has to answer it itself."""
NEWS_LASTS = timedelta(days=1)
UNTOLD = (keeps.c.told == 0, keeps.c.settled_at.is_not(None))


@dataclass(frozen=True, slots=True)
class SqlKeepAnswers:
    """Reads and marks them. The mark is written before the post, and again after it."""

    engines: Engines
    confirm: Callable[[], Awaitable[None]] = noop
    """Waits until this process is the one that tells Slack."""

    async def due(self, now: datetime) -> tuple[Keep, ...]:
        """Return those that are to be told now, oldest first; what is a day old is no news."""
        await self.confirm()
        recent = keeps.c.settled_at.between(now - NEWS_LASTS, now - GRACE)
        statement = select(keeps).where(*UNTOLD, recent).order_by(keeps.c.settled_at).limit(50)
        return await self.engines.read(lambda connection: tuple(map(keep_from, connection.execute(statement))))

    async def seconds_to_next(self, now: datetime) -> float | None:
        """Return in how many seconds the next one is due, None without one."""
        later = keeps.c.settled_at > now - GRACE
        statement = select(keeps.c.settled_at).where(*UNTOLD, later).order_by(keeps.c.settled_at).limit(1)
        settled_at = await self.engines.read(lambda connection: connection.execute(statement).scalar_one_or_none())
        return None if settled_at is None else max(0.1, (settled_at + GRACE - now).total_seconds())

    async def begun(self, keep_id: UUID) -> None:
        """Note, before posting, that the message is on its way."""
        await self._mark(keep_id, answers_begun=keeps.c.answers_begun + 1)
        await self.confirm()

    async def refused(self, keep_id: UUID) -> None:
        """Note that Slack plainly did not take it."""
        await self._mark(keep_id, answers_begun=keeps.c.answers_begun - 1)

    async def told(self, keep_id: UUID) -> None:
        await self._mark(keep_id, told=True)

    async def _mark(self, keep_id: UUID, **values: object) -> None:
        await self.engines.execute(update(keeps).where(keeps.c.id == keep_id).values(**values))
