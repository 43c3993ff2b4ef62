"""The tests' own time: what a machine that stands still must not change."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.hurried_clock import HurriedClock
from tests.support.steady import COUNTED, SteadyLoop, SteadyTime, steady

STALL = 0.3


def stall() -> None:
    """Stand still, as the whole process does on a crowded host."""
    time.sleep(STALL)


async def test_a_stall_makes_nobody_late() -> None:
    answer = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(STALL / 2):
        asyncio.get_running_loop().call_soon(stall)
        asyncio.get_running_loop().call_soon(answer.set_result, "in time")
        assert await answer == "in time"


async def test_who_only_waits_is_late_all_the_same() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2 * COUNTED):
            await asyncio.Event().wait()


async def test_every_loop_of_the_tests_is_a_steady_one() -> None:
    assert isinstance(asyncio.get_running_loop(), SteadyLoop)
    assert await asyncio.to_thread(lambda: asyncio.run(_kind_of_loop())) is SteadyLoop


async def _kind_of_loop() -> type:
    return type(asyncio.get_running_loop())


def test_of_a_stall_little_counts() -> None:
    mine = SteadyTime()
    began = mine()
    stall()
    assert 0 < mine() - began < STALL / 2


async def test_the_hurried_clock_walks_on_from_where_it_was() -> None:
    clock = HurriedClock()
    await asyncio.sleep(2 * COUNTED)
    clock.jump(100)
    was = clock.monotonic()
    clock.walk()
    assert was <= clock.monotonic() < was + STALL
    stood, began = clock.monotonic(), steady()
    await asyncio.sleep(COUNTED)
    assert clock.monotonic() - stood == pytest.approx(steady() - began, abs=COUNTED)


async def test_the_hurried_clock_stands_still_with_the_machine() -> None:
    clock = HurriedClock()
    began = clock.monotonic()
    stall()
    assert clock.monotonic() - began < STALL / 2 * clock.speed
