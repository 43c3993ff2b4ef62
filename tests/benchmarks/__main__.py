"""Measures the bot against yardsticks in the same run, and writes ``docs/benchmarks.md``.

``python -m tests.benchmarks [--entries 1000000] [--trail N] [--directory DIR] [--output FILE]``: ten minutes on an
idle machine, and 2 GB of disk. A trail that is in the directory already is used again. The soak is
``tests.benchmarks.soak``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.benchmarks import acks, outside, processes, sent, starts
from tests.benchmarks.audit.__main__ import HOW as HOW_THE_TRAIL
from tests.benchmarks.audit.__main__ import Line, measure, say
from tests.benchmarks.child import ROOT
from tests.benchmarks.figures import Figure, busy, company, machine, reasons, table
from tests.benchmarks.grown import million
from tests.benchmarks.live import many_live
from tests.benchmarks.stage import stage

PAGE = """\
# Benchmarks

Written by `make bench` (`python -m tests.benchmarks`), on a shared virtual machine with {machine}. Each row is
compared with a baseline that is measured in the same run, alternating with it, and shows medians. Compare the ratios:
the times depend on this machine. {company}

## From outside

The naive bot (`tests/benchmarks/naive_bot.py`) is what somebody writes in an afternoon: Bolt, the Genesys SDK, one
row in SQLite, a card, and an audit line, without a chain or recovery. Processor time is what the kernel counts for the
whole process.

{outside}
{outside_why}
## The bot

{bot}
{why}
Both simulators run in another process and answer at once. "To settled" is until the outcome is on
disk. The number of requests, statements, and commits of an action depends on no clock; `tests/costs` checks it in
each test run. A start is 3 requests to Genesys and 1 for its card, a stop 2 and 2; with notifications of the agent 2
and 1 to Genesys, and a minute of a live recording none. Each action is two commits. Waiting audit lines go out up to
twenty in a message.
See also [Scaling](scaling.md) and [Soak](soak.md).

## The trail

{trail}

{how}
"""


async def measured_bot() -> list[Figure]:
    """Measure the running bot."""
    figures = list[Figure]()
    say("acknowledgements")
    async with stage() as at, at.serving() as bot:
        figures += await acks.one_after_another(at, bot)
        figures += await acks.many(at, bot)
    say("whole starts")
    async with stage() as at, at.serving() as bot:
        figures += await starts.whole_starts(at, bot)
    say("requests")
    async with stage(enforce_rate_limits=True) as at, at.serving() as bot:
        figures += await sent.requests_sent(at, bot)
    say("idle processes")
    async with stage() as at:
        figures += await processes.idle(at)
    return figures


@dataclass(frozen=True)
class Measured:
    """All figures of one run, and how busy the machine was between them."""

    outside: list[Figure]
    bot: list[Figure]
    trail: list[Figure]
    shares: list[float]

    def page(self) -> str:
        return PAGE.format(
            machine=machine(),
            company=company(self.shares),
            outside=table(self.outside),
            outside_why=reasons(self.outside) + outside.WHERE_IT_GOES,
            bot=table(self.bot),
            why=reasons(self.bot),
            trail="\n".join(filter(None, (table(self.trail), reasons(self.trail).rstrip()))),
            how=HOW_THE_TRAIL,
        )


async def measure_all(directory: Path, entries: int, trail_entries: int, rounds: int) -> Measured:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    shares = [busy()]
    say("beside the naive bot")
    from_outside = await outside.measured(rounds)
    bot = await measured_bot()
    shares.append(busy())
    say("live recordings")
    with tempfile.TemporaryDirectory() as place:
        bot += await many_live(Path(place))
    trail = [_figure(line) for line in await measure(directory, trail_entries)]
    shares.append(busy())
    say("a grown installation")
    with tempfile.TemporaryDirectory() as place:
        bot += await million(Path(place), entries)
    return Measured(from_outside, bot, trail, [*shares, busy()])


def _figure(line: Line) -> Figure:
    return Figure(line.what, "", line.wanted, line.measured, line.kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=outside.ROUNDS, help="beside the naive bot")
    parser.add_argument("--trail", type=int, help="of the trail that is verified; as many, unless it is said")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measured = asyncio.run(
            measure_all(
                arguments.directory or Path(temporary),
                arguments.entries,
                arguments.trail or arguments.entries,
                arguments.rounds,
            )
        )
    arguments.output.write_text(measured.page())
    say(f"written: {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
