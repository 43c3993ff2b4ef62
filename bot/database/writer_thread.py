"""The one thread that writes: each transaction is a synchronous function on its connection.

A transaction can't wait for anything but its connection: nothing can be awaited in it. One way there and back costs
less than a switch of threads for each statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import TimeoutError as PoolTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection, Engine

T = TypeVar("T")


def _single_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="database-writer")


@dataclass(slots=True)
class WriterThread:
    """Runs write transactions one after another, in the order in which they were asked for."""

    engine: Engine
    queue_seconds: float
    """How long a transaction waits for its turn."""
    ended: int = 0
    """How many transactions have ended that may have left work; while it stays the same, there is no new work."""
    _executor: ThreadPoolExecutor = field(default_factory=_single_thread)

    @property
    def url(self) -> URL:
        return self.engine.url

    @property
    def dialect_name(self) -> str:
        return self.engine.dialect.name

    async def transaction(self, work: Callable[[Connection], T], *, leaves_work: bool = True) -> T:
        """Run ``work`` in one transaction: it is committed if ``work`` returns, and rolled back if it raises.

        Canceling the caller stops a transaction only before it has begun. Raise SQLAlchemy's TimeoutError if the turn
        doesn't come within ``queue_seconds``; then nothing has begun. ``leaves_work``: whether a worker may find
        something to do by it that was not there before.
        """

        def run() -> T:
            try:
                with self.engine.begin() as connection:
                    result = work(connection)
                    if inspect.iscoroutine(result):
                        result.close()
                        raise TypeError("a transaction can't wait for a coroutine")
                    return result
            finally:
                self.ended += leaves_work  # even by an error: the answer to a commit may have been lost

        return await self.run(run)

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in this thread, with the context variables of the caller."""
        job = self._executor.submit(copy_context().run, work)
        waiting = asyncio.wrap_future(job)
        try:
            done, _ = await asyncio.wait({waiting}, timeout=self.queue_seconds)
            if not done and job.cancel():
                raise PoolTimeout(f"no turn to write within {self.queue_seconds} s")
            await asyncio.wait({waiting})
        except asyncio.CancelledError:
            if not job.cancel():
                await _until_done(waiting)  # nothing else of the caller happens before the transaction has ended
            raise
        return waiting.result()

    async def close(self) -> None:
        """Close the connection, after the transactions that were asked for before."""
        await asyncio.wrap_future(self._executor.submit(self.engine.dispose))
        self._executor.shutdown(wait=False)


async def _until_done(future: asyncio.Future[T]) -> None:
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):  # the caller is canceled already, perhaps again and again
            await asyncio.wait({future})
    if not future.cancelled():
        future.exception()  # seen: nobody is left to raise it to
