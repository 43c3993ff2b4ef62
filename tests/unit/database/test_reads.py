"""How reads share the threads and connections that are there for them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.database.engine import GROWING_READS, open_engines, time_reads
from bot.database.migrate import upgrade
from bot.database.reader_threads import READER_THREADS
from tests.support.recording.service import open_harness

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.databases.postgres import Database

LIMIT = 30.0
"""Seconds after which something hangs."""


def _one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


async def test_each_read_is_timed_once_however_many_statements_it_has(database: Database) -> None:
    taken: list[float] = []
    async with open_harness(database) as harness:
        time_reads(harness.engines, taken.append)

        assert await harness.engines.read(lambda connection: (_one(connection), _one(connection))) == (1, 1)

        assert len(taken) == 1


async def test_long_reads_delay_neither_the_short_ones_nor_a_caller_beyond_its_limit(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    await upgrade(engines)
    began, goes_on = threading.Barrier(READER_THREADS, timeout=LIMIT), threading.Event()

    def stall(connection: Connection) -> int:
        began.wait()
        goes_on.wait()
        return _one(connection)

    try:
        long = [asyncio.ensure_future(engines.read(stall)) for _ in range(READER_THREADS - 1)]
        await asyncio.to_thread(began.wait)

        async with asyncio.timeout(LIMIT):
            assert await engines.read(_one) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await long[0]
        async with asyncio.timeout(LIMIT):
            assert await engines.read(_one) == 1
    finally:
        goes_on.set()
    assert await asyncio.gather(*long[1:]) == [1] * (READER_THREADS - 2)
    await engines.close()


async def test_reads_that_grow_with_the_trail_leave_threads_to_the_others(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    await upgrade(engines)
    goes_on = threading.Event()
    under_way: list[int] = []

    def stall(connection: Connection) -> int:
        under_way.append(1)
        goes_on.wait()
        return _one(connection)

    growing = [asyncio.ensure_future(engines.read(stall, grows=True)) for _ in range(2 * READER_THREADS)]
    try:
        async with asyncio.timeout(LIMIT):
            short = await asyncio.gather(*(engines.read(_one) for _ in range(20)))
        assert short == [1] * 20
        assert len(under_way) <= GROWING_READS < READER_THREADS
    finally:
        goes_on.set()
    assert await asyncio.gather(*growing) == [1] * len(growing)
    await engines.close()
