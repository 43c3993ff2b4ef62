"""Loops that an error which nobody expected does not end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.runtime.workers import LONGEST_WAIT_SECONDS, Loops
from tests.support.clocks.fake_clock import FakeClock, SteppedClock


@dataclass
class Breaking:
    """A loop that breaks so many times before it comes to its end, after so many seconds each."""

    clock: FakeClock
    times: int
    lasts: float = 0.0
    rounds: int = 0
    counted: list[tuple[str, int]] = field(default_factory=list)

    async def run(self) -> None:
        self.rounds += 1
        self.clock.advance(self.lasts)
        if self.rounds <= self.times:
            raise KeyError(self.rounds)

    async def supervised(self) -> None:
        await Loops(self.clock, lambda *what: self.counted.append(what)).supervised(self.run)()


async def test_a_loop_that_breaks_is_logged_counted_and_begins_anew() -> None:
    loop = Breaking(FakeClock(), times=3)

    with capture_logs() as said:
        await loop.supervised()

    assert loop.rounds == 4
    assert loop.counted == [("Breaking.run", times) for times in (0, 1, 1, 1)]
    assert [(one["event"], one["log_level"], one["worker"]) for one in said] == [
        ("worker_crashed", "error", "Breaking.run")
    ] * 3
    assert all(one["exc_info"] for one in said)


async def test_what_breaks_again_and_again_is_tried_more_and_more_rarely() -> None:
    loop = Breaking(FakeClock(), times=12)
    with capture_logs():
        await loop.supervised()
    assert loop.clock.slept == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[LONGEST_WAIT_SECONDS] * 3]


async def test_what_went_well_for_long_is_tried_again_soon() -> None:
    loop = Breaking(FakeClock(), times=4, lasts=LONGEST_WAIT_SECONDS + 1)
    with capture_logs():
        await loop.supervised()
    assert loop.clock.slept == [1, 1, 1, 1]


@pytest.mark.parametrize("times", [0, 1], ids=["running", "waiting after an error"])
async def test_a_cancellation_ends_it(times: int) -> None:
    clock = SteppedClock()
    running = asyncio.Event()

    async def loop() -> None:
        if times:
            raise KeyError
        running.set()
        await asyncio.Event().wait()

    with capture_logs():
        task = asyncio.ensure_future(Loops(clock, lambda _name, _times: None).supervised(loop)())
        await (clock.until_asleep(1) if times else running.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
