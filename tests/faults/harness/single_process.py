"""Where a fault is played: the simulators in this process, the bot as a process of its own, a file between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import aiohttp

from bot.sandbox.process import BotProcess, BotUnready, free_port
from tests.faults.harness.database_client import Outside
from tests.faults.harness.simulators import ACK_SECONDS, opened_surroundings
from tests.faults.harness.write_ahead_check import Witness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.genesys.web_api.answers import SimulatedRequest
    from bot.sandbox.process import ChildProcess
    from bot.sandbox.slack import SimulatedMessage, SimulatedSlack

FLOOR, AUDIT = "C0FLOOR", "C0AUDIT"
LOOK_SECONDS = 0.05
"""How often a file or another process is looked at, which tell nobody when they change."""
SECONDS_TO_SERVE = 180.0
PORT_TRIES = 4
OK = 200


class Unmoved(Exception):
    """What was waited for did not happen in time."""


def all_well(answer: tuple[int, str]) -> bool:
    """Say whether an answer of ``/readyz`` is 200, and each component in it has no trouble."""
    status, body = answer
    return status == OK and all(part["ok"] for part in json.loads(body)["parts"].values())


@dataclass
class Stage:
    """One organization, one workspace, one database file, and at most one bot."""

    transport: str
    directory: Path
    slack: SimulatedSlack
    genesys: SimulatedGenesys
    outside: Outside
    witness: Witness
    http: aiohttp.ClientSession
    bot: BotProcess
    said: deque[str]
    trips: list[Callable[[SimulatedRequest], bool]] = field(default_factory=list)
    """Each is asked about every request, the moment it arrives, until it says that it was the one."""
    answered_for: int = 0
    """Audit entries up to here were checked by an earlier run."""
    reported: set[str] = field(default_factory=set)
    """What was found wrong already; each thing counts once."""
    _noted: int = 0

    # The bot

    async def start(self) -> None:
        """Start the bot and wait until it is ready."""
        for _ in range(PORT_TRIES):
            port = free_port()
            self.bot = replace(self.bot, environment={**self.bot.environment, "HTTP_PORT": str(port)}, port=port)
            if self.transport == "http":
                self.slack.events_url = f"http://127.0.0.1:{port}/slack/events"
            await self.bot.start()
            try:
                await self.bot.until_ready(SECONDS_TO_SERVE, lambda _: None)
            except BotUnready:
                # Between the choice of a port and its use anybody may take it.
                if not any("in use" in line for line in self.said):
                    raise
            else:
                return

    def pull_the_plug(self) -> None:
        """SIGKILL, this instant."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.bot.snapshot()["pid"], signal.SIGKILL)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone; ``bot`` is another object after a start."""
        await self.bot.kill()

    async def restart(self) -> None:
        await self.bot.kill()
        await self.start()

    async def restart_after(self, killed: asyncio.Event, what: str) -> None:
        """Start the bot again once ``when`` has pulled the plug, at ``what``."""
        await self.until(what, killed.is_set)
        await self.restart()

    async def end(self) -> int | None:
        """SIGTERM; return the exit status."""
        await self.bot.stop()
        status: int | None = self.bot.snapshot()["exit_status"]
        return status

    @property
    def pid(self) -> int:
        pid: int = self.bot.snapshot()["pid"]
        return pid

    async def readyz(self) -> tuple[int, str]:
        try:
            async with self.http.get(f"http://127.0.0.1:{self.bot.port}/readyz") as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, str(error)

    # Waiting

    async def until(self, what: str, predicate: Callable[[], object], *, within: float = 90.0) -> None:
        """Return once ``predicate`` is true. Raise Unmoved, with ``what``, after ``within`` seconds."""
        clock = asyncio.get_running_loop().time
        give_up = clock() + within
        while not predicate():
            if clock() > give_up:
                raise Unmoved(f"not within {within:.0f} s: {what}")
            await asyncio.sleep(LOOK_SECONDS)

    async def until_ready(self, *, ready: bool = True, within: float = 90.0) -> None:
        """Wait until ``/readyz`` says 200 and names no component's trouble, or until it names some."""
        clock = asyncio.get_running_loop().time
        give_up = clock() + within
        while all_well(answer := await self.readyz()) is not ready:
            if clock() > give_up:
                raise Unmoved(f"/readyz says {answer}")
            await asyncio.sleep(LOOK_SECONDS * 3)

    # Genesys

    def when(self, matches: Callable[[SimulatedRequest], bool], act: Callable[[], object]) -> asyncio.Event:
        """Do something the moment a request arrives, before it is answered; the event says that it happened."""
        happened = asyncio.Event()

        def trip(request: SimulatedRequest) -> bool:
            if not matches(request):
                return False
            act()
            happened.set()
            return True

        self.trips.append(trip)
        return happened

    def on_genesys_change(self) -> None:
        """Hear of each request first; simulators call this themselves."""
        self.slack.workspace.changes.announce()
        fresh = self.genesys.requests[self._noted :]
        self._noted += len(fresh)
        for request in fresh:
            self.trips = [trip for trip in self.trips if not trip(request)]

    # Slack

    def cards(self, call: str) -> list[SimulatedMessage]:
        """Return the cards about a call, wherever they stand."""
        return [
            message
            for channel in list(self.slack.workspace.channels)
            for message in self.slack.messages(channel)
            if message.metadata and message.metadata["event_type"] == "recording_card" and call in message.text
        ]

    def audit_lines(self) -> list[str]:
        return [line for message in self.slack.messages(AUDIT) for line in message.text.split("\n")]

    def mend(self) -> None:
        """Switch every fault off."""
        self.slack.faults.switch_all_off()
        self.genesys.faults.switch_all_off()


@contextlib.asynccontextmanager
async def opened_stage(
    transport: str,
    *,
    enforce_rate_limits: bool = False,
    slack_waits: float = ACK_SECONDS,
    settings: Mapping[str, str] | None = None,
    command: tuple[str, ...] = BotProcess.command,
    launch: Callable[..., Awaitable[ChildProcess]] = asyncio.create_subprocess_exec,
) -> AsyncIterator[Stage]:
    """Set everything up and ``launch`` the bot by ``command``; whatever happens, nothing is left behind.

    ``settings`` are those of the bot besides the usual.
    """
    async with contextlib.AsyncExitStack() as stack:
        around = await stack.enter_async_context(
            opened_surroundings(enforce_rate_limits=enforce_rate_limits, slack_waits=slack_waits)
        )
        database = around.place / "record-bot.db"
        said: deque[str] = deque(maxlen=60)
        environment = around.environment(transport, database, settings or {})
        bot = BotProcess(environment, around.place, 0, transport, said.append, lambda: None, command, launch)
        outside = Outside(database)
        slack, genesys = around.slack, around.genesys
        stage = Stage(transport, around.place, slack, genesys, outside, Witness(outside), around.http, bot, said)
        around.on_genesys_change.append(stage.on_genesys_change)
        genesys.on_write(stage.witness.on_write)
        stack.push_async_callback(stage.kill)
        await stage.start()
        yield stage
