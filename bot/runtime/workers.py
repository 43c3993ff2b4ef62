"""Keeps the bot's loops running: an unexpected error is logged and counted, and the loop starts again.

Each loop handles the errors that it knows. All of them find their work in the database, so a restart loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.recording.ports import Clock

    Loop = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0
"""What breaks each time at once is tried no more often than this."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Runs loops; ``count`` gets the name of each and its failures since the last call: 0 at first."""

    clock: Clock
    count: Callable[[str, int], None]

    def supervised(self, loop: Loop) -> Loop:
        """Return the same loop, protected from errors; if it returns by itself, it is finished."""
        name = str(getattr(loop.func if isinstance(loop, partial) else loop, "__qualname__", loop))

        self.count(name, 0)  # a rise can only be seen from something

        async def run() -> None:
            wait = FIRST_WAIT_SECONDS
            while True:
                began = self.clock.monotonic()
                try:
                    return await loop()
                except Exception:
                    log.exception("worker_crashed", worker=name)
                    self.count(name, 1)
                if self.clock.monotonic() - began > LONGEST_WAIT_SECONDS:
                    wait = FIRST_WAIT_SECONDS
                await self.clock.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

        run.__qualname__ = name
        return run
