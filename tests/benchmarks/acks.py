"""How soon a slash command is acknowledged: one after another, and at 200 a second."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.benchmarks.child import child
from tests.benchmarks.figures import Figure, percentile, ratio
from tests.benchmarks.load import OK, line_to

if TYPE_CHECKING:
    from tests.benchmarks.load import Answered, Line, Lines
    from tests.benchmarks.stage import Served, Stage

WARM, ROUNDS, EACH = 100, 10, 60
A_SECOND, SECONDS, SECONDS_COMMITTING = 200, 30, 10
COMMITTING = (
    "The bot promises that the entry is on disk before the answer. The next row compares it with a listener that "
    "commits with plain `sqlite3`."
)
THROUGH_SQLALCHEMY = (
    "Each statement goes through SQLAlchemy, which takes a tenth of a millisecond, and each commit wakes the relays to "
    "Slack. These are milliseconds of the three seconds that Slack waits, and Genesys allows only 100 starts a minute."
)
BESIDE = "Besides answering, the bot identifies the person and counts the request. That takes 0.1 ms."


async def series(line: Line, text: str, count: int) -> list[float]:
    """Send a command so often, one after another; every one has to be acknowledged. Return milliseconds."""
    return [1000 * _held(await line.command(text)).seconds for _ in range(count)]


def _held(answered: Answered) -> Answered:
    if answered.status != OK:
        raise AssertionError(answered)
    return answered


async def one_after_another(stage: Stage, bot: Served) -> list[Figure]:
    """Measure in turns, so that each round's series meet the same moments of the machine."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(child("tests.benchmarks.parts.ack"))
        committing = await stack.enter_async_context(
            child("tests.benchmarks.parts.ack", str(await stage.another_database()))
        )
        own = await stack.enter_async_context(line_to(f"{bot.url}/slack/events"))
        kinds: list[tuple[str, Line, str]] = [
            ("ack", await stack.enter_async_context(line_to(bare.facts["url"])), "help"),
            ("help", own, "help"),
            ("commit", await stack.enter_async_context(line_to(committing.facts["url"])), "help"),
            ("list", own, "list"),
        ]
        for turn in range(ROUNDS + 1):
            for name, line, text in kinds if turn % 2 else reversed(kinds):
                measured = await series(line, text, EACH if turn else WARM)
                if turn:
                    found.setdefault(name, []).extend(measured)
    return _figures(found)


def _figures(found: dict[str, list[float]]) -> list[Figure]:
    only_acks = "the same server, a Bolt listener that only acks"
    commits = "the same, after one commit by plain `sqlite3`"
    middle = {name: statistics.median(values) for name, values in found.items()}
    worst = {name: percentile(values, 0.99) for name, values in found.items()}
    return [
        ratio(
            "`/record help` to ack, HTTP, median",
            only_acks,
            middle["help"],
            middle["ack"],
            most=1.5,
            why=BESIDE,
        ),
        ratio("the same, p99", only_acks, worst["help"], worst["ack"], most=2, why=BESIDE),
        ratio(
            "`/record list` to ack, with one commit, median",
            only_acks,
            middle["list"],
            middle["ack"],
            most=1.5,
            why=COMMITTING,
        ),
        ratio(
            "the same",
            commits,
            middle["list"],
            middle["commit"],
            most=1.5,
            why=THROUGH_SQLALCHEMY,
        ),
        ratio("the same, p99", commits, worst["list"], worst["commit"], most=2, why=THROUGH_SQLALCHEMY),
    ]


async def at_a_rate(lines: Lines, text: str, *, seconds: float = SECONDS) -> list[Answered]:
    """Send commands at fixed moments, however long the earlier ones take; late answers count from their moment."""
    began, asked = time.perf_counter(), []
    for number in range(int(A_SECOND * seconds)):
        wait = began + number / A_SECOND - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        asked.append(asyncio.ensure_future(lines.command(text)))
    return list(await asyncio.gather(*asked))


async def many(stage: Stage, bot: Served) -> list[Figure]:
    figures = []
    async with stage.lines(bot) as lines:
        await at_a_rate(lines, "help", seconds=1)
        for what, text, seconds in (
            ("`/record help`", "help", SECONDS),
            ("`/record list`, a commit each,", "list", SECONDS_COMMITTING),
        ):
            answers = await at_a_rate(lines, text, seconds=seconds)
            waits = [1000 * one.seconds for one in answers if one.status == OK]
            lost, late = len(answers) - len(waits), sum(wait > 1000 for wait in waits)
            figures.append(
                Figure(
                    f"{what} at {A_SECOND} requests/s for {seconds} s",
                    "",
                    "p99 under 50 ms, none over 1 s, none lost",
                    f"p99 {percentile(waits, 0.99):.0f} ms, {late} over 1 s, {lost} of {len(answers)} lost",
                    percentile(waits, 0.99) < 50 and not late and not lost,
                    THROUGH_SQLALCHEMY if text == "list" else "",
                )
            )
    return figures
