"""SQLite's driver with one switch to its thread for each statement, or for a whole transaction.

``aiosqlite`` switches four times: to create a cursor, to execute, to fetch, and to close. These switches, not SQLite,
are most of a statement's cost. Other tasks run in between, while the one writer waits with its transaction open.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aiosqlite
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

AT_ONCE = 500
"""Rows that come along with the execution; what is longer is fetched as it is asked for."""


class WholeCursor:
    """A cursor that fetches its rows while it executes and is then closed, unless there are many rows."""

    arraysize = 1

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._run = connection.in_thread
        self._left_open = connection.left_open
        self._rows: list[Any] = []
        self._cursor: sqlite3.Cursor | None = None
        """The real one, while it has more rows."""
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Any = ()) -> Self:
        await self.close()
        await self._run(partial(self._execute, sqlite3.Cursor.execute, statement, parameters))
        return self

    async def executemany(self, statement: str, rows: Iterable[Any]) -> Self:
        await self.close()
        await self._run(partial(self._execute, sqlite3.Cursor.executemany, statement, rows))
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        if (cursor := self._cursor) is not None:
            rows += await self._run(lambda _: cursor.fetchall())
            await self.close()
        return rows

    async def fetchmany(self, size: int = arraysize) -> list[Any]:
        if not self._rows and (cursor := self._cursor) is not None:
            self._rows = await self._run(lambda _: cursor.fetchmany(max(size, AT_ONCE)))
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def close(self) -> None:
        if (cursor := self._cursor) is not None:
            self._cursor = None
            self._left_open.discard(cursor)
            await self._run(lambda _: cursor.close())

    def _execute(
        self, how: Callable[..., Any], statement: str, parameters: Any, connection: sqlite3.Connection
    ) -> None:
        cursor = connection.cursor()
        try:
            self._connection.begin(cursor)
            how(cursor, statement, parameters)
            self.description, self.lastrowid = cursor.description, cursor.lastrowid
            self._rows = cursor.fetchmany(AT_ONCE) if cursor.description else []
            self.rowcount = cursor.rowcount  # with RETURNING it is known once the rows are fetched
        except BaseException:
            cursor.close()
            raise
        if len(self._rows) < AT_ONCE:
            cursor.close()
        else:
            self._cursor = cursor
            self._left_open.add(cursor)


class OneHopConnection(aiosqlite.Connection):
    """A connection with such cursors, which begins a transaction together with its first statement."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self.left_open: set[sqlite3.Cursor] = set()
        self.to_begin: str | None = None
        """How the transaction begins that has no statement yet."""

    @override
    def cursor(self) -> Any:
        return WholeCursor(self)

    def begin(self, cursor: sqlite3.Cursor) -> None:
        if self.to_begin is not None:
            cursor.execute(self.to_begin)
            self.to_begin = None  # only now: what comes after a failure is not to be written without a transaction

    @override
    async def commit(self) -> None:
        await self.in_thread(self._commit)

    def _commit(self, connection: sqlite3.Connection) -> None:
        if self.to_begin is not None:  # a transaction without writes also reports whether the database is writable
            self.begin(connection.cursor())
        connection.commit()

    @override
    async def rollback(self) -> None:
        """End the transaction, and with it what was not read to its end: it would keep the old state for the next."""
        self.to_begin = None
        if self.left_open or self._conn.in_transaction:
            await self.in_thread(self._roll_back)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        while self.left_open:
            self.left_open.pop().close()
        connection.rollback()

    async def in_thread(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run this in the connection's thread, at once if that is the calling one."""
        if threading.get_ident() == self._thread.ident:
            return work(self._conn)
        return await self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call]


def begin(connection: Connection, how: str) -> None:
    """Have a transaction begin in this way, together with its first statement."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, OneHopConnection):
        raise TypeError(driver)
    driver.to_begin = how


async def in_one_go(connection: AsyncConnection, work: Callable[[], Awaitable[T]]) -> T:
    """Do a transaction's work; on SQLite all of it in the connection's thread, with one way there and back.

    It may wait for this connection only. What it calls is called in that thread, with the context of the caller.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, OneHopConnection):
        return await work()
    context = copy_context()
    try:
        result: T = await driver.in_thread(lambda _: context.run(_to_its_end, work))
    except asyncio.CancelledError:
        await _until_idle(driver)  # the work goes on: to roll back now would cut it in two, and let it write the rest
        raise
    return result


async def _until_idle(driver: OneHopConnection) -> None:
    while True:
        try:
            await driver.in_thread(lambda _: None)  # one after another is done there
        except asyncio.CancelledError:
            continue  # it is being cancelled already
        return


def _to_its_end(work: Callable[[], Awaitable[T]]) -> T:
    steps = work().__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    steps.close()
    raise RuntimeError("a transaction waits for something else than its connection")


async def connect(url: URL) -> OneHopConnection:
    """Open what the URL names; SQLAlchemy calls it as ``async_creator``."""
    file, options = url.get_dialect()().create_connect_args(url)
    connection = OneHopConnection(partial(sqlite3.connect, *file, **options), 64)
    connection._thread.daemon = True  # noqa: SLF001  as SQLAlchemy does: one left open must not keep the process alive
    await connection
    return connection
