"""Entries, from a thousand to millions: history, status, appending, verifying, and the memory that it takes."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from tests.benchmarks.audit.__main__ import child
from tests.benchmarks.audit.trails import append_one_by_one, grow, opened
from tests.benchmarks.grown import fill, installation, opened_store
from tests.benchmarks.growth.rows import CONSTANT, LINEAR, Growth, in_turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from tests.benchmarks.grown import Installation

APPENDS = 20
ROUNDS = 20
VERIFICATIONS = 3


async def reading(directory: Path, sizes: Sequence[int]) -> list[Growth]:
    """Read from installations that have so many entries, and a recording for every two."""
    async with AsyncExitStack() as stack:
        found: dict[int, Installation] = {}
        for size in sizes:
            file = directory / f"installation-{size}.db"
            if not file.exists():
                async with opened_store(file):
                    fill(file, size)
            found[size] = await stack.enter_async_context(installation(file))
        numbers = count()

        def steps(name: str) -> dict[int, Callable[[], Awaitable[None]]]:
            return {size: partial(_numbered, getattr(one, name), numbers) for size, one in found.items()}

        return [
            await in_turns(what, CONSTANT, steps(name), rounds=ROUNDS)
            for what, name in (("history of a call", "history"), ("status of a call", "status"), ("list", "list"))
        ]


async def _numbered(step: Callable[[int], Awaitable[None]], numbers: count[int]) -> None:
    await step(next(numbers))


async def trail(directory: Path, sizes: Sequence[int]) -> list[Growth]:
    """Verify real trails in separate processes, then append to them."""
    files = {size: directory / f"trail-{size}.db" for size in sizes}
    for size, file in files.items():
        async with opened(file) as store:
            await grow(store, size)
    runs = {
        size: [await asyncio.to_thread(child, "verify", file) for _ in range(VERIFICATIONS)]
        for size, file in files.items()
    }
    async with AsyncExitStack() as stack:
        stores = {size: await stack.enter_async_context(opened(file)) for size, file in files.items()}
        appending = await in_turns(
            f"appending {APPENDS} entries, one after the other, by the clock",
            CONSTANT,
            {size: partial(append_one_by_one, store, APPENDS) for size, store in stores.items()},
            rounds=ROUNDS,
            timer=time.perf_counter,
        )
    seconds = {size: 1000 * min(run["seconds"] for run in found) for size, found in runs.items()}
    peaks = {size: min(run["peak"] for run in found) / 1e6 for size, found in runs.items()}
    return [
        appending,
        Growth("`audit verify`, by the clock", LINEAR, seconds),
        Growth("peak memory of `audit verify`", CONSTANT, peaks, unit="MB"),
    ]
