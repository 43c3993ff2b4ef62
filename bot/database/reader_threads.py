"""The threads that read from SQLite: each read is a synchronous function on its connection.

One way there and back, where aiosqlite switches threads for each step of a transaction: BEGIN, cursor, statement, rows,
close, ROLLBACK. A read takes a third of the processor time so.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

T = TypeVar("T")
READER_THREADS = 4
"""As many as PostgreSQL's pool of readers has connections."""


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READER_THREADS, thread_name_prefix="database-reader")


@dataclass(frozen=True, slots=True)
class ReaderThreads:
    """Runs reads, each in a transaction of its own. The engine has a connection for each thread."""

    engine: Engine
    _executor: ThreadPoolExecutor = field(default_factory=_threads)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction that can't write; what it returns must not need the connection any more."""

        def run() -> T:
            with self.engine.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._executor, run)

    async def close(self) -> None:
        """Close the connections, after the reads that were asked for before."""
        await asyncio.to_thread(self._executor.shutdown)
        self.engine.dispose()
