"""The driver that goes to its thread once for a statement: the same rows, however many, and the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.database.engine import open_engines
from bot.database.one_hop import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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
