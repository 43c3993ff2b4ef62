"""Where the bot is measured: both simulators in this process, answering at once, the bot as ``python -m bot serve``."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.process import free_port
from bot.sandbox.run import bot_environment
from bot.sandbox.slack import SimulatedSlack
from tests.benchmarks.load import Lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from bot.sandbox.genesys import SimulatedRequest

READY_SECONDS = 60.0
LOOK_SECONDS = 0.02
PLENTY = 10_000_000
"""Requests a minute: here the bot's own speed is measured, not Genesys's limit."""
UNLIMITED = {"GENESYS_REQUESTS_PER_MINUTE": str(PLENTY), "RECORDING_ACTIONS_PER_MINUTE": "0"}


class Unmoved(Exception):
    """What was waited for did not happen in time."""


@dataclass
class Served:
    """One ``serve`` with its pid, the seconds until it was ready, and what it logs."""

    process: asyncio.subprocess.Process
    port: int
    log: Path
    seconds_to_ready: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> int:
        """End it as an operator does; return the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@dataclass
class Stage:
    """One organization, one workspace, one database file."""

    directory: Path
    slack: SimulatedSlack
    genesys: SimulatedGenesys
    bots: list[Served] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.directory / "record-bot.db"

    @asynccontextmanager
    async def serving(self, *, transport: str = "http", **settings: str) -> AsyncIterator[Served]:
        """Run the bot until the end of the block; its database stays."""
        bot = await self.start(transport=transport, **settings)
        try:
            yield bot
        finally:
            await bot.stop()

    async def start(self, *, transport: str = "http", **settings: str) -> Served:
        """Start the bot and wait until it is ready. Raise Unmoved."""
        port = free_port()
        environment = bot_environment(
            os.environ, slack=self.slack, genesys=self.genesys, transport=transport, port=port, database=self.database
        )
        log = self.directory / f"serve-{len(self.bots)}.log"
        began = time.perf_counter()
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "serve"),
                cwd=self.directory,
                env=environment | UNLIMITED | {"LOG_FORMAT": "json", "AUDIT_DIGEST_AT": "off"} | settings,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        bot = Served(process, port, log)
        self.bots.append(bot)
        await _until_ready(bot)
        bot.seconds_to_ready = time.perf_counter() - began
        self.slack.events_url = f"{bot.url}/slack/events" if transport == "http" else None
        return bot

    def lines(self, bot: Served) -> AbstractAsyncContextManager[Lines]:
        """Let people type, over as many connections as it takes."""
        return self.lines_to(f"{bot.url}/slack/events")

    @asynccontextmanager
    async def lines_to(self, url: str) -> AsyncIterator[Lines]:
        lines = Lines(url)
        try:
            yield lines
        finally:
            lines.close()

    def add_calls(self, count: int, *, agents: int = 200) -> list[str]:
        """Put so many calls on the floor, of so many agents."""
        return [self.genesys.add_call(agent=f"Agent {number % agents}").conversation_id for number in range(count)]

    async def another_database(self) -> Path:
        """Make a file with the bot's schema that the bot knows nothing of."""
        file = self.directory / "another.db"
        if not file.exists():
            await migrate(file)
        return file

    async def until(self, what: str, predicate: Callable[[], object], *, within: float = 60.0) -> None:
        """Return once it is so. Raise Unmoved."""
        give_up = time.monotonic() + within
        while not predicate():
            if time.monotonic() > give_up:
                raise Unmoved(what)
            await asyncio.sleep(LOOK_SECONDS)

    def seen_from(self, first: int) -> list[SimulatedRequest]:
        return self.genesys.requests[first:]


async def _until_ready(bot: Served) -> None:
    give_up = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < give_up and bot.process.returncode is None:
            try:
                async with session.get(f"{bot.url}/readyz") as answer:
                    if answer.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(LOOK_SECONDS)
    raise Unmoved(f"the bot did not become ready: {bot.log.read_text()[-2000:]}")


async def migrate(file: Path) -> None:
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    await upgrade(engines)
    await engines.close()


@asynccontextmanager
async def stage(*, database: Path | None = None, enforce_rate_limits: bool = False) -> AsyncIterator[Stage]:
    """Set the simulators up, with a new database, or with a copy of the one given."""
    with tempfile.TemporaryDirectory(prefix="record-bot-bench-") as temporary:
        directory = Path(temporary)
        slack = SimulatedSlack(enforce_rate_limits=enforce_rate_limits)
        genesys = SimulatedGenesys(effect_delay=0)
        await slack.start()
        await genesys.start()
        try:
            slack.seed()
            genesys.seed()
            genesys.rate_limit.allowed = PLENTY
            set_up = Stage(directory, slack, genesys)
            if database is None:
                await migrate(set_up.database)
            else:
                await asyncio.to_thread(shutil.copy, database, set_up.database)
            yield set_up
        finally:
            await genesys.stop()
            await slack.stop()
