"""``python -m tests.faults``: plays every row of the fault matrix many times, and prints the results."""
# ruff: noqa: T201  a command prints

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.faults.matrix import ALONE, REPLICAS, ROWS
from tests.faults.report import REPORT, document, table
from tests.faults.row import Result, Row, Series, play_series, series
from tests.support.databases.postgres import programs


async def play(rows: list[Row], *, runs: int, jobs: int) -> list[Result]:
    """Play all series of all rows, ``jobs`` at a time, the longest first."""
    results = {row.name: Result(row) for row in rows}
    free = asyncio.Semaphore(jobs)

    async def one(part: Series) -> None:
        async with free:
            results[part.row.name].add(await play_series(part, _tell))

    parts = [part for row in rows for part in series(row, row.runs(runs))]
    await asyncio.gather(*(one(part) for part in sorted(parts, key=lambda part: -len(part.numbers))))
    return list(results.values())


def main() -> int:
    arguments = _arguments()
    part = {"alone": ALONE, "replicas": REPLICAS, "all": ROWS}[arguments.part]
    if part is not ALONE and programs() is None:
        print("PostgreSQL is needed for the rows with replicas: apt-get install postgresql", file=sys.stderr)
        return 2
    rows = [row for row in part if not arguments.only or any(name in row.name for name in arguments.only)]
    if not rows:
        print("There is no such row:", *(row.name for row in ROWS), sep="\n  ", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the bots and their files go with it
    results = asyncio.run(play(rows, runs=arguments.runs, jobs=arguments.jobs))
    print(table(results))
    broken = [f"{result.row.name}: {one}" for result in results for one in (*result.said, *result.violations)]
    for line in broken:
        print(line)
    if not arguments.only:
        REPORT.write_text(document(REPORT.read_text(), ALONE, results))
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="repetitions of a random fault (20)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="rows whose name contains NAME; leaves the report alone"
    )
    parser.add_argument("--part", choices=("alone", "replicas", "all"), default="all", help="which table (all)")
    parser.add_argument("--jobs", type=int, default=4, help="how many bots run at a time (4)")
    return parser.parse_args()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
