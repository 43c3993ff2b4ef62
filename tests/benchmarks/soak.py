"""Half an hour at two actions a second while Genesys and Slack fail in turns: nothing grows, and nothing is lost.

``python -m tests.benchmarks.soak [--seconds 1800]``; writes ``docs/soak.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.sandbox.run import bot_environment
from tests.benchmarks.child import ROOT, Child, child, resident_bytes
from tests.benchmarks.figures import Figure, machine, table
from tests.benchmarks.load import OK, Answered, Lines
from tests.benchmarks.stage import UNLIMITED, Stage, Unmoved, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

A_SECOND = 2
CALLS = 60
FAULT_SECONDS, QUIET_SECONDS = 6.0, 6.0
SAMPLE_SECONDS = 2.0
REST_SECONDS = 180.0
AUDIT = "C0AUDIT"
FAULTS: tuple[tuple[str, str, float | None], ...] = (
    ("genesys", "rate_limited", 2),
    ("slack", "rate_limited", 2),
    ("genesys", "server_error", None),
    ("slack", "drop_after", None),
    ("genesys", "drop_after", None),
    ("slack", "down", None),
    ("genesys", "slow", 1),
    ("slack", "server_error", None),
    ("genesys", "conflict", None),
    ("genesys", "junk", None),
)
"""Each is on for a few seconds, then off for as long, in this order, round and round."""
OPEN = """
SELECT (SELECT count(*) FROM attempts WHERE settled_at IS NULL)
     + (SELECT count(*) FROM attempts WHERE looks_left > 0)
     + (SELECT count(*) FROM cards WHERE rendered_version < wanted_version)
     + (SELECT max(seq) FROM audit_entries) - (SELECT max(seq) FROM audit_deliveries WHERE delivered_at IS NOT NULL)
"""
PAGE = """\
# Soak

Written by `make soak` (`python -m tests.benchmarks.soak`), on a shared virtual machine with {machine}.

{seconds:.0f} s at {rate} actions a second: start, pause, resume and stop on {calls} calls by commands over HTTP,
{actions} in all. {faults} times a fault was active for {fault:.0f} s: Genesys or Slack refuses, fails, slows down,
answers nonsense, or drops connections after it did the work. The simulated Slack does not enforce its rate limits here.

{table}

The table compares the median of the second fifth of the time with that of the last. {denied} of the actions were
refused or failed, as expected while Genesys fails; each of those is in the trail as well.
"""


@dataclass
class Soak:
    """The bot under load, what was asked of it, and what it takes."""

    stage: Stage
    bot: Child
    lines: Lines
    seconds: float
    asked: list[Answered] = field(default_factory=list)
    samples: list[dict[str, int]] = field(default_factory=list)
    faults: int = 0

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._break_things()), asyncio.create_task(self._sample())]
        try:
            await self._act()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.stage.slack.faults.switch_all_off()
            self.stage.genesys.faults.switch_all_off()

    async def _act(self) -> None:
        chance, began = random.Random(7), time.monotonic()  # noqa: S311  the same each time
        turns = self._turns(self.stage.add_calls(CALLS), chance)
        under_way = set[asyncio.Task[Answered]]()
        for number in itertools.count():
            due = began + number / A_SECOND
            if due > began + self.seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self.lines.command(next(turns), user=chance.choice(("U0ADA", "U0GRACE"))))
            under_way.add(task)
            task.add_done_callback(lambda done: self.asked.append(done.result()))
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    @staticmethod
    def _turns(calls: list[str], chance: random.Random) -> Iterator[str]:
        plans = {call: itertools.cycle(("start", "pause", "resume", "stop")) for call in calls}
        while True:
            call = chance.choice(calls)
            yield f"{next(plans[call])} {call}"

    async def _break_things(self) -> None:
        for system, name, value in itertools.cycle(FAULTS):
            await asyncio.sleep(QUIET_SECONDS)
            switches = self.stage.slack.faults if system == "slack" else self.stage.genesys.faults
            switches.switch_on(name, value=value)
            self.faults += 1
            await asyncio.sleep(FAULT_SECONDS)
            switches.switch_off(name)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.samples.append(await self.bot.ask() | {"memory": resident_bytes(self.bot.pid)})

    async def rest(self) -> None:
        """Wait until nothing is open, and Slack has been told everything."""
        with closing(sqlite3.connect(f"file:{self.stage.database}?mode=ro", uri=True)) as outside:
            await self.stage.until(
                "everything settled and delivered",
                lambda: outside.execute(OPEN).fetchone() == (0,),
                within=REST_SECONDS,
            )

    def grown(self, what: str) -> tuple[float, float]:
        """Return the medians of the second fifth of the time and of the last."""
        fifth = max(1, len(self.samples) // 5)
        early, late = self.samples[fifth : 2 * fifth], self.samples[-fifth:]
        return statistics.median(one[what] for one in early), statistics.median(one[what] for one in late)


def figures(soak: Soak, *, settled: bool) -> list[Figure]:
    rows = []
    for what, most, unit in (("memory", 1.05, "MB"), ("files", 1.25, ""), ("threads", 1.25, ""), ("tasks", 1.25, "")):
        early, late = soak.grown(what)
        shown = [f"{value / 1e6:.0f}" if unit else f"{value:.0f}" for value in (early, late)]
        rows.append(
            Figure(
                f"{what} at the end",
                "in the second fifth of the time",
                f"at most {most:g} times",
                f"{late / early:.2f} times ({shown[1]} against {shown[0]}{' ' if unit else ''}{unit})",
                late <= most * early + (0 if unit else 4),
            )
        )
    return [*rows, *_nothing_lost(soak, settled=settled)]


def _nothing_lost(soak: Soak, *, settled: bool) -> list[Figure]:
    entries, requested = _trail(soak.stage.database)
    lines = [line for one in soak.stage.slack.messages(AUDIT) for line in one.text.split("\n")]
    shown = list(dict.fromkeys(int(number) for line in lines for number in re.findall(r"\*#(\d+)\*", line)))
    acked = sum(one.status == OK for one in soak.asked)
    verified = subprocess.run(
        [sys.executable, "-m", "bot", "audit", "verify"],
        cwd=soak.stage.directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite+aiosqlite:///{soak.stage.database}"},
        check=False,
        capture_output=True,
    )
    return [
        Figure(
            "actions acknowledged",
            "actions asked for",
            "all",
            f"{acked} of {len(soak.asked)}",
            acked == len(soak.asked),
        ),
        Figure("of these in the trail", "acknowledged", "all", f"{requested} of {acked}", requested >= acked),
        Figure(
            "entries in the audit channel, in order",
            "entries in the trail",
            "all",
            f"{len(shown)} of {entries}",
            shown == list(range(1, entries + 1)),
        ),
        Figure(
            "open at the end: attempts, later looks, cards, lines", "", "none", "none" if settled else "some", settled
        ),
        Figure("the chain", "", "intact", "intact" if verified.returncode == 0 else "broken", verified.returncode == 0),
    ]


def _trail(database: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as outside:
        (entries,) = outside.execute("SELECT max(seq) FROM audit_entries").fetchone()
        (asked,) = outside.execute(
            "SELECT count(DISTINCT attempt_id) FROM audit_entries"
            " WHERE action LIKE 'recording:%' AND actor LIKE 'slack:%'"
        ).fetchone()
    return entries, asked


def _refused(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as outside:
        (found,) = outside.execute(
            "SELECT count(*) FROM audit_entries WHERE action LIKE 'recording:%' AND phase IN ('denied', 'failed')"
        ).fetchone()
    return int(found)


async def soak_for(seconds: float) -> tuple[list[Figure], dict[str, Any]]:
    async with stage() as at:
        environment = bot_environment(
            os.environ, slack=at.slack, genesys=at.genesys, transport="http", port=0, database=at.database
        )
        environment |= UNLIMITED | {"AUDIT_DIGEST_AT": "off", "LOG_LEVEL": "error", "PYTHONPATH": str(ROOT)}
        async with child("tests.benchmarks.parts.counted_serve", environment=environment) as bot:
            async with at.lines_to(f"http://127.0.0.1:{bot.facts['port']}/slack/events") as lines:
                soak = Soak(at, bot, lines, seconds)
                await soak.run()
            try:
                await soak.rest()
            except Unmoved:
                settled = False
            else:
                settled = True
            facts = {"actions": len(soak.asked), "faults": soak.faults, "denied": _refused(at.database)}
            return await asyncio.to_thread(figures, soak, settled=settled), facts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "soak.md")
    arguments = parser.parse_args()
    rows, facts = asyncio.run(soak_for(arguments.seconds))
    page = PAGE.format(
        machine=machine(),
        seconds=arguments.seconds,
        rate=A_SECOND,
        calls=CALLS,
        fault=FAULT_SECONDS,
        table=table(rows),
        **facts,
    )
    arguments.output.write_text(page)
    sys.stderr.write(page)
    return 0 if all(one.kept for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
