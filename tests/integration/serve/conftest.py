from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.sandbox.process import BotProcess, BotUnready, free_port
from bot.sandbox.run import bot_environment
from tests.support import forked
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import UNDISTURBED, Scenario, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from bot.sandbox.process import ChildProcess

READY_SECONDS = 120.0
PORT_TRIES = 4
SLACK_WAITS = 60.0
"""Seconds for an acknowledgement: the time of a process of its own passes while the tests stand still."""


@dataclass
class ServedScene(Scenario):
    """The scene with ``python -m bot serve`` as a process of its own, in the tests' time."""

    directory: Path
    launch: Callable[..., Awaitable[ChildProcess]] = forked.launch
    said: list[str] = field(default_factory=list)
    """Every line of its standard error and output, of all its lives."""
    process: BotProcess | None = None

    async def serve(self, transport: str, **settings: str) -> None:
        """Start the process and wait until it is ready."""
        for left in reversed(range(PORT_TRIES)):
            before = len(self.said)
            try:
                await self._serve_at(free_port(), transport, settings)
            except BotUnready:
                # Between the choice of a port and its use anybody may take it.
                if not left or not any("in use" in line for line in self.said[before:]):
                    raise
            else:
                return

    async def _serve_at(self, port: int, transport: str, settings: Mapping[str, str]) -> None:
        environment = bot_environment(
            os.environ,
            slack=self.slack,
            genesys=self.genesys,
            transport=transport,
            port=port,
            database=self.database,
        )
        self.slack.events_url = f"http://127.0.0.1:{port}/slack/events" if transport == "http" else None
        self.process = BotProcess(
            environment=environment | UNDISTURBED | {"LOG_LEVEL": "debug", "LOG_FORMAT": "json"} | dict(settings),
            directory=self.directory,
            port=port,
            transport=transport,
            log=self.said.append,
            on_change=self.slack.workspace.changes.announce,
            command=(sys.executable, "-m", "tests.support.clocks.steady_cli", "serve"),
            launch=self.launch,
        )
        await self.process.start()
        await self.process.until_ready(READY_SECONDS, lambda _waited: None)

    async def terminate(self) -> int:
        """Send SIGTERM and return the exit status."""
        assert self.process is not None
        await self.process.stop()
        status: int = self.process.snapshot()["exit_status"]
        return status

    async def kill(self) -> None:
        assert self.process is not None
        await self.process.kill()

    async def page(self, path: str) -> tuple[int, str]:
        assert self.process is not None
        address = f"http://127.0.0.1:{self.process.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[ServedScene]:
    async with simulators(AcceleratedClock(speed=1), slack_waits=SLACK_WAITS) as (slack, genesys):
        clock = AcceleratedClock(speed=1)
        scene = ServedScene(slack, genesys, clock, tmp_path / "record-bot.db", tmp_path)
        yield scene
        if scene.process is not None:
            await scene.process.kill()
        assert slack.warnings == []
