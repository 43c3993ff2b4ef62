"""Background work: each worker is a step that is repeated, and one supervisor repeats all of them.

The supervisor waits between steps, catches unexpected errors (``worker_crashed``), counts them, backs off, and ends
the workers. All workers find their work in the database, so a restart loses nothing.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import RecordBotError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0
CANCEL_AGAIN_SECONDS = 0.5
OUTAGES = (RecordBotError, SQLAlchemyError, SlackClientError, aiohttp.ClientError, OSError)
"""What a database, a network, Slack or Genesys that is away raises: one line says it, and no traceback says more."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A step that is repeated. Times are seconds of the bot's clock."""

    name: str
    """Appears in the log and in ``record_bot_loop_failures_total``."""

    step: Callable[[], Awaitable[float | None]]
    """Returns after how long the next step is due: None after ``every``, 0 at once, infinity never."""

    every: float = math.inf
    """How long to wait between two steps at most. Infinity: the step is all there is to do, and never returns."""

    wakes_on: asyncio.Event | None = None
    """Ends the wait early; it is cleared before each step."""

    at_least: float = 0.0
    """How long to wait even if ``wakes_on`` is set, unless the next step is due at once."""

    waits_first: bool = False
    """Whether ``every`` passes before the first step."""

    leader_only: bool = True
    """Whether only one of several processes runs it: the leader."""

    longest_wait: float = LONGEST_WAIT_SECONDS
    """How long to wait after repeated errors at most: a second at first, then twice as long from error to error."""

    on_error: Callable[[Exception], float] | None = None
    """Returns how long to wait after an error, in place of that rule."""


@dataclass
class Supervisor:
    """Runs workers; ``count`` gets the name of each and its failures since the last call: 0 at first."""

    clock: Clock
    count: Callable[[str, int], None]
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, workers: Iterable[Worker]) -> None:
        """Run workers in the background until ``stop``."""
        self._running += [asyncio.create_task(self.run(worker), name=worker.name) for worker in workers]

    async def stop(self) -> None:
        """Cancel the workers, and wait until each has ended."""
        workers, pending = set(self._running), set(self._running)
        self._running.clear()
        while pending:
            # Once is not enough: Python 3.11's wait_for, in the connection pool, loses a cancellation now and then.
            for worker in pending:
                worker.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        for worker in workers:
            if not worker.cancelled() and (error := worker.exception()) is not None:
                log.error("worker_crashed", worker=worker.get_name(), exc_info=error)

    def loops(self, workers: Iterable[Worker]) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """Return what runs each worker until it is canceled, for those that run only while this process leads."""
        found = tuple(workers)
        for worker in found:
            self.count(worker.name, 0)  # a rise can only be seen from something
        return tuple(partial(self.run, worker) for worker in found)

    async def once(self, worker: Worker) -> None:
        """Take one step now; an unexpected error is left to the next one."""
        try:
            await worker.step()
        except Exception as error:  # noqa: BLE001  logged there
            _log_failure(worker, error)
            self.count(worker.name, 1)

    async def run(self, worker: Worker) -> None:
        """Repeat the worker's step until it is canceled, or says that it is finished."""
        self.count(worker.name, 0)
        wait = FIRST_WAIT_SECONDS
        if worker.waits_first:
            await self.clock.sleep(worker.every)
        while True:
            if worker.wakes_on is not None:
                worker.wakes_on.clear()
            began = self.clock.monotonic()
            try:
                due = await worker.step()
            except Exception as error:  # noqa: BLE001  logged there
                _log_failure(worker, error)
                self.count(worker.name, 1)
                if self.clock.monotonic() - began > worker.longest_wait:
                    wait = FIRST_WAIT_SECONDS
                wait = min(wait, worker.longest_wait)
                await self.clock.sleep(wait if worker.on_error is None else worker.on_error(error))
                wait *= 2
                continue
            wait = FIRST_WAIT_SECONDS
            if due is None:
                due = worker.every
            if due == math.inf:
                return
            if due > 0:
                await self._wait(worker, min(due, worker.every))

    async def _wait(self, worker: Worker, seconds: float) -> None:
        if worker.at_least:
            await self.clock.sleep(worker.at_least)
            seconds -= worker.at_least
            if seconds <= 0:
                return
        if worker.wakes_on is None:
            await self.clock.sleep(seconds)
            return
        waits: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(worker.wakes_on.wait()),
            asyncio.ensure_future(self.clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


def _log_failure(worker: Worker, error: Exception) -> None:
    if isinstance(error, OUTAGES):
        cause = str(error).partition("\n")[0] or type(error).__name__
        log.warning("worker_step_failed", worker=worker.name, cause=cause)
    else:
        log.error("worker_crashed", worker=worker.name, exc_info=error)
