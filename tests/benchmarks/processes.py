"""What the process costs when nothing happens: memory, time until it is ready, commands that need no Genesys."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks.child import ROOT, child, resident_bytes
from tests.benchmarks.figures import Figure

if TYPE_CHECKING:
    from tests.benchmarks.stage import Stage

SDK, BOLT = "PureCloudPlatformClientV2", "slack_bolt.async_app"
ROUNDS = 5
IDLE_SECONDS = 3.0


async def idle(stage: Stage) -> list[Figure]:
    """Measure in turns: a bare import of the SDK, one of the SDK and Bolt, and the bot."""
    bare, memory, ready, resident = list[float](), list[int](), list[float](), list[int]()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        async with child("tests.benchmarks.parts.bare_import", SDK):
            bare.append(time.perf_counter() - began)
        async with child("tests.benchmarks.parts.bare_import", SDK, BOLT) as both:
            memory.append(resident_bytes(both.pid))
        async with stage.serving(transport="socket") as bot:
            ready.append(bot.seconds_to_ready)
            await asyncio.sleep(IDLE_SECONDS)
            resident.append(resident_bytes(bot.pid))
    return [_memory(memory, resident), _ready(bare, ready)]


def _memory(bare: list[int], own: list[int]) -> Figure:
    alone, bot = statistics.median(bare), statistics.median(own)
    return Figure(
        "resident memory when idle",
        "bare import of the SDK and Bolt",
        "at most 1.15 times",
        f"{bot / alone:.2f} times ({bot / 1e6:.0f} MB against {alone / 1e6:.0f} MB)",
        bot <= 1.15 * alone,
    )


def _ready(bare: list[float], own: list[float]) -> Figure:
    more = statistics.median(bot - alone for bot, alone in zip(own, bare, strict=True))
    return Figure(
        "`serve` to ready",
        "bare import of the SDK",
        "at most 1 s more",
        f"{more:+.2f} s ({statistics.median(own):.2f} s against {statistics.median(bare):.2f} s)",
        more <= 1,
    )


def commands() -> Figure:
    """Time ``--help`` beside an interpreter that does nothing."""
    bare, own = list[float](), list[float]()
    for _ in range(2 * ROUNDS):
        bare.append(_seconds("-c", "pass"))
        own.append(_seconds("-m", "bot", "--help"))
    return Figure(
        "`--help`",
        "`python -c pass`",
        "under 0.5 s; `audit`, `db` and `--help` import no SDK",
        f"{statistics.median(own):.2f} s against {statistics.median(bare):.2f} s; `tests/counts` holds the imports",
        statistics.median(own) < 0.5,  # seconds
        "It takes 0.3 s of the processor, and longer where other work on the machine goes on beside it.",
    )


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
