"""What was wanted, what was measured, and the table of it."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass
from pathlib import Path


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


def table(figures: list[Figure]) -> str:
    rows = [
        f"| {one.what} | {one.yardstick} | {one.target} | {one.measured} | {'yes' if one.kept else '**no**'} |"
        for one in figures
    ]
    return "\n".join(
        ["| what | yardstick in the same run | target | measured | kept |", "|---|---|---|---|---|", *rows]
    )
