"""The driver that goes to its thread once for a statement, or a whole transaction's: same rows, and same errors."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.database.engine import open_engines
from bot.database.writer_thread import AT_ONCE, in_one_go

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.database.engine import Engines

MANY = 2 * AT_ONCE + 1
ALL = text("SELECT value FROM numbers ORDER BY value")


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[Engines]:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path / 'some file.db'}")
    async with engines.writer.begin() as connection:
        await connection.execute(text("CREATE TABLE numbers (value INTEGER PRIMARY KEY)"))
        statement = text("INSERT INTO numbers VALUES (:value)")
        await connection.execute(statement, [{"value": value} for value in range(MANY)])
    yield engines
    await engines.close()


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, MANY])
async def test_all_rows_come_however_many(engines: Engines, count: int) -> None:
    async with engines.reader.connect() as connection:
        found = await connection.execute(
            text("SELECT value FROM numbers ORDER BY value LIMIT :count"), {"count": count}
        )
        assert list(found.scalars()) == list(range(count))


async def test_rows_can_be_streamed(engines: Engines) -> None:
    async with engines.reader.connect() as connection:
        assert [row.value async for row in await connection.stream(ALL)] == list(range(MANY))


async def test_a_reading_that_is_left_halfway_is_in_nobodys_way(engines: Engines) -> None:
    async with engines.reader.connect() as connection:
        async for _ in await connection.stream(ALL):
            break
    async with engines.writer.begin() as connection:
        assert (await connection.execute(text("DELETE FROM numbers"))).rowcount == MANY


async def test_a_reading_that_nobody_ended_keeps_no_old_state(engines: Engines) -> None:
    async with engines.reader.connect() as connection:
        left = await connection.stream(ALL)
        await left.fetchone()
    async with engines.writer.begin() as connection:
        await connection.execute(text("DELETE FROM numbers"))
    async with engines.reader.connect() as connection:  # the same connection, from the pool
        assert (await connection.execute(text("SELECT count(*) FROM numbers"))).scalar_one() == 0
    await left.close()


async def test_changed_rows_are_counted_also_where_they_are_returned(engines: Engines) -> None:
    async with engines.writer.begin() as connection:
        changed = await connection.execute(
            text("UPDATE numbers SET value = -1 - value WHERE value < 3 RETURNING value")
        )
        assert sorted(changed.scalars()) == [-3, -2, -1]
        assert (await connection.execute(text("DELETE FROM numbers WHERE value < 0"))).rowcount == 3


async def test_what_fails_leaves_the_connection_usable(engines: Engines) -> None:
    again = text("INSERT INTO numbers VALUES (1)")
    with pytest.raises(IntegrityError):
        async with engines.writer.begin() as connection:
            await connection.execute(again)
    async with engines.writer.begin() as connection:
        await connection.execute(text("DELETE FROM numbers WHERE value = 1"))
        await connection.execute(again)


async def replace_the_first(connection: AsyncConnection, threads: set[int]) -> int:
    for number in range(3):
        threads.add(threading.get_ident())
        await connection.execute(text("UPDATE numbers SET value = -1 - value WHERE value = :value"), {"value": number})
    return (await connection.execute(text("SELECT count(*) FROM numbers WHERE value < 0"))).scalar_one()  # type: ignore[no-any-return]


async def test_a_transaction_is_done_in_one_go_in_the_thread_of_its_connection(engines: Engines) -> None:
    threads = set[int]()
    async with engines.writer.begin() as connection:
        assert await in_one_go(connection, partial(replace_the_first, connection, threads)) == 3
    assert len(threads) == 1
    assert threads.isdisjoint({threading.get_ident()})
    async with engines.reader.connect() as connection:
        assert (await connection.execute(text("SELECT min(value) FROM numbers"))).scalar_one() == -3


async def test_what_fails_in_one_go_is_rolled_back(engines: Engines) -> None:
    async def break_off(connection: AsyncConnection) -> None:
        await replace_the_first(connection, set())
        await connection.execute(text("INSERT INTO numbers VALUES (7)"))

    with pytest.raises(IntegrityError):
        async with engines.writer.begin() as connection:
            await in_one_go(connection, partial(break_off, connection))
    async with engines.reader.connect() as connection:
        assert (await connection.execute(text("SELECT min(value) FROM numbers"))).scalar_one() == 0


async def test_a_transaction_can_wait_for_nothing_but_its_connection(engines: Engines) -> None:
    async def dawdle(connection: AsyncConnection) -> None:
        await replace_the_first(connection, set())
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something else"):
        async with engines.writer.begin() as connection:
            await in_one_go(connection, partial(dawdle, connection))
    async with engines.writer.begin() as connection:  # and nothing is left of it
        assert (await connection.execute(text("SELECT min(value) FROM numbers"))).scalar_one() == 0


async def test_a_failed_read_and_an_empty_transaction_leave_no_transaction_open(engines: Engines) -> None:
    async with engines.reader.connect() as connection:
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT * FROM nowhere"))
    async with engines.writer.begin():
        pass
    async with engines.writer.begin() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        assert not driver.in_transaction  # it begins with its first statement
        await connection.execute(text("DELETE FROM numbers"))
        assert driver.in_transaction
    assert not driver.in_transaction


async def test_a_transaction_whose_caller_is_cancelled_is_rolled_back_as_a_whole(engines: Engines) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def wait_and_replace(connection: AsyncConnection) -> None:
        begun.set()
        go_on.wait(20)
        await replace_the_first(connection, set())

    async def write() -> None:
        async with engines.writer.begin() as connection:
            await in_one_go(connection, partial(wait_and_replace, connection))

    writing = asyncio.ensure_future(write())
    await asyncio.to_thread(begun.wait, 20)
    for _ in range(20):  # once or often, as a process ends in a hurry
        writing.cancel()
        await asyncio.sleep(0)
    assert not writing.done()  # nobody has the connection before the work is over
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with engines.writer.begin() as connection:
        assert (await connection.execute(text("SELECT min(value) FROM numbers"))).scalar_one() == 0


async def test_what_could_not_begin_is_never_written_without_a_transaction(engines: Engines, tmp_path: Path) -> None:
    async with engines.writer.begin() as connection:
        await connection.execute(text("PRAGMA busy_timeout = 0"))
    other = sqlite3.connect(tmp_path / "some file.db", isolation_level=None)

    async def go_on_all_the_same(connection: AsyncConnection) -> None:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await replace_the_first(connection, set())
        other.execute("ROLLBACK")
        await replace_the_first(connection, set())
        raise KeyError

    with contextlib.closing(other), pytest.raises(KeyError):
        async with engines.writer.begin() as connection:
            await go_on_all_the_same(connection)
    async with engines.reader.connect() as connection:
        assert (await connection.execute(text("SELECT min(value) FROM numbers"))).scalar_one() == 0
