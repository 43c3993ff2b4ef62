"""What was wanted, what was measured, and the table of it."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

ALONE = 0.1
UNEXPLAINED = "No reason is known, unless it is what else ran on the machine."


@dataclass(frozen=True)
class Figure:
    """One row: a promise, what it is held against in the same run, and what was measured."""

    what: str
    yardstick: str
    target: str
    measured: str
    kept: bool
    why: str = ""
    """Where it isn't kept: what the limit is."""


def ratio(
    what: str, yardstick: str, measured: float, against: float, *, most: float, unit: str = "ms", why: str = ""
) -> Figure:
    """Hold a measurement against a yardstick of the same run."""
    found = measured / against
    return Figure(
        what,
        yardstick,
        f"at most {most:g} times",
        f"{found:.2f} times ({measured:.4g} {unit} against {against:.4g} {unit})",
        found <= most,
        why,
    )


def percentile(values: list[float], share: float) -> float:
    """Return the value that so large a share of them doesn't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def machine() -> str:
    """Describe the machine in general terms."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = dict(
        line.rstrip().split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    system = names.get("PRETTY_NAME", platform.system()).strip('"')
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB of memory, {system}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def busy(seconds: float = 2.0) -> float:
    """Return the share of all processors that is in use, measured while the caller does nothing."""
    before = _processor_times()
    time.sleep(seconds)
    used, all_ = (now - then for now, then in zip(_processor_times(), before, strict=True))
    return used / max(all_, 1)


def _processor_times() -> tuple[int, int]:
    times = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(times) - times[3] - times[4], sum(times)  # idle, and waiting for a disk


def company(shares: list[float]) -> str:
    """Say how much else ran beside the measurements, by samples from between them."""
    if max(shares) < ALONE:
        return "Almost nothing else ran on it."
    return (
        f"Other work ran on it meanwhile: {min(shares):.0%} to {max(shares):.0%} of its processors were in use between "
        "the measurements. For limits in seconds, measure on an idle machine."
    )


def reasons(figures: list[Figure]) -> str:
    """Say of the rows that aren't kept what the limit is, once for all that have the same."""
    by_reason: dict[str, list[str]] = {}
    for one in figures:
        if not one.kept:
            by_reason.setdefault(one.why or UNEXPLAINED, []).append(f"**{one.what}**")
    missed = "".join(f"- {', '.join(rows)}: {why}\n" for why, rows in by_reason.items())
    return f"\nMissed targets, and why:\n\n{missed}" if missed else ""


def table(figures: list[Figure]) -> str:
    rows = [
        f"| {one.what} | {one.yardstick} | {one.target} | {one.measured} | {'yes' if one.kept else '**no**'} |"
        for one in figures
    ]
    return "\n".join(
        ["| what | yardstick in the same run | target | measured | kept |", "|---|---|---|---|---|", *rows]
    )
