"""The time of the tests' event loops, in which a machine that stands still or is slow loses no time.

A virtual machine on a crowded host stands still for seconds, and every limit that is measured by its clock has passed
when it goes on. What is asked and what answers share a process here, so both stood still: nobody was late.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

SLICE = 0.02
"""Seconds that a loop waits at a stretch; longer than this it is never unaware of the time."""
COUNTED = 0.025
"""Seconds that count at most from one look at the clock to the next, however long it really was."""


@dataclass
class SteadyTime:
    """A clock that runs with the machine's as long as somebody looks at it often enough, and else stands."""

    _passed: float = 0.0
    _seen: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        """Return the seconds that have passed, from any start."""
        with self._lock:
            now = time.monotonic()
            self._passed += min(now - self._seen, COUNTED)
            self._seen = now
            return self._passed


steady = SteadyTime()
"""One for the process, as the machine's is: its loops and their clocks agree on it."""


class _OftenAwake(selectors.DefaultSelector):
    """Waits in slices, so that waiting for nothing but time is no stall."""

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        until = SLICE if timeout is None else min(timeout, SLICE)
        return super().select(until)


class SteadyLoop(asyncio.SelectorEventLoop):
    """The usual event loop with a clock that leaves out where the machine stood still."""

    def __init__(self) -> None:
        super().__init__(_OftenAwake())

    @override
    def time(self) -> float:
        return steady()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does, in a steady loop."""
    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        return runner.run(coroutine)
