"""``python -m tests.benchmarks.growth``: how the bot's costs grow; writes a section of ``docs/benchmarks.md``.

Ten million entries (``--entries 10000000``) take about an hour and a half, and 25 GB.
"""
# ruff: noqa: T201  a command prints

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from pathlib import Path

import structlog

from tests.benchmarks.figures import busy, company, machine
from tests.benchmarks.growth import entries, live, people
from tests.benchmarks.growth.rows import Growth, table

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "benchmarks.md"
HEADING = "## How it grows"
SECTION = """\
{heading}

Written by `python -m tests.benchmarks.growth --live {live} --entries {entries} --people {people}`, on a machine
with {machine}. `make bench` measures 10,000 live recordings and a million entries. All
sizes are measured in turns in one run. The last two sizes decide whether a row is kept: their ratio may be 1.5 times
what the complexity says. Times are of the processor, except where it says so. {company}

{tables}

`/record list` shows 200 recordings at most, but sorts all live ones to find the first. Identifying a person takes no
request while Slack's answers are fresh (a minute). A trail is verified in a process of its own.
[Reliability](reliability.md#actions-a-second-by-the-number-of-replicas) has the replicas on PostgreSQL (`python -m
tests.benchmarks.replicas`, 1 to 8 of them)."""


async def measure(
    directory: Path, most_live: int, most_entries: int, most_people: int
) -> list[tuple[str, list[Growth]]]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    live_sizes = sorted({1, most_live // 10, most_live})
    entry_sizes = sorted({1_000, most_entries // 10, most_entries})
    people_sizes = sorted({10, most_people // 10, most_people})
    print("live recordings", file=sys.stderr)
    rows = [await live.idle(live_sizes), *await live.in_process(directory, live_sizes)]
    print("people", file=sys.stderr)
    identified = await people.measure(people_sizes)
    print("entries", file=sys.stderr)
    read = [*await entries.reading(directory, entry_sizes), *await entries.trail(directory, entry_sizes)]
    return [("live recordings", rows), ("entries in the trail", read), ("supervisors, or groups", identified)]


def with_section(page: str, section: str) -> str:
    """Put the section in its place, or at the end of the page."""
    found = re.search(rf"^{HEADING}$.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        return f"{page.rstrip()}\n\n{section}\n"
    return f"{page[: found.start()]}{section}\n\n{page[found.end() :]}".rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth")
    parser.add_argument("--live", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--directory", type=Path, help="keeps the trails, which are used again")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
    before = busy()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.directory or Path(temporary)
        found = asyncio.run(measure(directory, given.live, given.entries, given.people))
    section = SECTION.format(
        heading=HEADING,
        live=given.live,
        entries=given.entries,
        people=given.people,
        machine=machine(),
        company=company([before, busy()]),
        tables="\n\n".join(table(size, rows) for size, rows in found),
    )
    print(section)
    given.output.write_text(with_section(given.output.read_text(encoding="utf-8"), section), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
