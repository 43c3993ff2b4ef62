"""A clock that tests set, so that none of them waits in real time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

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
