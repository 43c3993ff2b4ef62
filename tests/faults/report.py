"""The table of what was tried and what was lost, for a terminal and for ``docs/reliability.md``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.row import Result

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"

INTRODUCTION = """\
# What happens when things go wrong

Written by `make faults`; change `tests/faults/`, not this page.

Each repetition below is the real bot (`record-bot serve`), a process of its own with a SQLite file, between a simulated
Slack and a simulated Genesys, over real sockets: most runs by Socket Mode, the others by HTTP. It is really
killed, cut off, slowed down or kept from writing. A fresh call is used each time; where a fault can meet a start and a
stop, both are tried in turn. When nothing moves any more, an outsider who shares no code with the bot checks that

1. the hash chain verifies when computed anew, and no number is missing;
2. every write that reached Genesys had its `requested` entry readable on disk at the instant it arrived;
3. no start was sent twice, and recording began exactly as often as it had to;
4. every request has exactly one outcome: `succeeded`, `failed` or `observed`, at most an `unknown` before it;
5. the state in the database, the card in Slack and what the call really does agree;
6. the audit channel has every entry, in order; a line stands there twice only where Slack's answer was lost, or
   could not be noted, and says so;
7. whoever asked was answered by the bot, or by Slack while the bot was dead, and then the card tells;
8. `/readyz` says 200 again, the next request works, and SIGTERM ends the process with status 0.

A broken one of these is a violation.
"""
REPEAT = """\
To repeat all of it: `make faults` (about half an hour on two cores). One row: `python -m tests.faults --only NAME`,
with the name from the first column; `--runs` says how often a random fault is tried, `--jobs` how many bots run at a
time. The same seeds are used every time. The quicker rows are part of `make test`, once each.
"""


def table(results: list[Result]) -> str:
    """Lay the results out for a terminal."""
    rows = [("fault", "runs", "violations", "what was lost")]
    rows += [(one.row.fault, str(one.runs), str(len(one.violations)), _lost(one)) for one in results]
    rows.append(("all", *_sums(results), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows
    )


def document(results: list[Result]) -> str:
    """Return the page: what was done, the table, and how to repeat it."""
    lines = ["| name | fault | what must hold | runs | violations | what was lost |", "|---|---|---|---:|---:|---|"]
    lines += [
        f"| `{one.row.name}` | {one.row.fault} | {one.row.holds} | {one.runs} | {len(one.violations)} | {_lost(one)} |"
        for one in results
    ]
    runs, violations = _sums(results)
    lines.append(f"| | **all** | | **{runs}** | **{violations}** | |")
    return "\n".join([INTRODUCTION, *lines, "", REPEAT])


def _sums(results: list[Result]) -> tuple[str, str]:
    return str(sum(one.runs for one in results)), str(sum(len(one.violations) for one in results))


def _lost(result: Result) -> str:
    return "; ".join(f"{what}: {count}" for what, count in sorted(result.lost.items())) or "nothing"
