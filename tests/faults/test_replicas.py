"""Three real processes on one PostgreSQL server, once over sockets and once behind a balancer."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.row import patient, play_batches
from tests.faults.rows.replicas import ROWS
from tests.support.forked import launch

pytestmark = pytest.mark.long

PLAYED = {
    "socket": ("replicas-killed", "replicas-storm"),
    "http": ("replicas-duplicates", "replicas-frozen", "replicas-woken"),
}


async def test_three_replicas_once() -> None:
    rows = {row.name: patient(row, launch=launch) for row in ROWS}
    lanes = [
        play_batches([(rows[name], rows[name].at_once, 1) for name in names], transport, print)
        for transport, names in PLAYED.items()
    ]
    results = [result for lane in await asyncio.gather(*lanes) for result in lane]
    assert [f"{one.row.name}: {wrong}" for one in results for wrong in one.violations] == []
    assert [one.row.name for one in results] == [name for names in PLAYED.values() for name in names]
