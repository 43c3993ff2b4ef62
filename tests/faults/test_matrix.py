"""Each row of the fault matrix once, against the real process; ``make faults`` plays them many times.

The processes are forked (``tests/support/forked.py``); those of ``make faults`` are new interpreters.
"""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.faults.matrix import ALONE
from tests.faults.row import patient, play_batches
from tests.support.forked import launch

pytestmark = pytest.mark.long

STEADILY = (sys.executable, "-m", "bot.sandbox.parent_watchdog", "tests.support.clocks.steady_cli", "serve")
"""The bot in the tests' time. Replicas have the machine's: one that was frozen has to notice."""
LANES = 6
"""Bots at a time; they mostly wait."""


async def test_every_fault_once() -> None:
    quick = [patient(row, command=STEADILY, launch=launch) for row in ALONE if row.quick]
    lanes = [
        play_batches([(row, 1, number) for number, row in enumerate(quick[lane::LANES])], transport, print)
        for lane, transport in zip(range(LANES), ("socket", "http", "socket", "socket", "http", "socket"), strict=True)
    ]
    results = [result for lane in await asyncio.gather(*lanes) for result in lane]
    assert [f"{one.row.name}: {wrong}" for one in results for wrong in one.violations] == []
    assert sum(one.runs for one in results) == len(quick)
