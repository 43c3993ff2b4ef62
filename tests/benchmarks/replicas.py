"""``python -m tests.benchmarks.replicas``: actions a second on PostgreSQL with one, two, four, and eight replicas."""
# ruff: noqa: T201  a command prints

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.load import Lines
from tests.faults.harness.replicas import opened_fleet
from tests.faults.report import REPORT, with_throughput

if TYPE_CHECKING:
    from tests.faults.harness.replicas import Fleet

COUNTS = (1, 2, 4, 8)
AT_ONCE = 12
ROUNDS = 3
WAIT_SECONDS = 240.0
LOOK_SECONDS = 0.02
PLENTY = {"GENESYS_REQUESTS_PER_MINUTE": "10000000", "LOG_LEVEL": "warning"}
SETTLED = "SELECT count(*) FROM audit_entries WHERE action = 'recording:start' AND phase IN ('succeeded', 'observed')"
OPEN = "SELECT count(*) FROM attempts WHERE settled_at IS NULL"
TEXT = """\
Written by `python -m tests.benchmarks.replicas`, on a machine with {cores} cores, shared by the simulators, the load,
the server, and the bots. Each action is a start by a slash command over HTTP, from the command to the outcome on disk
(`fsync` on), {count} of them a round and {at_once} commands at once; the middle one of {rounds} rounds counts.

| replicas | actions a second, against one | processor time of all bots for an action | refused or lost |
|---:|---:|---:|---:|
{rows}

The order of the trail allows one commit at a time, so more replicas share the work of the processes, but not
that of the database. If one bot keeps a machine's cores busy, more can't be faster. Replicas protect against
machine failure: Genesys allows 100 starts a minute, which is less than two a second."""


@dataclass(frozen=True)
class Round:
    """Some actions: how many a second, the processor's seconds for one of them, and how many came to nothing."""

    rate: float
    processor: float
    lost: int


async def measure(count: int, actions: int) -> list[Round]:
    """Run so many replicas, and have them do some rounds; the first one warms up."""
    async with opened_fleet("http", count=count, durable=True, settings=PLENTY) as fleet:
        return [await _round(fleet, actions) for _ in range(ROUNDS + 1)][1:]


async def _round(fleet: Fleet, actions: int) -> Round:
    calls = [fleet.genesys.add_call().conversation_id for _ in range(actions)]
    lines = [Lines(f"http://127.0.0.1:{one.bot.port}/slack/events") for one in fleet.replicas]
    free, turn, done = asyncio.Semaphore(AT_ONCE), itertools.cycle(lines), _settled(fleet)

    async def start(call: str) -> None:
        async with free:
            await next(turn).command(f"start {call}")

    used, began = _processor_seconds(fleet), time.perf_counter()
    await asyncio.gather(*(start(call) for call in calls))
    async with asyncio.timeout(WAIT_SECONDS):
        while fleet.outside.one(OPEN):  # noqa: ASYNC110  what is waited for happens in the server
            await asyncio.sleep(LOOK_SECONDS)
    took, settled = time.perf_counter() - began, _settled(fleet) - done
    for one in lines:
        one.close()
    return Round(settled / took, (_processor_seconds(fleet) - used) / settled, actions - settled)


def _settled(fleet: Fleet) -> int:
    return int(fleet.outside.one(SETTLED))


def _processor_seconds(fleet: Fleet) -> float:
    """Return what the bots have used of the processor so far."""
    ticks = 0
    for one in fleet.replicas:
        fields = Path(f"/proc/{one.bot.snapshot()['pid']}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def section(found: dict[int, list[Round]], actions: int) -> str:
    """Lay the results out as ratios."""
    rate = {count: statistics.median(one.rate for one in rounds) for count, rounds in found.items()}
    processor = {count: statistics.median(one.processor for one in rounds) for count, rounds in found.items()}
    rows = [
        f"| {count} | {rate[count] / rate[1]:.2f} times ({rate[count]:.1f}) |"
        f" {processor[count] / processor[1]:.2f} times ({1000 * processor[count]:.0f} ms) |"
        f" {sum(one.lost for one in found[count])} of {actions * ROUNDS} |"
        for count in COUNTS
    ]
    facts = {"cores": os.cpu_count(), "count": actions, "at_once": AT_ONCE, "rounds": ROUNDS}
    return TEXT.format(rows="\n".join(rows), **facts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.replicas", description=__doc__)
    parser.add_argument("--actions", type=int, default=120, help="in a round (120)")
    parser.add_argument("--dry", action="store_true", help="leave the page alone")
    arguments = parser.parse_args()
    found = {count: asyncio.run(measure(count, arguments.actions)) for count in COUNTS}
    text = section(found, arguments.actions)
    print(text)
    if not arguments.dry:
        REPORT.write_text(with_throughput(REPORT.read_text(), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
