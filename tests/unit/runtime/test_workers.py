"""Workers: their steps are repeated when they are due, and an error that nobody expected does not end them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.errors import AuditUnavailable
from bot.runtime.workers import LONGEST_WAIT_SECONDS, Supervisor, Worker
from tests.support.clocks.fake_clock import FakeClock, SteppedClock


def ignore(_name: str, _times: int) -> None:
    """Count nothing."""


@dataclass
class Breaking:
    """A step that breaks so many times before it comes to its end, after so many seconds each."""

    clock: FakeClock
    times: int
    lasts: float = 0.0
    rounds: int = 0
    counted: list[tuple[str, int]] = field(default_factory=list)

    async def step(self) -> None:
        self.rounds += 1
        self.clock.advance(self.lasts)
        if self.rounds <= self.times:
            raise KeyError(self.rounds)

    async def supervised(self) -> None:
        supervisor = Supervisor(self.clock, lambda *what: self.counted.append(what))
        await supervisor.run(Worker("breaking", self.step))


async def test_a_worker_that_breaks_is_logged_counted_and_begins_again() -> None:
    loop = Breaking(FakeClock(), times=3)

    with capture_logs() as said:
        await loop.supervised()

    assert loop.rounds == 4
    assert loop.counted == [("breaking", times) for times in (0, 1, 1, 1)]
    assert [(one["event"], one["log_level"], one["worker"]) for one in said] == [
        ("worker_crashed", "error", "breaking")
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


@dataclass
class Scripted:
    """A step that returns or raises what is written down for it, and then is finished."""

    outcomes: list[float | Exception | None]
    taken: int = 0

    async def step(self) -> float | None:
        self.taken += 1
        outcome = self.outcomes.pop(0) if self.outcomes else math.inf
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_a_step_says_when_the_next_one_is_due() -> None:
    """None: after the worker's time; more than that is too much; 0: at once; infinity: never."""
    clock, script = FakeClock(), Scripted([None, 2.0, 60.0, 0.0, None])

    await Supervisor(clock, ignore).run(Worker("scripted", script.step, every=5.0, waits_first=True))

    assert (clock.slept, script.taken) == ([5, 5, 2, 5, 5], 6)


async def test_a_step_that_went_well_ends_the_back_off() -> None:
    clock, script = FakeClock(), Scripted([KeyError(), KeyError(), KeyError(), None, KeyError()])

    with capture_logs():
        await Supervisor(clock, ignore).run(Worker("scripted", script.step, every=9.0, longest_wait=3.0))

    assert clock.slept == [1, 2, 3, 9, 1]


async def test_a_worker_may_know_better_how_long_to_wait_after_an_error() -> None:
    clock, script = FakeClock(), Scripted([KeyError(), None])

    with capture_logs():
        await Supervisor(clock, ignore).run(Worker("scripted", script.step, every=9.0, on_error=lambda _: 7.0))

    assert clock.slept == [7, 9]


async def test_a_change_wakes_a_worker_but_not_sooner_than_it_may() -> None:
    clock, changes, script = SteppedClock(), asyncio.Event(), Scripted([None, None])
    worker = Worker("scripted", script.step, every=60.0, wakes_on=changes, at_least=1.0)
    running = asyncio.ensure_future(Supervisor(clock, ignore).run(worker))
    await clock.until_asleep(1.0)
    changes.set()
    assert script.taken == 1
    clock.advance(1.0)  # it is awake at once, as the change was kept
    await clock.until_asleep(1.0)
    assert (script.taken, changes.is_set()) == (2, False)
    clock.advance(1.0)
    await clock.until_asleep(59.0)  # 60 s after the step, of which one has passed
    clock.advance(59.0)
    await running
    assert script.taken == 3


@pytest.mark.parametrize("times", [0, 1], ids=["running", "waiting after an error"])
async def test_a_cancellation_ends_it(times: int) -> None:
    clock = SteppedClock()
    running = asyncio.Event()

    async def step() -> None:
        if times:
            raise KeyError
        running.set()
        await asyncio.Event().wait()

    with capture_logs():
        task = asyncio.ensure_future(Supervisor(clock, ignore).run(Worker("endless", step)))
        await (clock.until_asleep(1) if times else running.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_worker_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    supervisor, lost = Supervisor(FakeClock(), ignore), asyncio.Event()

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()  # as wait_for does in Python 3.11 when what it waits for comes at the same moment
        await asyncio.Event().wait()

    supervisor.start([Worker("deaf", deaf_once)])
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await supervisor.stop()
    assert lost.is_set()


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (OSError("the network is away\nand more"), "worker_step_failed"),
        (TimeoutError(), "worker_step_failed"),
        (AuditUnavailable(), "worker_step_failed"),
        (KeyError("a fault of ours"), "worker_crashed"),
    ],
)
async def test_an_outage_is_one_line_and_a_fault_of_ours_a_traceback(error: Exception, event: str) -> None:
    async def step() -> float:
        raise error

    with capture_logs() as logs:
        await Supervisor(FakeClock(), ignore).once(Worker("cards", step))

    (line,) = logs
    assert (line["event"], "exc_info" in line) == (event, event == "worker_crashed")
    assert "\n" not in line.get("cause", "")
