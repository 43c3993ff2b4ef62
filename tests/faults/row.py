"""A row of the fault matrix, and how its repetitions are played and judged."""

from __future__ import annotations

import asyncio
import math
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from tests.faults.harness.single_process import Unmoved, opened_stage
from tests.faults.invariants import AGAIN, at_rest, violations
from tests.faults.run import ADA, START, Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from tests.faults.harness.single_process import Stage

SECONDS_TO_REST = 180.0
RUN_SECONDS = 600.0
LINES_AGAIN = "audit lines marked as sent again"
CARDS_TWICE = "cards that stand twice"


@dataclass(frozen=True)
class Row:
    """One fault. ``play`` makes it happen, with ``at_once`` runs together, and leaves the rest to the invariants.

    ``share``: how many runs it gets of those asked for. ``ambiguous``: Slack may have taken what was sent, so lines may
    be repeated. ``unanswered``: the bot is dead or cut off when it should answer. ``quick`` rows are part of the tests.
    ``opened`` sets the stage; one run in ``http_share`` goes over HTTP, the others use Socket Mode.
    """

    name: str
    fault: str
    holds: str
    play: Callable[[list[Run]], Awaitable[None]]
    verbs: tuple[str, ...] = (START,)
    at_once: int = 1
    share: float = 1.0
    ambiguous: bool = False
    unanswered: bool = False
    rate_limits: bool = False
    quick: bool = True
    transports: tuple[str, ...] = ("socket", "http")
    opened: Callable[..., AbstractAsyncContextManager[Stage]] = opened_stage
    http_share: int = 4

    def runs(self, asked: int) -> int:
        return max(1, math.ceil(asked * self.share))


DISTURBED: dict[str, Any] = {"unanswered": True, "ambiguous": True}
"""What a kill or a cut does to a row's answers and lines."""

Batch = tuple[Row, int, int]
"""A row, how many runs together, and the number of the first."""


@dataclass(frozen=True)
class Series:
    """The runs with these numbers, on one stage."""

    row: Row
    transport: str
    numbers: range


@dataclass
class Result:
    """The result of a row, or of a part of a row."""

    row: Row
    runs: int = 0
    violations: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    taken_over: list[float] = field(default_factory=list)
    """After how many seconds each work of a dead or frozen replica was finished by another."""
    said: list[str] = field(default_factory=list)
    """The bot's last words, where something was wrong."""
    stuck: bool = False
    """Whether things did not come to rest."""

    def add(self, other: Result) -> None:
        self.runs += other.runs
        self.violations += other.violations
        self.lost += other.lost
        self.taken_over += other.taken_over
        self.said += other.said


def patient(row: Row, **stage: Any) -> Row:
    """Return the row with a Slack that a slow machine is never too late for, unlike the real one."""
    return replace(row, opened=partial(row.opened, slack_waits=60.0, **stage))


def single(play: Callable[[Run], Awaitable[None]]) -> Callable[[list[Run]], Awaitable[None]]:
    """Make a row's ``play`` of a function for one run."""

    async def all_of_them(runs: list[Run]) -> None:
        await asyncio.gather(*(play(run) for run in runs))

    return all_of_them


def series(row: Row, runs: int) -> list[Series]:
    """Divide the runs of a row into series with one stage each."""
    http = 0 if len(row.transports) == 1 else runs // row.http_share
    return [Series(row, row.transports[0], range(http, runs))] + [Series(row, "http", range(http))] * bool(http)


async def rested(stage: Stage, also: Callable[[], bool] = lambda: True) -> None:
    """Wait until nothing is open any more: from then on, what happened once stays so."""
    await stage.until("all has come to rest", lambda: at_rest(stage) and also(), within=SECONDS_TO_REST)


async def play_series(played: Series, tell: Callable[[str], None]) -> Result:
    """Play some runs on one stage, end the bot with SIGTERM, and return the results."""
    row, numbers = played.row, played.numbers
    batches = [
        (row, min(row.at_once, numbers.stop - first), first)
        for first in range(numbers.start, numbers.stop, row.at_once)
    ]
    total = Result(row)
    for one in await play_batches(batches, played.transport, tell, rate_limits=row.rate_limits):
        total.add(one)
    return total


async def play_batches(
    batches: Sequence[Batch], transport: str, tell: Callable[[str], None], *, rate_limits: bool = False
) -> list[Result]:
    """Play some runs one after another on one stage, then end the bot with SIGTERM.

    Where things don't come to rest, what is left is played on a new stage.
    """
    results: list[Result] = []
    while len(results) < len(batches):
        left = batches[len(results) :]
        try:
            async with left[0][0].opened(transport, enforce_rate_limits=rate_limits) as stage:
                await _play_in_order(stage, left, results, tell)
                if (status := await stage.end()) != 0:
                    results[-1].violations.append(f"SIGTERM ended the bot with status {status}")
        except Exception as error:  # noqa: BLE001  a stage that breaks is a violation, and the other rows go on
            where = traceback.format_exc(limit=-3)
            results += [Result(row, violations=[f"the stage broke: {error!r}"], said=[where]) for row, *_ in left[:1]]
            tell(f"{transport} broke: {error!r}")
    return results


async def _play_in_order(
    stage: Stage, batches: Sequence[Batch], results: list[Result], tell: Callable[[str], None]
) -> None:
    for row, count, first in batches:
        results.append(part := await _play_on(stage, row, count, first))
        tell(f"{row.name} {stage.transport} {first + count}" + "".join(f"\n  ! {one}" for one in part.violations))
        if part.stuck:
            return


async def _play_on(stage: Stage, row: Row, count: int, first: int) -> Result:
    """Play so many runs together, wait until things have come to rest, and judge."""
    result = Result(row, count)
    stage.answered_for = stage.outside.head()
    try:
        async with asyncio.timeout(RUN_SECONDS):
            runs = [_run(stage, row, number) for number in range(first, first + count)]
            try:
                await _played(stage, row, runs, result)
            finally:
                for run in runs:
                    result.violations += run.violations
                    result.lost += run.lost
                    result.taken_over += run.taken_over
    except (Unmoved, TimeoutError) as error:
        result.violations.append(f"{type(error).__name__}: {error}")
        result.stuck = True
    finally:
        stage.mend()
    result.violations = [one for one in dict.fromkeys(result.violations) if one not in stage.reported]
    stage.reported.update(result.violations)
    if result.violations:
        result.said = list(stage.said)[-15:]
    return result


def _run(stage: Stage, row: Row, number: int) -> Run:
    return Run(
        stage,
        number,
        Random(f"{row.name} {number}"),  # noqa: S311  repeatable, not secret
        verb=row.verbs[number % len(row.verbs)],
        may_go_unanswered=row.unanswered,
    )


async def _played(stage: Stage, row: Row, runs: list[Run], result: Result) -> None:
    await stage.until_ready()
    await row.play(runs)
    stage.mend()
    await rested(stage)
    result.violations += violations(stage, runs, ambiguous=row.ambiguous)
    result.lost += _repeated(stage, runs)
    await stage.until_ready()
    await _tidy(stage, runs)


async def _tidy(stage: Stage, runs: list[Run]) -> None:
    """Stop what still runs: it shows that people can go on, and the next run finds the floor quiet."""
    for run in runs:
        if run.state() in {"active", "paused"}:
            asked = await run.types(ADA, f"stop {run.call}")
            run.expect(asked.acked, f"a stop afterwards was not answered: {asked.error}")
            await stage.until(f"{run.call} is stopped afterwards", partial(_is_stopped, run))
    await rested(stage)


def _is_stopped(run: Run) -> bool:
    return run.state() == "stopped"


def _repeated(stage: Stage, runs: list[Run]) -> Counter[str]:
    """Count what Slack shows twice, since it may have arrived the first time."""
    fresh = [f"*#{seq}*" for seq in range(stage.answered_for + 1, stage.outside.head() + 1)]
    lines = sum(AGAIN in line and any(number in line for number in fresh) for line in stage.audit_lines())
    cards = sum(max(0, len(stage.cards(run.call)) - run.recordings()) for run in runs)
    return Counter({what: count for what, count in ((LINES_AGAIN, lines), (CARDS_TWICE, cards)) if count})
