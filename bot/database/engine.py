"""Engines whose commits are on disk, and whose writers queue instead of failing.

The measurements behind each line are in ``docs/decisions/storage.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.database import writer_thread as one_hop
from bot.database.postgresql import engine as postgresql
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

BUSY_TIMEOUT_MS = 5000
QUEUE_SECONDS = 30.0
"""How long a write waits for its turn. On a slow host the queue is long, and waiting in it is no sign of a fault."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One writer, so that writers queue fairly, and readers that can't write."""

    writer: AsyncEngine
    reader: AsyncEngine

    @property
    def on_postgresql(self) -> bool:
        return self.writer.dialect.name == postgresql.NAME

    async def close(self) -> None:
        await self.reader.dispose()
        await self.writer.dispose()


def open_engines(url: str | URL, *, queue_seconds: float = QUEUE_SECONDS) -> Engines:
    """Make the engines for ``url``; nothing is opened yet. Raise DatabaseUnusable for a kind that isn't supported.

    A write waits ``queue_seconds`` for the one connection that writes.
    """
    url = make_url(url)
    if url.drivername == postgresql.DRIVER:
        return Engines(postgresql.open_writer(url, queue_seconds), postgresql.open_reader(url))
    if url.get_backend_name() != "sqlite":
        raise DatabaseUnusable(
            "The database must be SQLite or PostgreSQL: DATABASE_URL must begin with sqlite+aiosqlite:/// or "
            "postgresql+psycopg://."
        )
    creator = partial(one_hop.connect, url)
    writer = create_async_engine(
        url,
        async_creator=creator,
        pool_size=1,
        max_overflow=0,
        pool_timeout=queue_seconds,
        hide_parameters=True,
    )
    # hide_parameters: errors, and so logs, would contain names and typed text, which nobody could erase there
    reader = create_async_engine(url, async_creator=creator, pool_size=4, max_overflow=0, hide_parameters=True)
    event.listen(writer.sync_engine, "connect", _on_connect)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    event.listen(reader.sync_engine, "connect", _on_reader_connect)
    event.listen(reader.sync_engine, "begin", _begin)
    return Engines(writer, reader)


def _pragmas(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves: the driver's own comes too late to order writers
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_connect(connection: Any, _record: Any) -> None:
    # FULL: after a power cut, no action may exist in Genesys whose entry is gone. What is deleted is overwritten. In a
    # long trail each entry touches pages of its own, so checkpoints are made less often than at SQLite's 1,000 pages.
    _pragmas(
        connection,
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "wal_autocheckpoint=4000",
    )


def _on_reader_connect(connection: Any, _record: Any) -> None:
    _pragmas(connection, f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    one_hop.begin(connection, "BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    one_hop.begin(connection, "BEGIN")
