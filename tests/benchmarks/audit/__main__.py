"""Measures what the trail promises about speed and size; ``python -m tests.benchmarks`` writes it down with the rest.

``python -m tests.benchmarks.audit [--entries 1000000] [--directory DIR]``; a million entries take about six minutes
and 1.5 GB. A trail that is in the directory already is used again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.audit.evidence import proven_call
from tests.benchmarks.audit.flips import found_of
from tests.benchmarks.audit.trails import append_one_by_one, grow, opened

ROOT = Path(__file__).parents[3]
SMALL, MIDDLE = 1_000, 10_000
ROUNDS = 3
APPEND_ROUNDS, APPENDS = 400, 20
FLIPS = 200
DAY = 100_000
LONGEST_PATH = math.ceil(math.log2(DAY))


@dataclass(frozen=True)
class Line:
    """A promise, what it allows, and what was measured."""

    what: str
    wanted: str
    measured: str
    kept: bool


def child(what: str, file: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.audit.child", what, str(file)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def speed(big: Path) -> Line:
    """Compare in turns, and take the best of each: what else runs on the machine only ever adds."""
    runs = [(child("verify", big)["seconds"], child("bare", big)["seconds"]) for _ in range(ROUNDS)]
    verify, bare = min(run[0] for run in runs), min(run[1] for run in runs)
    ratio = verify / bare
    return Line(
        "verify, against a bare loop that reads the same rows and hashes them",
        "at most 2 times the seconds",
        f"{ratio:.2f} times ({verify:.1f} s against {bare:.1f} s)",
        ratio <= 2,
    )


def memory(middle: Path, big: Path, entries: int) -> Line:
    small, large = (min(child("verify", file)["peak"] for _ in range(ROUNDS)) for file in (middle, big))
    ratio = large / small
    return Line(
        f"peak memory of verify, {entries:,} entries against {MIDDLE:,}",
        "does not grow (at most 1.05 times)",
        f"{ratio:.2f} times ({large / 1e6:.0f} MB against {small / 1e6:.0f} MB)",
        ratio <= 1.05,
    )


async def appending(small: Path, big: Path, entries: int) -> Line:
    """Append to both in short turns, so that both meet the same moments of the machine; checkpoints included."""
    seconds = {small: 0.0, big: 0.0}
    async with opened(small) as little, opened(big) as long:
        both = [(small, little), (big, long)]
        for turn in range(APPEND_ROUNDS):
            for file, store in both if turn % 2 else reversed(both):
                begin = time.perf_counter()
                await append_one_by_one(store, APPENDS)
                seconds[file] += time.perf_counter() - begin
    ratio = seconds[small] / seconds[big]
    return Line(
        f"rate of appending at {entries:,} entries, against {SMALL:,}",
        "at least 0.9 times",
        f"{ratio:.2f} times ({APPENDS * APPEND_ROUNDS / seconds[big]:.0f} a second, each on disk before the next)",
        ratio >= 0.9,
    )


async def flips(big: Path) -> Line:
    async with opened(big) as store:
        found = await found_of(store.engines, big, FLIPS)
    return Line(
        "single bits changed in the rows, and found", f"{FLIPS} of {FLIPS}", f"{found} of {FLIPS}", found == FLIPS
    )


async def evidence(day: Path) -> list[Line]:
    """Prove a call of a day with many entries; the best of several, as what else runs only ever adds."""
    async with opened(day) as store:
        runs = [await proven_call(store) for _ in range(ROUNDS)]
    prove, verify = min(run.prove_seconds for run in runs), min(run.verify_seconds for run in runs)
    return [
        Line(
            f"time to prove a call of a day with {DAY:,} entries, against verifying them all",
            "at most 1 times",
            f"{prove / verify:.2f} times ({prove:.2f} s against {verify:.2f} s)",
            prove <= verify,
        ),
        Line(
            f"size of a proof in a day with {DAY:,} entries",
            f"{LONGEST_PATH} hashes at most",
            f"{runs[0].path} hashes; the whole file has {runs[0].size:,} bytes",
            runs[0].path <= LONGEST_PATH,
        ),
    ]


async def measure(directory: Path, entries: int) -> list[Line]:
    files = {length: directory / f"trail-{length}.db" for length in (SMALL, MIDDLE, entries)}
    await asyncio.to_thread(files[SMALL].unlink, missing_ok=True)  # an earlier run has made it longer
    for length, file in files.items():
        say(f"writing {length:,} entries")
        async with opened(file) as store:
            await grow(store, length)
    day = directory / "day.db"
    say(f"writing a day of {DAY:,} entries")
    async with opened(day) as store:
        await grow(store, DAY)
    small, middle, big = files[SMALL], files[MIDDLE], files[entries]
    say("measuring")
    await asyncio.to_thread(os.sync)  # or the system still writes a gigabyte out while the first rows are measured
    return [
        await asyncio.to_thread(speed, big),
        await asyncio.to_thread(memory, middle, big, entries),
        await flips(big),
        await appending(small, big, entries),
        *await evidence(day),
    ]


HOW = f"""\
The bare loop is plain `sqlite3`: it reads the same sixteen columns, hashes their text, and checks nothing. Verify
does that too, builds the canonical form, follows the chain, and looks for tombstones and anchors. Its times
are the best of {ROUNDS} alternating runs, each in a separate process. The rates of appending are those of
{APPENDS * APPEND_ROUNDS:,} entries to each trail, alternating between them, including checkpoints of
the log."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.audit")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or Path(temporary)
        lines = asyncio.run(measure(directory, arguments.entries))
    for one in lines:
        sys.stdout.write(f"{one.what}: {one.measured} (wanted: {one.wanted}; kept: {'yes' if one.kept else 'no'})\n")
    return 0 if all(one.kept for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
