"""Exports and reads in Slack without an outcome, because their process ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bot.audit.entry import Phase
from bot.database.mapping import entry_from
from bot.database.schema.tables import audit_entries

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from bot.audit.entry import Entry
    from bot.database.engine import Engines

entry = audit_entries.c
outcomes = audit_entries.alias("outcomes")


@dataclass(frozen=True, slots=True)
class SqlOpenRequests:
    """Finds open requests since the bot last started; ignores those of a terminal."""

    engines: Engines

    async def find(self, action: str) -> tuple[Entry, ...]:
        began = select(entry.seq).where(entry.action == "bot:start").order_by(entry.seq.desc()).limit(1)
        return await self._find(action, entry.seq > func.coalesce(began.scalar_subquery(), 0))

    async def find_between(self, action: str, since: datetime, until: datetime) -> tuple[Entry, ...]:
        """Find those of a period, whichever process worked on them."""
        return await self._find(action, entry.occurred_at >= since, entry.occurred_at < until)

    async def _find(self, action: str, *when: ColumnElement[bool]) -> tuple[Entry, ...]:
        answered = select(outcomes.c.seq).where(outcomes.c.attempt_id == entry.attempt_id, outcomes.c.seq > entry.seq)
        statement = (
            select(audit_entries)
            .where(
                *when,
                entry.action == action,
                entry.phase == Phase.REQUESTED,
                entry.actor.startswith("slack:"),
                ~answered.exists(),
            )
            .order_by(entry.seq)
        )
        return await self.engines.read(
            lambda connection: tuple(map(entry_from, connection.execute(statement))), grows=True
        )
