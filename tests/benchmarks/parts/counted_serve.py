"""``serve``, which answers each line of its input with how many tasks, threads and open files it has."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading

from bot.config import settings as config
from bot.observability import logging as log
from bot.runtime.serve import Serving
from tests.benchmarks.parts.answering import say


async def main() -> None:
    settings = config.load(config.ServeSettings)
    log.configure(format_=settings.log_format, level=settings.log_level)
    serving = Serving(settings)
    running = asyncio.create_task(serving.run())
    await asyncio.wait({running, asyncio.create_task(serving.up.wait())}, return_when=asyncio.FIRST_COMPLETED)
    say(port=serving.port)
    while await asyncio.to_thread(sys.stdin.readline):
        gc.collect()
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  only how many
        say(tasks=len(asyncio.all_tasks()), threads=threading.active_count(), files=files)
    serving.stopping.set()
    await running


if __name__ == "__main__":
    asyncio.run(main())
