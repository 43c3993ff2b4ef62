"""Reads the trail in pages, each in a transaction of its own: a long one would keep the write-ahead log growing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bot.audit.export import COLUMNS, Filter
from bot.audit.verification import entry_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.database.engine import Engines

PAGE = 5000
CONDITIONS = {
    "since": "occurred_at >= :since",
    "until": "occurred_at < :until",
    "conversation_id": "conversation_id = :conversation_id",
    "actor": "actor = :actor",
    "action": "action = :action",
    "phase": "phase = :phase",
}


@dataclass(frozen=True, slots=True)
class SqlTrail:
    """The entries as plain values, as they are stored."""

    engines: Engines

    async def entries(self, wanted: Filter | None = None, *, up_to: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield the wanted entries in the order of their numbers, in constant memory."""
        facts = (wanted or Filter()).facts()
        conditions = ["seq > :after", *(CONDITIONS[name] for name in facts)]
        if up_to is not None:
            conditions.append("seq <= :up_to")
            facts |= {"up_to": up_to}  # type: ignore[dict-item]
        statement = text(
            f"SELECT {', '.join(COLUMNS)} FROM audit_entries WHERE {' AND '.join(conditions)} "  # noqa: S608  names of ours
            f"ORDER BY seq LIMIT {PAGE}"
        )
        after = 0
        while True:
            async with self.engines.reader.connect() as connection:
                rows = (await connection.execute(statement, {"after": after, **facts})).all()
            for row in rows:
                yield entry_of(row)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    async def count(self) -> int:
        """Return the number of the newest entry, quickly: how far a reading of everything will go."""
        async with self.engines.reader.connect() as connection:
            statement = text("SELECT coalesce(max(seq), 0) FROM audit_entries")
            return int((await connection.execute(statement)).scalar_one())
