"""SQLite's driver with one way to its thread and back for each statement.

``aiosqlite`` goes there four times: to make a cursor, to execute, to fetch and to close. Those ways, not SQLite, are
most of what a statement costs.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiosqlite
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import URL


AT_ONCE = 500
"""Rows that come along with the execution; what is longer is fetched as it is asked for."""


class WholeCursor:
    """A cursor that brings its rows along with the execution, and is closed again by then, unless they are many."""

    arraysize = 1

    def __init__(self, run: Callable[..., Any], left_open: set[sqlite3.Cursor]) -> None:
        self._run = run
        self._left_open = left_open
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
    """A connection whose cursors are whole."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._left_open: set[sqlite3.Cursor] = set()

    @override
    def cursor(self) -> Any:
        return WholeCursor(self._in_thread, self._left_open)

    @override
    async def rollback(self) -> None:
        """End the transaction, and with it what was not read to its end: it would keep the old state for the next."""
        await self._in_thread(self._roll_back)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        while self._left_open:
            self._left_open.pop().close()
        connection.rollback()

    async def _in_thread(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        return await self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call]


async def connect(url: URL) -> OneHopConnection:
    """Open what the URL names; SQLAlchemy calls it as ``async_creator``."""
    file, options = url.get_dialect()().create_connect_args(url)
    connection = OneHopConnection(partial(sqlite3.connect, *file, **options), 64)
    connection._thread.daemon = True  # noqa: SLF001  as SQLAlchemy does: one left open must not keep the process alive
    await connection
    return connection
