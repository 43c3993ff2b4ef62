"""Engines whose commits are on disk, and whose writers queue instead of failing.

The measurements behind each line are in ``docs/decisions/storage.md``.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bot.database.identity.file_identity import database_file
from bot.database.postgresql import engine as postgresql
from bot.database.reader_threads import READER_THREADS, ReaderThreads
from bot.database.writer_thread import WriterThread
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import URL, Connection, Dialect, Engine, Executable
    from sqlalchemy.ext.asyncio import AsyncEngine

    from bot.database.identity.file_identity import DatabaseFile

    Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
    from collections.abc import Callable

T = TypeVar("T")
BEGAN = "read_began"


def time_reads(engines: Engines, on_read: Callable[[float], None]) -> None:
    """Tell ``on_read`` after each read how many seconds it took."""

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        record.info[BEGAN] = time.perf_counter()

    def given_back(_connection: Any, record: Any) -> None:
        if (began := record.info.pop(BEGAN, None)) is not None:
            on_read(time.perf_counter() - began)

    for reader in engines.readers:
        event.listen(reader, "checkout", taken)
        event.listen(reader, "checkin", given_back)


BUSY_TIMEOUT_MS = 5000
QUEUE_SECONDS = 30.0
"""How long a write waits for its turn. On a slow host the queue is long, and waiting in it is no sign of a fault."""
GROWING_READS = 2
"""Reads at a time that take the longer, the longer the trail is; with them, as many connections are left to others."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One writer, so that writers queue fairly, and readers that can't write.

    Read everything with ``read``; only what reads the trail page by page, such as an export, connects to ``reader``.
    """

    writer: WriterThread
    reader: AsyncEngine
    """For pages of the trail: from the first to the last they may take minutes. On PostgreSQL, ``read`` uses it too."""
    file: DatabaseFile | None = None
    """SQLite's file; each write checks that it is still the one that was opened."""
    threads: ReaderThreads | None = None
    """Carry out ``read`` on SQLite, with fewer switches of threads than ``reader``; PostgreSQL's driver makes none."""

    _growing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(GROWING_READS))

    @property
    def readers(self) -> tuple[Engine, ...]:
        """Return the engines of everything that reads."""
        return (self.reader.sync_engine, *(() if self.threads is None else (self.threads.engine,)))

    @property
    def on_postgresql(self) -> bool:
        return self.writer.dialect_name == postgresql.NAME

    async def execute(self, statement: Executable, values: Parameters = None, *, leaves_work: bool = True) -> int:
        """Carry out one statement in a write transaction of its own, and return how many rows it changed.

        ``leaves_work``: whether a worker may find something to do by it that was not there before.
        """
        return await self.writer.transaction(
            lambda connection: connection.execute(statement, values).rowcount,
            leaves_work=leaves_work,
            repeatable=True,
        )

    async def read(self, work: Callable[[Connection], T], *, grows: bool = False) -> T:
        """Run ``work`` in one transaction that can't write; what it returns must not need the connection any more.

        ``grows``: it takes the longer, the longer the trail is, up to seconds. Such reads never take all connections:
        a person's request waits for none of them.

        A caller that is canceled waits no longer; on SQLite ``work`` still runs to its end, and ``close`` waits for it.
        """
        if not grows:
            return await self._read(work)
        async with self._growing:
            return await self._read(work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self.threads is not None:
            return await self.threads.read(work)
        async with self.reader.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        if self.threads is not None:
            await self.threads.close()
        await self.reader.dispose()
        await self.writer.close()


def open_engines(url: str | URL, *, queue_seconds: float = QUEUE_SECONDS) -> Engines:
    """Make the engines for ``url``; nothing is opened yet. Raise DatabaseUnusable for a kind that isn't supported.

    A write waits ``queue_seconds`` for the one connection that writes.
    """
    url = make_url(url)
    file, threads = database_file(url), None
    if url.drivername == postgresql.DRIVER:
        writer, reader = postgresql.open_writer(url), postgresql.open_reader(url)
    elif url.get_backend_name() == "sqlite":
        writer, reader, threads = _open_sqlite(url)
        if file is not None:
            _watch(writer, (reader.sync_engine, threads.engine), file)
    else:
        raise DatabaseUnusable(
            "The database must be SQLite or PostgreSQL: DATABASE_URL must begin with sqlite+aiosqlite:/// or "
            "postgresql+psycopg://."
        )
    return Engines(WriterThread(writer, queue_seconds), reader, file, threads)


def open_blocking_reader(url: URL) -> Engine:
    """Make an engine that can't write, for a transaction that reads from another database than its own."""
    if url.drivername == postgresql.DRIVER:
        return postgresql.open_blocking_reader(url)
    return _open_sqlite_reader(url)


def _open_sqlite_reader(url: URL, **pool: int) -> Engine:
    reader = create_engine(_blocking(url), hide_parameters=True, **pool)
    event.listen(reader, "do_connect", _open_existing)
    event.listen(reader, "connect", _on_reader_connect)
    event.listen(reader, "begin", _begin)
    return reader


def _open_sqlite(url: URL) -> tuple[Engine, AsyncEngine, ReaderThreads]:
    # hide_parameters: errors, and so logs, would contain names and typed text, which nobody could erase there
    writer = create_engine(_blocking(url), pool_size=1, max_overflow=0, hide_parameters=True)
    event.listen(writer, "connect", _on_connect)
    event.listen(writer, "begin", _begin_immediate)
    reader = create_async_engine(url, pool_size=4, max_overflow=0, hide_parameters=True)
    event.listen(reader.sync_engine, "do_connect", _open_existing)
    event.listen(reader.sync_engine, "connect", _on_reader_connect)
    event.listen(reader.sync_engine, "begin", _begin_async)
    return writer, reader, ReaderThreads(_open_sqlite_reader(url, pool_size=READER_THREADS, max_overflow=0))


def _watch(writer: Engine, readers: Sequence[Engine], file: DatabaseFile) -> None:
    """Let no transaction begin or end in a file that is no longer at its path, and open no other file.

    Checked last before the commit, so that a file that goes away meanwhile doesn't take an entry with it.
    """

    def connecting(*_: Any) -> None:
        file.connecting()

    def opened(*_: Any) -> None:
        file.opened()

    def begun(_connection: Connection) -> None:
        file.log_opened()
        file.check()

    for engine in (writer, *readers):
        event.listen(engine, "do_connect", connecting)
        event.listen(engine, "connect", opened)
    event.listen(writer, "close", lambda *_: file.log_closed())
    event.listen(writer, "begin", begun)
    event.listen(writer, "commit", lambda _connection: file.check())


def _blocking(url: URL) -> URL:
    return url.set(drivername="sqlite+pysqlite")


def _open_existing(_dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    """Open the file only if it exists: else a reader would put an empty one in the place of one that went away.

    ``mode=rw``: https://www.sqlite.org/uri.html
    """
    name = str(arguments[0])
    if name != ":memory:" and not name.startswith("file:"):
        arguments[0] = f"{Path(name).absolute().as_uri()}?mode=rw"
        options["uri"] = True


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
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_async(connection: Connection) -> None:
    # by the driver's own shortcut: a cursor would switch threads three times for it
    driver: Any = connection.connection.dbapi_connection
    driver.run_async(lambda opened: opened.execute("BEGIN"))


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
