"""A stage with three bots on one PostgreSQL server, behind a balancer or each with sockets of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import psycopg
from psycopg.rows import dict_row
from typing_extensions import override

from bot.database.replicas import LEADER, NAMES
from bot.sandbox.process import BotProcess, BotUnready, free_port
from tests.faults.harness.database_client import Outside
from tests.faults.harness.load_balancer import Balancer, opened_balancer
from tests.faults.harness.simulators import ACK_SECONDS, opened_surroundings
from tests.faults.harness.single_process import PORT_TRIES, SECONDS_TO_SERVE, Stage, all_well
from tests.faults.harness.write_ahead_check import Witness
from tests.support.databases.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from bot.sandbox.process import ChildProcess
    from tests.faults.run import Run
    from tests.support.databases.postgres import PostgresDatabase, PostgresServer

REPLICAS = 3
SECONDS_TO_CONNECT = 90.0
HOLDER = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid::bigint = ? AND objid::bigint = ?
        AND datname = current_database()
"""
LIVING = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid::bigint = ? AND datname = current_database()
"""
OPEN_OWNER = """
    SELECT owner FROM attempts JOIN recordings ON recordings.id = recording_id
    WHERE conversation_id = ? AND settled_at IS NULL
"""


@dataclass(frozen=True)
class OutsideServer(Outside):
    """The database on the server, read in one connection that is opened again after the server was away."""

    database: PostgresDatabase = field(kw_only=True)
    _open: list[psycopg.Connection[Any]] = field(default_factory=list)

    @override
    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        statement = statement.replace("%", "%%").replace("?", "%s") if values else statement
        give_up = time.monotonic() + SECONDS_TO_CONNECT
        while True:
            try:
                cursor = self._connection().cursor(row_factory=dict_row)
                return cursor.execute(statement, values or None).fetchall()
            except psycopg.OperationalError:
                self.close()
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.05)  # nothing else can go on here: who asks wants to know what is so at this instant

    def _connection(self) -> psycopg.Connection[Any]:
        if not self._open:
            server = self.database.server
            self._open.append(
                psycopg.connect(host=str(server.directory), dbname=self.database.name, user="postgres", autocommit=True)
            )
        return self._open[0]

    def close(self) -> None:
        while self._open:
            self._open.pop().close()


@dataclass
class Replica:
    """One of the bots. ``name`` is what the server knows its connections by."""

    name: str
    bot: BotProcess
    frozen: bool = False

    def signal(self, number: signal.Signals) -> None:
        """Send it, this instant."""
        with contextlib.suppress(ProcessLookupError):
            if (pid := self.bot.snapshot()["pid"]) is not None:
                os.kill(pid, number)

    def freeze(self) -> None:
        self.frozen = True
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.frozen = False
        self.signal(signal.SIGCONT)


@dataclass(kw_only=True)
class Fleet(Stage):
    """``bot`` is the first one; without a name all of them are meant."""

    server: PostgresServer
    replicas: list[Replica]
    balancer: Balancer | None = None

    @override
    async def start(self) -> None:
        """Start those that don't run, and wait until all are ready."""
        for one in self.replicas:
            one.thaw()
        await asyncio.gather(*(self.begin(one) for one in self.replicas if not one.bot.running))
        self.bot = self.replicas[0].bot
        if (balancer := self.balancer) is not None:  # before it has looked, it knows nobody to pass a request on to
            await self.until(
                "the balancer knows all replicas", lambda: all(one.bot.port in balancer.ready for one in self.replicas)
            )

    async def begin(self, replica: Replica) -> None:
        """Start one, and wait until it is ready."""
        for _ in range(PORT_TRIES):
            bot, port = replica.bot, free_port()
            replica.bot = replace(bot, environment={**bot.environment, "HTTP_PORT": str(port)}, port=port)
            await replica.bot.start()
            try:
                await replica.bot.until_ready(SECONDS_TO_SERVE * REPLICAS, lambda _: None)
            except BotUnready:
                if not any("in use" in line for line in replica.bot.last_lines):
                    raise
            else:
                return

    @override
    async def kill(self) -> None:
        await asyncio.gather(*(one.bot.kill() for one in self.replicas))

    @override
    async def end(self) -> int | None:
        """SIGTERM to one after another; return the first exit status that is not 0."""
        found = [await self.stopped(one) for one in self.replicas]
        return next((status for status in found if status != 0), 0)

    async def stopped(self, replica: Replica) -> int | None:
        """SIGTERM to one; return its exit status."""
        replica.thaw()
        await replica.bot.stop()
        status: int | None = replica.bot.snapshot()["exit_status"]
        return status

    @override
    async def readyz(self) -> tuple[int, str]:
        """Ask all of them; return the answer of one that has trouble, where there is one."""
        answers = await asyncio.gather(*(self._ask(one.bot.port) for one in self.replicas))
        return next((answer for answer in answers if not all_well(answer)), answers[0])

    async def _ask(self, port: int) -> tuple[int, str]:
        try:
            async with self.http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, repr(error)

    def leader(self) -> Replica | None:
        """Return the one that tells Slack at this moment."""
        return self._holder(LEADER, 0)

    def all_known(self) -> bool:
        """Say whether each is known to the others as one that lives; who was frozen is not, for a moment."""
        living = {row["application_name"] for row in self.outside.rows(LIVING, NAMES)}
        return {one.name for one in self.replicas} <= living

    def owner(self, call: str) -> Replica | None:
        """Return the one that works on a call at this moment."""
        return self.holder_of(self.outside.one(OPEN_OWNER, call))

    def holder_of(self, owner: str | None) -> Replica | None:
        """Return the one that the database knows as this owner."""
        if owner is None:
            return None
        return self._holder(NAMES, int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4], "big"))

    def _holder(self, kind: int, key: int) -> Replica | None:
        name = self.outside.one(HOLDER, kind, key)
        return next((one for one in self.replicas if one.name == name), None)

    async def restart_database(self, how: signal.Signals) -> None:
        """Stop the server, in order or as by a crash, and start it again."""

        def restart() -> None:
            self.server.stop(how)
            self.server.start()

        await asyncio.to_thread(restart)  # in one go: outside readers wait for the server meanwhile

    @override
    def mend(self) -> None:
        super().mend()
        for one in self.replicas:
            if one.frozen:
                one.thaw()


def fleet_of(run: Run) -> Fleet:
    """Return the stage of a run whose row is opened with ``opened_fleet``."""
    assert isinstance(run.stage, Fleet)
    return run.stage


@contextlib.asynccontextmanager
async def opened_fleet(
    transport: str,
    *,
    enforce_rate_limits: bool = False,
    count: int = REPLICAS,
    durable: bool = False,
    settings: Mapping[str, str] | None = None,
    slack_waits: float = ACK_SECONDS,
    launch: Callable[..., Awaitable[ChildProcess]] = asyncio.create_subprocess_exec,
) -> AsyncIterator[Fleet]:
    """Set everything up and ``launch`` the bots; whatever happens, nothing is left behind.

    ``durable``: whether the server really waits for the disk. ``settings`` are those of the bots besides the usual.
    """
    async with contextlib.AsyncExitStack() as stack:
        around = await stack.enter_async_context(
            opened_surroundings(enforce_rate_limits=enforce_rate_limits, slack_waits=slack_waits)
        )
        place, slack, genesys, http = around.place, around.slack, around.genesys, around.http
        running = postgres(durable=durable)
        server = await asyncio.to_thread(running.__enter__)
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        server.with_successor()
        database = await asyncio.to_thread(server.database)
        environment = around.environment(transport, place / "unused", settings or {})
        said: deque[str] = deque(maxlen=90)
        replicas = [
            Replica(name, _bot(name, environment, database.url, place, transport, said, launch))
            for name in (f"replica-{number}" for number in range(1, count + 1))
        ]
        balancer = None
        if transport == "http":
            balancer = await stack.enter_async_context(
                opened_balancer(lambda: [one.bot.port for one in replicas], http)
            )
            slack.events_url = f"{balancer.url}/slack/events"
        outside = OutsideServer(place, database=database)
        stack.callback(outside.close)
        fleet = Fleet(
            *(transport, place, slack, genesys, outside, Witness(outside), http, replicas[0].bot, said),
            server=server,
            replicas=replicas,
            balancer=balancer,
        )
        around.on_genesys_change.append(fleet.on_genesys_change)
        genesys.on_write(fleet.witness.on_write)
        stack.push_async_callback(fleet.kill)
        await fleet.start()
        yield fleet


def _bot(
    name: str,
    environment: dict[str, str],
    url: str,
    place: Path,
    transport: str,
    said: deque[str],
    launch: Callable[..., Awaitable[ChildProcess]],
) -> BotProcess:
    own = environment | {"DATABASE_URL": f"{url}&application_name={name}"}
    return BotProcess(
        own, place, 0, transport, lambda line: said.append(f"{name}: {line}"), lambda: None, launch=launch
    )
