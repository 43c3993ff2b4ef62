"""Around the bots of a fault run: a folder, a simulated Slack and Genesys, and an HTTP client."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.run import bot_environment
from bot.sandbox.slack import SimulatedSlack
from tests.support.scenario import UNDISTURBED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

ON_A_DISK = Path("/var/tmp")  # noqa: S108  each run gets a directory of its own
"""Where the bots' files are. In memory, an immutable file can still be written by anyone who has it open."""
EFFECT_SECONDS = 0.1
ACK_SECONDS = 3.0
"""How long the real Slack waits."""
CLOSED_SECONDS = 10.0
"""How long a patient Slack waits once the WebSocket is closed: a killed process acknowledges nothing."""


@dataclass(frozen=True)
class Surroundings:
    """What every run has around its bots: a folder, both vendors and an HTTP client."""

    place: Path
    slack: SimulatedSlack
    genesys: SimulatedGenesys
    http: aiohttp.ClientSession
    on_genesys_change: list[Callable[[], None]]
    """Called for each change at Genesys."""

    def environment(self, transport: str, database: Path, changes: Mapping[str, str]) -> dict[str, str]:
        """Return what a bot is started with."""
        usual = bot_environment(
            os.environ, slack=self.slack, genesys=self.genesys, transport=transport, port=0, database=database
        )
        return usual | UNDISTURBED | dict(changes)


@contextlib.asynccontextmanager
async def opened_surroundings(
    *, enforce_rate_limits: bool, slack_waits: float = ACK_SECONDS
) -> AsyncIterator[Surroundings]:
    """Start both vendors; whatever happens, nothing is left behind. Slack waits so many seconds for an answer."""
    async with contextlib.AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="record-bot-faults-", dir=ON_A_DISK)))
        hooks: list[Callable[[], None]] = []

        def changed() -> None:
            for hook in hooks:
                hook()

        slack = SimulatedSlack(enforce_rate_limits=enforce_rate_limits, ack_timeout=slack_waits)
        slack.sockets.closed_timeout = CLOSED_SECONDS
        genesys = SimulatedGenesys(effect_delay=EFFECT_SECONDS, on_change=changed)
        genesys.rate_limit.allowed = 1_000_000
        for simulator in (slack, genesys):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
        slack.seed()
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        yield Surroundings(place, slack, genesys, http, hooks)
