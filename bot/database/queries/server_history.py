"""Notices at a start that a PostgreSQL database is not where it was: entries that only the old server had are gone.

A promoted standby continues the trail from the last entry that it received, and nothing in its database shows that
there were more. The server itself tells: each promotion, and each restore to a point in time, begins a new timeline,
and each new cluster has an identifier of its own (PostgreSQL's manual, "Timelines" and ``pg_control_system``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from bot.database.mapping import upsert
from bot.database.schema.tables import standing_rules

if TYPE_CHECKING:
    from datetime import datetime

    from bot.database.engine import Engines
    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

SERVER = "server"
# Not pg_control_checkpoint(): for a while after a promotion, the last checkpoint is the old timeline's.
IDENTITY = text("""
    SELECT system_identifier::text || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
    FROM pg_control_system()
""")
NOTED = select(standing_rules.c.rule).where(standing_rules.c.name == SERVER)
MOVED = (
    "The database is on another PostgreSQL server than at the last start of record-bot, or was restored, or a standby "
    "was promoted. Entries that only the old server had are lost. Compare the trail with the audit channel: "
    "record-bot audit anchors, then record-bot audit verify --anchors FILE."
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The server and its timeline at the last start, and now: ``<system identifier>/<timeline>``."""

    before: str
    now: str


@dataclass(frozen=True, slots=True)
class SqlServerHistory:
    """Where the database was at the last start; one row of ``standing_rules``."""

    engines: Engines

    async def moved(self) -> Moved | None:
        """Return from where to where the database moved; None if it did not, or if the server doesn't tell."""
        now = await self.now()
        if now is None:
            return None
        noted = await self.engines.read(lambda connection: connection.execute(NOTED).scalar_one_or_none())
        before = None if noted is None else str(json.loads(noted)["identity"])
        return Moved(before, now) if before is not None and before != now else None

    async def now(self) -> str | None:
        """Return which server this is, and its timeline; None on SQLite, or if a hosting service hides it."""
        if not self.engines.on_postgresql:
            return None
        try:
            return str(await self.engines.read(lambda connection: connection.execute(IDENTITY).scalar_one()))
        except DBAPIError:
            return None

    async def note(self, store: SqlStore, at: datetime) -> None:
        """Store where the database is now. Raise AuditUnavailable."""
        identity = await self.now()
        if identity is None:
            return
        values = {"rule": json.dumps({"identity": identity}), "noted_at": at}

        def work(transaction: SqlTransaction) -> None:
            statement = upsert(transaction.connection, standing_rules).values(name=SERVER, **values)
            transaction.connection.execute(
                statement.on_conflict_do_update(index_elements=[standing_rules.c.name], set_=values)
            )

        await store.write(work)
