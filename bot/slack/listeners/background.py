"""Background tasks that continue after an acknowledgement: none is lost, and all can be awaited."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """Runs coroutines and keeps references to them (the event loop keeps only weak references)."""

    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def start(self, coroutine: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work_failed", exc_info=error)

    async def drain(self, seconds: float) -> int:
        """Wait for tasks and those they start, at most this long; return how many are not finished."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=max(0.0, until - loop.time()))
            if pending:
                return len(pending)
        return 0
