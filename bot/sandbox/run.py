"""The sandbox as one program: the simulators, their page, and the bot between them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox import sample_calls as busy
from bot.sandbox.clock import SandboxClock
from bot.sandbox.feed import ChangeFeed
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.process import BotProcess, BotUnready, free_port, manifest
from bot.sandbox.site import Site
from bot.sandbox.slack import SimulatedSlack
from bot.sandbox.slack.manifest import expanding_commands, shortcuts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

OPTIONAL_SCOPES = {"channels:read", "groups:read", "users:read.email"}
"""What this workspace grants beside the scopes that the bot can't do without."""
HOST = "127.0.0.1"
SECONDS_TO_READY = 60.0
LIMITED = "U0SVEN"
POLICY = f"""\
# A policy file to try: Sven may only control calls of the queue Support, and a stop in Claims takes two supervisors.
[[grant]]
label = "Support"
who = ["{LIMITED}"]
queues = ["{derived_id("queue", "Support")}"]

[dual_control]
queues = ["{derived_id("queue", "Claims")}"]
within = "2m"
"""
REASONS = "complaint=Complaint;quality=Quality check;training=Training"
# A visitor's own settings must not reach a real workspace or organization from here. Settings are read in any case.
FOREIGN = (
    "AUDIT_",
    "SLACK_",
    "PURECLOUD_",
    "GENESYS_",
    "DATABASE_",
    "HTTP_",
    "RECORDING_",
    "TARGET_",
    "OTEL_",
    "PYTHONPATH",
)


async def run(*, port: int, transport: str, announce: Callable[[str], None], database: Path | None = None) -> int:
    """Run until SIGINT or SIGTERM; return the exit status.

    ``port`` is the page's, 0 for one that the system chooses; ``transport`` is socket or http; ``announce`` hears
    what a person at the terminal wants to know; without ``database`` the trail goes with the sandbox.
    """
    if transport not in {"socket", "http"}:
        announce(f"The transport must be socket or http, not {transport}.")
        return 2
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        with tempfile.TemporaryDirectory(prefix="record-bot-sandbox-") as place:
            return await _run(
                port=port,
                transport=transport,
                announce=announce,
                database=database or Path(place) / "sandbox.db",
                directory=Path(place),
                stopping=stopping,
            )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        announce(f"Port {port} is in use. Choose another with --port (0 picks a free one).")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run(
    *,
    port: int,
    transport: str,
    announce: Callable[[str], None],
    database: Path,
    directory: Path,
    stopping: asyncio.Event,
) -> int:
    feed = ChangeFeed()
    clock = SandboxClock()
    slack = SimulatedSlack(clock=clock, signing_clock=time.time, on_change=feed.changed)
    genesys = SimulatedGenesys(clock=clock, on_change=feed.changed)
    async with contextlib.AsyncExitStack() as stack:
        for simulator in (slack, genesys):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            simulator.seed()
        slack.scopes |= OPTIONAL_SCOPES
        busy.fill(genesys)
        slack.add_person(LIMITED, "Sven Olsson", "sven", role="Supervisor of Support")
        slack.workspace.channels["C0FLOOR"].members.append(LIMITED)
        (directory / "policy.toml").write_text(POLICY, encoding="utf-8")
        bot_port = free_port()
        if transport == "http":
            slack.events_url = f"http://{HOST}:{bot_port}/slack/events"
        environment = bot_environment(
            os.environ, slack=slack, genesys=genesys, transport=transport, port=bot_port, database=database
        )
        described = await manifest(environment, directory)
        slack.shortcuts, slack.expanding = shortcuts_of(described), expanding_commands(described)
        bot = BotProcess(
            environment=environment,
            directory=directory,
            port=bot_port,
            transport=transport,
            log=lambda line: announce(f"  bot | {line}"),
            on_change=feed.changed,
        )
        address = await stack.enter_async_context(_served(Site(slack, genesys, bot, feed, clock), port))
        stack.push_async_callback(bot.stop)
        announce("Starting record-bot with simulated Slack and Genesys…")
        await bot.start()
        if not await _became_ready(bot, stopping, announce):
            return 0 if stopping.is_set() else 1
        announce(f"Sandbox ready: {address} (press Ctrl-C to stop)")
        await stopping.wait()
        announce("Stopping…")
    return 0


async def _became_ready(bot: BotProcess, stopping: asyncio.Event, announce: Callable[[str], None]) -> bool:
    """Wait for the bot, or for the person who has had enough; say what went wrong."""
    ready = asyncio.create_task(
        bot.until_ready(SECONDS_TO_READY, lambda waited: announce(f"Waiting for the bot… ({waited:.0f} s)"))
    )
    interrupted = asyncio.create_task(stopping.wait())
    await asyncio.wait({ready, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    interrupted.cancel()
    if not ready.done():
        ready.cancel()
        return False
    try:
        await ready
    except BotUnready as error:
        announce(str(error))
        return False
    return True


@contextlib.asynccontextmanager
async def _served(site: Site, port: int) -> AsyncIterator[str]:
    """Serve the page; yield its address."""
    runner = web.AppRunner(site.app(), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def bot_environment(
    inherited: Mapping[str, str],
    *,
    slack: SimulatedSlack,
    genesys: SimulatedGenesys,
    transport: str,
    port: int,
    database: Path,
) -> dict[str, str]:
    """Make the bot's environment: the caller's, without anything that could lead out of the sandbox."""
    kept = {name: value for name, value in inherited.items() if not name.upper().startswith(FOREIGN)}
    secret = (
        {"SLACK_APP_TOKEN": "xapp-sandbox"}
        if transport == "socket"
        else {"SLACK_SIGNING_SECRET": "sandbox-signing-secret"}
    )
    return (
        kept
        | secret
        | {
            "SLACK_BOT_TOKEN": "xoxb-sandbox",
            "SLACK_API_URL": slack.api_url,
            "SLACK_AUDIT_CHANNEL": "C0AUDIT",
            "SLACK_SUPERVISORS": "S0SUPERS,S0NIGHT",
            "SLACK_COMPLIANCE": "U0COMPL",
            "RECORDING_REASONS": REASONS,
            "AUDIT_DIGEST_AT": "00:00",  # so that a day later there is a digest of today
            "PURECLOUD_CLIENT_ID": "sandbox-client",
            "PURECLOUD_CLIENT_SECRET": "sandbox-secret",
            "GENESYS_API_URL": genesys.url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{database.resolve()}",
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(port),
            "LOG_FORMAT": "text",
            "PYTHONUNBUFFERED": "1",
            # The working directory is a temporary one, so that no .env is found; the package is still found.
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
    )
