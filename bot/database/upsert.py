"""INSERT … ON CONFLICT, in the dialect of the current database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table
    from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(connection: AsyncConnection | Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert for this connection that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
