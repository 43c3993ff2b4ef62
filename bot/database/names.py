"""The names of agents and queues, which lists and cards show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.database.tables import names

if TYPE_CHECKING:
    from datetime import datetime

    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

KEYS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class SqlNames:
    """``bot.recording.ports.NameStore`` on a database."""

    store: SqlStore

    async def known(self, keys: frozenset[tuple[str, str]]) -> dict[tuple[str, str], str]:
        ids = sorted({name_id for _, name_id in keys})
        found: dict[tuple[str, str], str] = {}
        async with self.store.engines.reader.connect() as connection:
            for first in range(0, len(ids), KEYS_PER_QUERY):
                statement = select(names).where(names.c.id.in_(ids[first : first + KEYS_PER_QUERY]))
                for row in await connection.execute(statement):
                    found[row.kind, row.id] = row.name
        return {key: name for key, name in found.items() if key in keys}

    async def remember(self, news: dict[tuple[str, str], str], seen_at: datetime) -> None:
        async def work(transaction: SqlTransaction) -> None:
            for (kind, name_id), name in news.items():
                await transaction.remember_name(kind, name_id, name, seen_at)

        await self.store.write(work)
