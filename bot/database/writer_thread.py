"""The one thread that writes: each transaction is a synchronous function on its connection.

A transaction can't wait for anything but its connection: nothing can be awaited in it. One way there and back costs
less than a switch of threads for each statement. Transactions that wait for their turn share a commit, since what a
commit takes is mostly the disk; each caller goes on only once its own is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.exc import TimeoutError as PoolTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import URL, Connection, Engine

T = TypeVar("T")
MOST_TOGETHER = 16
"""Transactions that share a commit, at most: the first one waits for the work of all."""


def _single_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="database-writer")


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    """A transaction that waits for its turn, or runs."""

    work: Callable[[Connection], T]
    leaves_work: bool
    repeatable: bool
    context: Context = field(default_factory=copy_context)
    done: Future[T] = field(default_factory=Future)

    def run(self, connection: Connection) -> T:
        result = self.context.run(self.work, connection)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("a transaction can't wait for a coroutine")
        return result


def _repeatable(*jobs: _Job[Any]) -> bool:
    return all(job.repeatable for job in jobs)


@dataclass(slots=True)
class WriterThread:
    """Runs write transactions one after another, in the order in which they were asked for."""

    engine: Engine
    queue_seconds: float
    """How long a transaction waits for its turn."""
    ended: int = 0
    """How many transactions have ended that may have left work; while it stays the same, there is no new work."""
    _executor: ThreadPoolExecutor = field(default_factory=_single_thread)
    _waiting: deque[_Job[Any]] = field(default_factory=deque)

    @property
    def url(self) -> URL:
        return self.engine.url

    @property
    def dialect_name(self) -> str:
        return self.engine.dialect.name

    async def transaction(
        self, work: Callable[[Connection], T], *, leaves_work: bool = True, repeatable: bool = False
    ) -> T:
        """Run ``work`` in one transaction: it is committed if ``work`` returns, and rolled back if it raises.

        Canceling the caller stops a transaction only before it has begun. Raise SQLAlchemy's TimeoutError if the turn
        doesn't come within ``queue_seconds``; then nothing has begun. ``leaves_work``: whether a worker may find
        something to do by it that was not there before. ``repeatable``: ``work`` may run twice, and only its last run
        counts; so it may share its commit with others that wait for their turn too.
        """
        job = _Job(work, leaves_work, repeatable)
        self._waiting.append(job)
        self._executor.submit(self._next_turn)
        return await self._ended(job.done)

    def _next_turn(self) -> None:
        """Run what waits first, and with it the repeatable ones that follow."""
        group: list[_Job[Any]] = []
        while self._waiting and len(group) < MOST_TOGETHER and (not group or _repeatable(group[0], self._waiting[0])):
            job = self._waiting.popleft()
            if job.done.set_running_or_notify_cancel():
                group.append(job)
        if len(group) > 1 and self._together(group):
            return
        for job in group:  # perhaps none: they ran with one before, or their callers have gone
            self._together([job])

    def _together(self, group: Sequence[_Job[Any]]) -> bool:
        """Run them in one transaction, and tell each what it returned, or why nothing of it is there.

        False if the work of one of several failed: all are rolled back, and nobody was told anything. A transaction
        that can't begin, or be committed, fails for all of them: one after another, each would wait for the same lock.
        """
        results: list[Any] = []
        begun = False
        try:
            with self.engine.begin() as connection:
                begun = True
                results += [job.run(connection) for job in group]
        except BaseException as error:  # noqa: BLE001  raised to those who wait
            if len(group) > 1 and begun and not results:
                return False
            self._note_end(group)  # even by an error: the answer to a commit may have been lost
            for job in group:
                job.done.set_exception(error)
        else:
            self._note_end(group)
            for job, result in zip(group, results, strict=True):
                job.done.set_result(result)
        return True

    def _note_end(self, group: Sequence[_Job[Any]]) -> None:
        self.ended += sum(job.leaves_work for job in group)

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in this thread, with the context variables of the caller."""
        return await self._ended(self._executor.submit(copy_context().run, work))

    async def _ended(self, job: Future[T]) -> T:
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
