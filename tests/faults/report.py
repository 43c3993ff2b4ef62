"""The table of what was tried and what was lost, for a terminal and for ``docs/reliability.md``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.row import Result, Row

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"

INTRODUCTION = """\
# Reliability: what happens when things go wrong

Written by `make faults`; change `tests/faults/`, not this page.

Each repetition below runs the real bot (`record-bot serve`) as a separate process with a SQLite file, between a
simulated Slack and a simulated Genesys, over real sockets: most runs by Socket Mode, the others by HTTP. The bot is
really killed, disconnected, slowed down, or prevented from writing. Each repetition uses a new call. If a fault can
affect a start and a stop, both are tried in turn. When all activity has ended, a checker that shares no code with the
bot verifies that

1. the hash chain verifies when it is computed again, and no number is missing;
2. every write that reached Genesys had its `requested` entry readable on disk at the instant it arrived;
3. no start was sent twice, and recording began exactly as often as expected;
4. every request has exactly one outcome: `succeeded`, `failed` or `observed`, at most an `unknown` before it;
5. the state in the database, the card in Slack, and the real state of the call agree; a start that failed has a
   card, or was answered to the person who asked;
6. the audit channel has every entry, in order; a line appears twice only if Slack's answer was lost or
   could not be stored, and the line says so;
7. the person who asked got an answer from the bot, or from Slack while the bot was dead, and then the card shows it;
8. `/readyz` says 200 again, the next request works, and SIGTERM ends the process with status 0.

Each failed check is a violation.
"""
SEVERAL = "## Three replicas on one PostgreSQL database"
SEVERAL_INTRODUCTION = f"""\
{SEVERAL}

Here three processes of `record-bot serve` share one PostgreSQL database, and the simulators. Slack's payloads go to
the next socket, or in half of the runs by HTTP through a balancer, which removes replicas that are not ready and
retries nothing.
The checks are the same as above. A line appears twice in the audit channel, marked, only if the leader was killed,
frozen, or disconnected while it posted; never after a handover by SIGTERM.

In `replicas-promoted`, the server has a synchronous standby (`synchronous_standby_names`), and `DATABASE_URL` names
both. Four calls share one crash of the server, which never comes back, and the standby is promoted. Entries that an
asynchronous standby lacks are lost. `tests/faults/test_promoted_standby.py` shows that the process that wrote them
refuses to go on, and that the next start tells of it.

The time until another replica has finished the work of a dead one is measured from the signal to the
time in the trail. In the storm, each repetition is one call, and five calls share three faults.
"""
THROUGHPUT = "## Actions a second by the number of replicas"
"""Written by ``python -m tests.benchmarks.replicas``."""
REPEAT_HEADING = "## Repeat it"
REPEAT = f"""\
{REPEAT_HEADING}

All of it: `make faults` (about an hour on two cores). The replicas alone: `python -m tests.faults --part replicas`.
One row: `python -m tests.faults --only NAME`,
with the name from the first column; `--runs` sets how often a random fault is tried, `--jobs` how many bots run at a
time. The seeds are the same every time. The faster rows are part of `make test`, once each.
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


def document(known: str, alone: Sequence[Row], results: list[Result]) -> str:
    """Return the page, in which a part that was not played stays as it is known."""
    before = known.partition(SEVERAL)[0]
    several = kept(known, SEVERAL)
    mine = [one for one in results if one.row in alone]
    others = [one for one in results if one.row not in alone]
    if mine:
        before = "\n".join([INTRODUCTION, *_lines(mine), "", ""])
    if others:
        several = "\n".join([SEVERAL_INTRODUCTION, *_lines(others), "", ""])
    return before + several + kept(known, THROUGHPUT) + REPEAT


def kept(known: str, heading: str) -> str:
    """Return a section of the page as it is, with its heading; nothing where there is none."""
    _, found, rest = known.partition(heading)
    return found + rest.partition("\n## ")[0] + "\n" * bool(found)


def with_throughput(known: str, section: str) -> str:
    """Return the page with this section in the place of the one about throughput."""
    page = known.replace(kept(known, THROUGHPUT), "") if THROUGHPUT in known else known
    return page.replace(REPEAT_HEADING, f"{THROUGHPUT}\n\n{section}\n\n{REPEAT_HEADING}")


def _lines(results: list[Result]) -> list[str]:
    lines = ["| name | fault | what must hold | runs | violations | what was lost |", "|---|---|---|---:|---:|---|"]
    lines += [
        f"| `{one.row.name}` | {one.row.fault} | {one.row.holds} | {one.runs} | {len(one.violations)} | {_lost(one)} |"
        for one in results
    ]
    runs, violations = _sums(results)
    lines.append(f"| | **all** | | **{runs}** | **{violations}** | |")
    return lines


def _sums(results: list[Result]) -> tuple[str, str]:
    return str(sum(one.runs for one in results)), str(sum(len(one.violations) for one in results))


def _lost(result: Result) -> str:
    lost = "; ".join(f"{what}: {count}" for what, count in sorted(result.lost.items()) if count) or "nothing"
    return f"{lost}; {_seconds(result.taken_over)}" if result.taken_over else lost


def _seconds(measured: list[float]) -> str:
    ordered = sorted(measured)
    late = statistics.quantiles(ordered, n=20, method="inclusive")[-1] if len(ordered) > 1 else ordered[0]
    return (
        f"taken over after {ordered[0]:.1f} s to {ordered[-1]:.1f} s, median {statistics.median(ordered):.1f} s,"
        f" 19 of 20 within {late:.1f} s"
    )
