"""The bot between a simulated Slack and a simulated Genesys, all in one process, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.config.settings import ServeSettings, load
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.run import bot_environment
from bot.sandbox.slack import SimulatedSlack
from bot.sandbox.slack.manifest import expanding_commands
from bot.slack.manifest import manifest_yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import pytest

    from bot.runtime.serve import Serving
    from bot.sandbox.slack import SimulatedMessage
    from tests.support.clocks.accelerated_clock import AcceleratedClock

ADA, GRACE, MALLORY, CLARA = "U0ADA", "U0GRACE", "U0MALLORY", "U0COMPL"
GUEST, OUTSIDE, HELPER = "U0GUEST", "U0OUTSIDE", "U0HELPER"
FLOOR, AUDIT = "C0FLOOR", "C0AUDIT"
PATIENCE = 120.0
"""Seconds that a test waits for something that happens within milliseconds on an idle machine."""
UNDISTURBED = {"RECORDING_ACTIONS_PER_MINUTE": "0", "AUDIT_DIGEST_AT": "off"}
"""Settings of most bots in tests: tests type faster than people, and near midnight would meet the digest of the day."""
GENESYS_PATIENCE = 30.0
"""Seconds that the bot waits for an answer of Genesys, by the machine's clock: none that comes is too late."""
GENESYS_HANGS = 1.0
"""The same where Genesys hangs, and the test waits until the bot has waited."""
LAST = 20
"""Requests to Genesys among which those are that it works on."""
EXPANDING = expanding_commands(manifest_yaml())
"""The commands whose names Slack expands; hundreds of tests need them, and reading YAML is slow."""
SOCKET_PING = 600.0
"""Seconds between two trials of a socket. slack_sdk holds them against the machine's clock: none is tried in a test
whose subject is something else, and so none is taken for lost.
"""

Entry = dict[str, Any]


@dataclass
class Scenario:
    """What people see and do, and what an outsider finds in the database file; the bot may be anywhere."""

    slack: SimulatedSlack
    genesys: SimulatedGenesys
    clock: AcceleratedClock
    database: Path

    # Slack

    async def types(self, user: str, text: str, channel: str = FLOOR) -> str:
        """Type ``/record …`` and return what the acknowledgement says."""
        result = await self.slack.command(user, channel, text)
        assert result.acked, (result.error, result.status)
        assert result.body["response_type"] == "ephemeral"
        words: str = result.body["text"]
        return words

    async def clicks(self, user: str, verb: str, message: SimulatedMessage | None = None) -> None:
        """Press a button of the newest card, or of the message given."""
        message = message or self.card()
        result = await self.slack.click(user, message.channel, message.ts, f"recording_{verb}")
        assert result.acked, (result.error, result.status)

    async def until(self, predicate: Callable[[], object]) -> None:
        await self.slack.wait_for(predicate, timeout=PATIENCE)

    async def until_later(self, predicate: Callable[[], object], *, step: float = 5.0) -> None:
        """Let the bot's time pass, by steps of so many seconds, until it is so.

        The steps come further and further apart: a busy machine gets its work done between two of them, in the end.
        While Genesys works on a request there is none: some of them would make its answer come too late.
        """
        pause = 0.1
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(TimeoutError):
                    return await self.slack.wait_for(predicate, timeout=pause)
                if not self.genesys_works():
                    self.clock.jump(step)
                pause *= 1.15

    def genesys_works(self) -> bool:
        """Say whether Genesys works on a request; what it hasn't answered after a second, it may never answer."""
        since = self.clock.time() - self.clock.speed
        return any(one.status is None and one.at > since for one in self.genesys.requests[-LAST:])

    def cards(self, channel: str = FLOOR) -> list[SimulatedMessage]:
        return [
            message
            for message in self.slack.messages(channel)
            if message.metadata and message.metadata["event_type"] == "recording_card"
        ]

    def card(self, channel: str = FLOOR) -> SimulatedMessage:
        return self.cards(channel)[-1]

    def shows(self, words: str, channel: str = FLOOR) -> bool:
        """Say whether the newest card begins with these words; "Recording" is not "Recording not started"."""
        text = self.cards(channel)[-1].text if self.cards(channel) else ""
        return text.startswith(words) and not text.removeprefix(words).startswith(" not ")

    def told(self, user: str, channel: str = FLOOR) -> list[str]:
        """Return what only this person was shown, in order."""
        return [one.text for one in self.slack.messages(channel) if one.ephemeral_to == user]

    async def until_told(self, user: str, words: str, channel: str = FLOOR) -> str:
        await self.until(lambda: any(words in one for one in self.told(user, channel)))
        return next(one for one in reversed(self.told(user, channel)) if words in one)

    def lines(self) -> list[str]:
        """Return the lines of the audit channel, in order, without what one person alone was answered there."""
        shown = [message for message in self.slack.messages(AUDIT) if not message.ephemeral_to]
        return [line for message in shown for line in message.text.split("\n")]

    async def until_delivered(self) -> list[str]:
        """Wait until the audit channel shows the newest entry, and return its lines."""
        await self.until(lambda: self.lines() and f"*#{self.head()}*" in self.lines()[-1])
        return self.lines()

    def published(self) -> list[dict[str, Any]]:
        """Return what the metadata of the audit channel's messages says of each entry, in order."""
        messages = [message.metadata for message in self.slack.messages(AUDIT) if message.metadata]
        return [entry for metadata in messages for entry in metadata["event_payload"].get("entries", ())]

    # Doing the usual

    async def records(self, call: str, *, user: str = ADA, reason: str = "") -> SimulatedMessage:
        """Have a call recorded, and return the card once it says so."""
        await self.types(user, f"start {call} {reason}".rstrip())
        await self.until(lambda: self.shows("Recording") and call in self.card().text)
        return self.card()

    # The database file

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """Read the file as an outsider does."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as outside:
            outside.row_factory = sqlite3.Row
            return [dict(row) for row in outside.execute(query, parameters)]

    def entries(self, action: str = "%") -> list[Entry]:
        """Return the audit entries, oldest first; ``action`` as in SQL's LIKE."""
        found = self.rows("SELECT * FROM audit_entries WHERE action LIKE ? ORDER BY seq", action)
        return [row | {name: json.loads(row[name]) for name in ("origin", "outcome")} for row in found]

    def phases(self, action: str = "recording:%") -> list[str]:
        return [entry["phase"] for entry in self.entries(action)]

    def head(self) -> int:
        seq: int = self.rows("SELECT max(seq) AS seq FROM audit_entries")[0]["seq"]
        return seq

    def recordings(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM recordings ORDER BY requested_at")


@dataclass
class ServingScenario(Scenario):
    """The scene with a bot in this process."""

    serving: Serving
    _running: asyncio.Task[None] | None = None
    _lock: sqlite3.Connection | None = None

    async def begin(self) -> None:
        """Start the bot and wait until it serves; what it raises at the start is raised here."""
        self._running = asyncio.create_task(self.serving.run())
        up = asyncio.create_task(self.serving.up.wait())
        await asyncio.wait({self._running, up}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._running.done():
            await self._running
        assert self.serving.up.is_set(), "the bot did not come up"
        if self.serving.settings.slack_app_token is None:
            self.slack.events_url = f"{self.url}/slack/events"
        else:
            await self.until(lambda: self.slack.sockets.links)

    async def end(self) -> None:
        self.clock.jump(2)  # the audit publisher may post at once
        self.serving.stopping.set()
        if self._running is not None:
            async with asyncio.timeout(PATIENCE):
                await self._running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.serving.port}"

    async def page(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def readiness(self) -> dict[str, Any]:
        parts: dict[str, Any] = json.loads((await self.page("/readyz"))[1])["parts"]
        return parts

    async def lock_the_database(self) -> None:
        """Hold the file's write lock, as a backup or an administrator's tool might."""
        self._lock = sqlite3.connect(self.database, isolation_level=None, timeout=0)
        async with asyncio.timeout(PATIENCE):
            while not self._lock.in_transaction:
                with contextlib.suppress(sqlite3.OperationalError):
                    self._lock.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(0)  # the bot may be writing just now, in this same loop

    def unlock_the_database(self) -> None:
        if self._lock is not None:
            self._lock.close()


@contextlib.asynccontextmanager
async def simulators(
    clock: AcceleratedClock, *, slack_waits: float = 3.0
) -> AsyncIterator[tuple[SimulatedSlack, SimulatedGenesys]]:
    """Run both simulators, with their seeds; who waits at Slack hears of changes at Genesys too.

    ``slack_waits`` is in seconds, for an acknowledgement and from a trigger to its view.
    """
    # only the clock is hurried, not the machine: a trigger lives for as long as a real one
    slack = SimulatedSlack(
        clock=clock.time,
        ack_timeout=slack_waits,
        trigger_seconds=slack_waits * clock.speed,
        signing_clock=time.time,  # the bot holds signatures against the machine's clock
    )
    slack.expanding = EXPANDING
    genesys = SimulatedGenesys(effect_delay=0, clock=clock.time, on_change=slack.workspace.changes.announce)
    async with contextlib.AsyncExitStack() as stack:
        for simulator in (slack, genesys):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            simulator.seed()
        yield slack, genesys


def settings_for(
    monkeypatch: pytest.MonkeyPatch,
    slack: SimulatedSlack,
    genesys: SimulatedGenesys,
    *,
    transport: str,
    directory: Path,
    changes: Mapping[str, str],
) -> ServeSettings:
    """Read the settings as ``serve`` does, from an environment that leads to the simulators."""
    monkeypatch.chdir(directory)
    environment = bot_environment(
        {}, slack=slack, genesys=genesys, transport=transport, port=0, database=directory / "record-bot.db"
    )
    usual = UNDISTURBED | {"SLACK_SOCKETS": "1"}  # tests count connections
    for name, value in (environment | usual | dict(changes)).items():
        monkeypatch.setenv(name, value)
    return load(ServeSettings)
