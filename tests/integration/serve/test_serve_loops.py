from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from bot.runtime.serve import Serving

if TYPE_CHECKING:
    from bot.config.settings import ServeSettings


async def test_a_loop_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    serving, lost = Serving(cast("ServeSettings", None)), asyncio.Event()

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()  # as wait_for does in Python 3.11 when what it waits for comes at the same moment
        await asyncio.Event().wait()

    serving._start(deaf_once())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await serving._end_loops()
    assert lost.is_set()
