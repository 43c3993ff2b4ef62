"""A clock on which minutes pass in seconds, and on which a test can jump."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.clocks.steady_time import steady


@dataclass
class AcceleratedClock:
    """Runs ``speed`` times as fast as the event loops' clock; sleepers wake when a jump passes their time."""

    speed: float = 10.0
    began: float = field(default_factory=steady)
    epoch: float = field(default_factory=time.time)
    jumped: float = 0.0
    _sleepers: set[asyncio.Event] = field(default_factory=set)

    def monotonic(self) -> float:
        return (steady() - self.began) * self.speed + self.jumped

    def time(self) -> float:
        """Return seconds since the epoch, as the simulators want them."""
        return self.epoch + self.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    async def sleep(self, seconds: float) -> None:
        until, jump = self.monotonic() + seconds, asyncio.Event()
        self._sleepers.add(jump)
        try:
            while (left := until - self.monotonic()) > 0:
                jump.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left / self.speed):
                        await jump.wait()
        finally:
            self._sleepers.discard(jump)
        await asyncio.sleep(0)

    def real_time(self) -> None:
        """Hurry no more: from now on a second takes a second, where a test must not be overtaken by the bot's time."""
        self.jumped = self.monotonic() - (steady() - self.began)
        self.speed = 1.0

    def jump(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.jumped += seconds
        for sleeper in self._sleepers:
            sleeper.set()
