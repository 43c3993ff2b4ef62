"""Measures the bot from outside, in turns with ``naive_bot``: the same simulators, the same commands, the same run.

Times are those of somebody who types a command and watches the channel. Processor time is what the kernel says of the
whole process, background work included. ``python -m tests.benchmarks.outside`` prints the table alone.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from bot.sandbox.process import free_port
from bot.sandbox.run import bot_environment
from tests.benchmarks.child import processor_seconds, resident_bytes
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.load import CHANNEL, OK
from tests.benchmarks.stage import LOOK_SECONDS, READY_SECONDS, Unmoved, stage
from tests.support.databases.postgres import postgres, programs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.benchmarks.load import Lines
    from tests.benchmarks.stage import Stage

ROUNDS = 4
DELAYS = {0.0: 10, 0.2: 5, 1.0: 3, 3.0: 2}
"""Starts in each round, by the seconds until a change takes effect in Genesys."""
BURSTS = (20, 100)
IDLE_SECONDS = 10.0
REST_SECONDS = 3.0
"""After the last start, so that the lines of the audit channel and what else comes later are counted too."""
APART_SECONDS = 31.0
"""Between a start and its stop where requests are counted: nobody stops what was begun a moment ago."""
REFUSED = b"can't be written"
"""What a person is told whose request was not on disk within the bot's limit of 1.5 s."""
CARD = frozenset({"chat.postMessage", "chat.update"})
NAIVE = "the naive bot"
PROCESSOR_WHY = (
    "Where it goes is in the table below. Even if all SQL took nothing, a start would take 15 ms, 2.1 times the "
    "naive bot's 7.1: what remains is mostly five requests to Genesys where the naive bot makes three (for an "
    "agent who was not recorded before, the bot subscribes to the agent's notifications, and reads the call once "
    "more), the event loop, and the log."
)
BURSTS_WHY = (
    "Each start has six commits, one after another: the request's entry and the outcome's are on disk before what "
    "follows from them. Starts that wait for their turn share a commit, which on a busy disk brought 45 instead "
    "of 26 starts a second, 20 at once; without any commit on disk it was 47. What then limits them is the "
    "processor time of a start."
)
WHERE_IT_GOES = """
Where the processor time of a start goes, of agents who were not recorded before: by the kernel's count for each
thread, and within the event loop's thread by the samples of `py-spy --gil`. "Before" is when everything was read
through aiosqlite.

| part of a start, in ms of the processor | before | now |
|---|---|---|
| writing: SQLAlchemy and `sqlite3` in the writer's thread, 21 statements (20 by now) and 6 commits | 6.3 | 5.8 |
| reading: the same for 15 statements (19 before, through aiosqlite) | 9.9 | 5.3 |
| requests to Genesys, the SDK's and urllib3's part included, and notifications | 7.6 | 7.0 |
| the event loop itself | 3.3 | 2.3 |
| Bolt, Slack's client, and aiohttp | 1.4 | 1.5 |
| the log | 1.6 | 1.1 |
| metrics and traces | 0.5 | 0.4 |
| everything else: the bot's own code, and drawing the card and the lines | 3.1 | 2.7 |
| **all** (the naive bot: 7.1) | **33.7** | **26.1** |
"""


@dataclass
class Found:
    """What was measured of one bot."""

    until_recording: dict[float, list[float]] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    bursts: dict[int, list[float]] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    """By how many were started at once, those whose person was told that nothing was done."""
    processor: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    requests: tuple[int, int] = (0, 0)


@dataclass
class Outside:
    """One running bot, as seen from outside."""

    stage: Stage
    lines: Lines
    pid: int
    found: Found

    async def start(self, calls: list[str]) -> float:
        """Start all at once; return the seconds until each card says that it records. Raise Unmoved."""
        first, began = len(self.stage.slack.requests), time.perf_counter()
        answers = await asyncio.gather(*(self.lines.command(f"start {call} complaint") for call in calls))
        if any(one.status != OK for one in answers):
            raise Unmoved(answers)
        self.found.acks += [one.seconds for one in answers if len(calls) == 1]
        taken = sum(REFUSED not in one.body for one in answers)
        self.found.refused[len(calls)] = self.found.refused.get(len(calls), 0) + len(calls) - taken
        return await self._shown("Recording", first, taken) - began

    async def stop(self, call: str) -> None:
        first = len(self.stage.slack.requests)
        await self.lines.command(f"stop {call}")
        await self._shown("topped", first, 1)

    async def _shown(self, word: str, first: int, count: int) -> float:
        def shown() -> bool:
            sent = self.stage.slack.requests[first:]
            cards = (one for one in sent if one.ok and one.method in CARD and one.payload.get("channel") == CHANNEL)
            return sum(word in str(one.payload.get("text")) for one in cards) >= count

        await self.stage.slack.wait_for(shown, timeout=60)
        return time.perf_counter()

    async def one_round(self, *, requests: bool) -> None:
        """Measure everything once, in an order in which nothing disturbs what comes after it."""
        await asyncio.sleep(REST_SECONDS)
        before = processor_seconds(self.pid)
        await asyncio.sleep(IDLE_SECONDS)
        self.found.idle.append((processor_seconds(self.pid) - before) / IDLE_SECONDS)
        self.found.memory.append(resident_bytes(self.pid))
        await self.start(self.stage.add_calls(1))
        for delay, count in DELAYS.items():
            before = processor_seconds(self.pid)
            await self.one_by_one(delay, count)
            await asyncio.sleep(REST_SECONDS)
            if not delay:
                self.found.processor.append((processor_seconds(self.pid) - before) / count)
        await self.bursts()
        if requests:
            self.found.requests = await self._requests()

    async def one_by_one(self, delay: float, count: int) -> None:
        """Start one after another, with an effect after ``delay`` seconds."""
        self.stage.genesys.effects.delay = delay
        seconds = [await self.start([call]) for call in self.stage.add_calls(count)]
        self.found.until_recording.setdefault(delay, []).extend(seconds)

    async def bursts(self) -> None:
        """Start many at once, with an effect at once."""
        self.stage.genesys.effects.delay = 0.0
        for count in BURSTS:
            before_burst = self.found.refused.get(count, 0)
            seconds = [await self.start(self.stage.add_calls(count))]
            taken = count - (self.found.refused[count] - before_burst)
            self.found.bursts.setdefault(count, []).extend(taken / one for one in seconds)

    async def _requests(self) -> tuple[int, int]:
        """Return how many requests about the call a start and a stop take, where the agent was recorded before."""
        (call,) = self.stage.add_calls(1)
        first = len(self.stage.genesys.requests)
        await self.start([call])
        await asyncio.sleep(REST_SECONDS)
        started = self._about(call, first)
        await asyncio.sleep(APART_SECONDS)
        first = len(self.stage.genesys.requests)
        await self.stop(call)
        await asyncio.sleep(REST_SECONDS)
        return started, self._about(call, first)

    def _about(self, call: str, first: int) -> int:
        return sum(call in one.path for one in self.stage.genesys.requests[first:])


@asynccontextmanager
async def record_bot(at: Stage, found: Found) -> AsyncIterator[Outside]:
    async with at.serving() as bot, at.lines(bot) as lines:
        found.ready.append(bot.seconds_to_ready)
        yield Outside(at, lines, bot.pid, found)


@asynccontextmanager
async def on_postgresql(at: Stage, found: Found) -> AsyncIterator[Outside]:
    """Run the same bot on a PostgreSQL server of its own, which syncs what is committed."""
    with postgres(durable=True) as server:
        database = await asyncio.to_thread(server.database)
        async with at.serving(DATABASE_URL=database.url) as bot, at.lines(bot) as lines:
            yield Outside(at, lines, bot.pid, found)


@asynccontextmanager
async def naive(at: Stage, found: Found) -> AsyncIterator[Outside]:
    port, began = free_port(), time.perf_counter()
    environment = bot_environment(
        os.environ, slack=at.slack, genesys=at.genesys, transport="http", port=port, database=at.database
    ) | {"NAIVE_DATABASE": str(at.directory / "naive.db")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.naive_bot"),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/slack/events"
    try:
        await _until_it_answers(url)
        found.ready.append(time.perf_counter() - began)
        async with at.lines_to(url) as lines:
            yield Outside(at, lines, process.pid, found)
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    give_up = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < give_up:
            try:
                async with session.post(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(LOOK_SECONDS)
    raise Unmoved("the naive bot does not answer")


async def measured(rounds: int = ROUNDS) -> list[Figure]:
    """Measure both in turns, each with a workspace, an organization, and a database of its own.

    Where PostgreSQL is installed, the bot's starts are measured on it too.
    """
    own, other, on_server = Found(), Found(), Found()
    for number in range(rounds):
        pairs = [(record_bot, own), (naive, other)]
        for running, found in pairs if number % 2 else reversed(pairs):
            async with AsyncExitStack() as stack:
                at = await stack.enter_async_context(stage())
                bot = await stack.enter_async_context(running(at, found))
                await bot.one_round(requests=number == 0)
        if programs() is not None:
            async with stage() as at, on_postgresql(at, on_server) as bot:
                await bot.start(at.add_calls(1))
                await bot.one_by_one(0.0, DELAYS[0.0])
                await bot.bursts()
    return [*starts_of(own, other), *starts_of(on_server, other, ", on PostgreSQL"), *figures(own, other)]


def starts_of(own: Found, other: Found, where: str = "") -> list[Figure]:
    """Say how soon starts are shown, one after another and many at once, against the naive bot's."""
    rows = []
    for delay, seconds in own.until_recording.items():
        bot, naive_ms = (1000 * statistics.median(one) for one in (seconds, other.until_recording[delay]))
        most = 1000 * delay + 100
        when = f"{delay:g} s after it is accepted" if delay else "at once"
        rows.append(
            Figure(
                f"command → card says *Recording*{where}, effect {when}, median of {len(seconds)}",
                NAIVE,
                f"at most the effect + 100 ms ({most:.0f} ms)",
                f"{bot / naive_ms:.2f} times ({bot:.0f} ms against {naive_ms:.0f} ms)",
                bot <= most,
            )
        )
    for count, rates in own.bursts.items():
        lost = own.refused[count]
        what = f"starts a second, {count} at once{where}" + (
            f" ({lost} of {count * len(rates)} refused in time)" if lost else ""
        )
        rows.append(_least(what, statistics.median(rates), statistics.median(other.bursts[count]), 0.7))
    return rows


def figures(own: Found, other: Found) -> list[Figure]:
    middle = statistics.median
    rows = [
        _most("processor time of a start, all included", "ms", own.processor, other.processor, 1.8, 1000),
        _most("ack of a start, median", "ms", own.acks, other.acks, 0.7, 1000),
        _most("ready", "s", own.ready, other.ready, 0.5),
        _most("idle memory", "MB", own.memory, other.memory, 0.6, 1e-6),
    ]
    idle, naive_idle = 1000 * middle(own.idle), 1000 * middle(other.idle)
    measured_idle = f"{idle:.1f} ms/s ({NAIVE}: {naive_idle:.1f})"
    rows.append(Figure("idle processor time", "", "at most 3 ms/s", measured_idle, idle <= 3))
    starts, stops = own.requests
    rows.append(
        Figure(
            "Genesys requests of a start / a stop, notifications flowing",
            "",
            "2 / 1",
            f"{starts} / {stops} ({NAIVE}: {other.requests[0]} / {other.requests[1]})",
            starts <= 2 and stops <= 1,
        )
    )
    return rows


def _most(what: str, unit: str, own: list[float], other: list[float], most: float, scale: float = 1) -> Figure:
    bot, naive_one = scale * statistics.median(own), scale * statistics.median(other)
    share = f"{bot / naive_one:.2f} times ({bot:.3g} {unit} against {naive_one:.3g} {unit})"
    why = PROCESSOR_WHY if what.startswith("processor") else ""
    return Figure(what, NAIVE, f"at most {most:g} times", share, bot <= most * naive_one, why)


def _least(what: str, own: float, other: float, least: float) -> Figure:
    share = f"{own / other:.2f} times ({own:.1f} against {other:.1f})"
    return Figure(what, NAIVE, f"at least {least:g} times", share, own >= least * other, BURSTS_WHY)


if __name__ == "__main__":
    sys.stdout.write(table(asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))) + "\n")
