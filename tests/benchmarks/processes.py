"""What the process costs when nothing happens: memory, time until it is ready, commands that need no Genesys."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.child import ROOT, child, resident_bytes
from tests.benchmarks.figures import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.stage import Stage

SDK, BOLT = "PureCloudPlatformClientV2", "slack_bolt.async_app"
ROUNDS = 5
IDLE_SECONDS = 3.0
WITHOUT_GENESYS = (("--help",), ("db", "current"), ("audit", "verify"))


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
    no_genesys = await asyncio.to_thread(commands, await stage.another_database())
    return [_memory(memory, resident), _ready(bare, ready), *no_genesys]


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


def commands(database: Path) -> list[Figure]:
    """Time ``--help`` beside an interpreter that does nothing, and see what commands without Genesys import."""
    bare, own, processor = list[float](), list[float](), list[float]()
    for _ in range(2 * ROUNDS):
        bare.append(_run("-c", "pass").seconds)
        ran = _run("-m", "bot", "--help")
        own.append(ran.seconds)
        processor.append(ran.processor)
    with_sdk = [
        one for one in WITHOUT_GENESYS if SDK in _run("-X", "importtime", "-m", "bot", *one, database=database).said
    ]
    return [
        Figure(
            "`--help`",
            "`python -c pass`",
            "under 0.5 s",
            f"{statistics.median(own):.2f} s against {statistics.median(bare):.2f} s",
            statistics.median(own) < 0.5,  # seconds
            f"It takes {statistics.median(processor):.2f} s of the processor, and longer where other work goes on.",
        ),
        Figure(
            "commands that need no Genesys: " + ", ".join(f"`{' '.join(one)}`" for one in WITHOUT_GENESYS),
            "",
            "the SDK is not imported",
            f"imported by {len(with_sdk)} of {len(WITHOUT_GENESYS)}",
            not with_sdk,
        ),
    ]


@dataclass(frozen=True)
class Ran:
    """One run: seconds by the clock and of the processor, and what it said on stderr."""

    seconds: float
    processor: float
    said: str


def _run(*arguments: str, database: Path | None = None) -> Ran:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | ({} if database is None else {"DATABASE_URL": f"sqlite+aiosqlite:///{database}"})
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, used, ended.stderr)
