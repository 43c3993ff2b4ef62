"""A clock that tests set, so that none of them waits in real time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from typing_extensions import override

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Time that passes only in ``sleep`` and ``advance``; sleeping returns at once, an hour later if asked to."""

    begin: datetime = BEGIN
    elapsed: float = 1000.0
    slept: list[float] = field(default_factory=list)
    """The seconds of each sleep, in order."""

    def now(self) -> datetime:
        return self.begin + timedelta(seconds=self.elapsed)

    def time(self) -> float:
        """Return seconds since the epoch, as ``time.time`` does; what the simulators take as their clock."""
        return self.now().timestamp()

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds


@dataclass
class SteppedClock(FakeClock):
    """Time that passes only in ``advance``; sleepers wake when it has."""

    _sleepers: dict[asyncio.Event, float] = field(default_factory=dict)
    _fell_asleep: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._sleepers[woken] = self.elapsed + seconds
        self._fell_asleep.set()
        try:
            await woken.wait()
        finally:
            del self._sleepers[woken]

    @override
    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        for woken, until in self._sleepers.items():
            if until <= self.elapsed:
                woken.set()

    async def until_asleep(self, *seconds: float, sleepers: int = 1, within: float = 60.0) -> None:
        """Wait until so many sleep for so many more seconds, or for one of several lengths.

        Raise TimeoutError after ``within`` real seconds.
        """
        async with asyncio.timeout(within):
            while sum(self._sleeps_for(until, seconds) for until in self._sleepers.values()) < sleepers:
                self._fell_asleep.clear()
                await self._fell_asleep.wait()

    def _sleeps_for(self, until: float, lengths: tuple[float, ...]) -> bool:
        return any(abs(until - self.elapsed - length) < 1e-6 for length in lengths)
