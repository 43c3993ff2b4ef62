"""Tries out an image's root file system: the bot in it, as a container would run it, between the two simulators."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack
from tests.deploy.without_docker import in_image
from tests.support.databases.postgres import OWNER, PostgresServer, programs
from tests.support.shell import genesys_settings, slack_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 300
TRACES = "from bot.observability.tracing import packages_missing; assert not packages_missing()"
QUICK = (
    ("record-bot", "--help"),
    ("record-bot", "manifest"),
    ("record-bot", "db", "upgrade"),
    ("record-bot", "db", "current"),
    ("record-bot", "audit", "verify"),
    ("record-bot", "db", "backup", "/data/copy.db"),
    ("python", "-c", TRACES),
    ("python", "-c", "import psycopg; assert psycopg.pq.__impl__ == 'binary'"),
    ("sh", "-c", "! touch /tmp/x /opt/record-bot/x /etc/x 2>/dev/null"),
    ("sh", "-c", 'test "$(id -u)" = 10001 && grep -q "CapEff:.0*$" /proc/self/status'),
)
"""What has to end with 0, in this order."""


@dataclass(frozen=True)
class Trial:
    """An image's root file system, its environment, its health check, and an empty directory for its data."""

    image: Path
    data: Path
    environment: dict[str, str]
    health: list[str]

    async def run(self) -> None:
        """Raise AssertionError where something does not hold."""
        for command in QUICK:
            assert await self._status(command, self.environment) == 0, command
        print("ok: one-shot commands, traces, a backup; nothing but /data can be written; no privileges")  # noqa: T201  a program's output
        slack, genesys = SimulatedSlack(), SimulatedGenesys()
        await slack.start()
        await genesys.start()
        try:
            slack.seed()
            genesys.seed()
            settings = self.environment | slack_settings(slack) | genesys_settings(genesys)
            await self._serves(settings)
            with self._postgresql() as url:
                on_postgresql = settings | {"DATABASE_URL": url}
                assert await self._status(("record-bot", "db", "upgrade"), on_postgresql) == 0
                await self._serves(on_postgresql)
                assert await self._status(("record-bot", "audit", "verify"), on_postgresql) == 0
            print("ok: the same on PostgreSQL")  # noqa: T201  as above
        finally:
            await genesys.stop()
            await slack.stop()

    @contextlib.contextmanager
    def _postgresql(self) -> Iterator[str]:
        """Run a server whose socket lies among the data, the one place that both sides see."""
        found = programs()
        assert found is not None, "PostgreSQL is needed: apt-get install postgresql"
        directory = self.data / "postgresql"
        directory.mkdir()
        self.data.chmod(0o711)
        server = PostgresServer(found, directory)
        try:
            server.make()
            database = server.database(migrated=False)
            yield f"postgresql+psycopg://{OWNER}@/{database.name}?host=/data/{directory.name}"
        finally:
            server.stop()

    async def _status(self, command: tuple[str, ...], environment: dict[str, str]) -> int:
        process = await asyncio.create_subprocess_exec(
            *in_image(self.image, self.data, *command), env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        return await asyncio.wait_for(process.wait(), PATIENCE)

    async def _serves(self, environment: dict[str, str]) -> None:
        assert await self._status(("record-bot", "check"), environment) == 0
        process = await asyncio.create_subprocess_exec(
            *in_image(self.image, self.data, "record-bot", "serve"),
            env=environment,
            stderr=asyncio.subprocess.PIPE,
            process_group=0,
        )
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while json.loads(line := await process.stderr.readline())["event"] != "serve_started":
                assert line
        try:
            assert await self._status(tuple(self.health), environment) == 0
            url = f"http://127.0.0.1:{environment['HTTP_PORT']}/readyz"
            async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
                while (await session.get(url)).status != 200:  # noqa: ASYNC110  the outside can only ask again
                    await asyncio.sleep(0.2)
        finally:
            _stop_the_bot_in(process.pid)
        await asyncio.wait_for(process.stderr.read(), PATIENCE)
        assert await process.wait() == 0
        assert await self._status(tuple(self.health), environment) != 0
        print("ok: check, serve, health check, ready, SIGTERM ends it with 0, and then the health check fails")  # noqa: T201  as above


def _stop_the_bot_in(wrapper: int) -> None:
    """Send SIGTERM to the wrapper's child, which is PID 1 in there, as an engine does."""
    with open(f"/proc/{wrapper}/task/{wrapper}/children", encoding="ascii") as children:  # noqa: PTH123  no file
        os.kill(int(children.read().split()[0]), signal.SIGTERM)
