"""What tests do to the one connection that writes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import TimeoutError as PoolTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from bot.database.engine import Engines


async def write_sql(engines: Engines, statement: str) -> Any:
    """Carry out a statement in a transaction of its own, and return the first value of its first row, if any."""

    def work(connection: Connection) -> Any:
        result = connection.exec_driver_sql(statement)
        return result.scalar() if result.returns_rows else None

    return await engines.writer.transaction(work)


async def reconnect_writer(engines: Engines) -> None:
    """Close the connection; the next transaction opens a new one."""
    await engines.writer.run(engines.writer.engine.dispose)


@asynccontextmanager
async def open_transaction(engines: Engines) -> AsyncIterator[None]:
    """Keep a write transaction open, so that nobody else can write, until the end of the block."""
    begun, over = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        begun.set()
        over.wait(60)

    async def hold() -> None:
        while not begun.is_set():
            with suppress(PoolTimeout):  # on a busy machine even the first turn may come too late
                await engines.writer.transaction(wait)

    writing = asyncio.ensure_future(hold())
    assert await asyncio.to_thread(begun.wait, 60)
    try:
        yield
    finally:
        over.set()
        await writing
