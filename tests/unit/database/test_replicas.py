"""Several processes on one PostgreSQL database: one leads, and what a dead one left is taken over."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bot.database import replicas as module
from bot.database.engine import open_engines
from bot.database.replicas import PostgresReplicas, Replicas, replicas_of
from bot.database.store import SqlStore
from bot.recording.models import RecordingState
from bot.recording.monitoring.reconciler import Reconciler
from bot.recording.requests import PendingAction
from tests.support.databases.trail import trail_lines
from tests.support.recording.service import CALL, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.databases.postgres import PostgresDatabase

LIMIT = 120.0
SILENT = 600
"""Seconds of the server's clock, so many that nobody is silent because the machine stood still."""
HOLD = f"""
import asyncio, sys
from bot.database import replicas as module
from bot.database.engine import open_engines
from bot.database.replicas import replicas_of
from bot.database.store import SqlStore

module.SILENT_SECONDS = {SILENT}

async def main():
    engines = open_engines(sys.argv[1])
    replicas = replicas_of("serve:other", engines, SqlStore(engines))
    async with replicas.joined():
        print("leading" if replicas.leading else "waiting", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass
class Work:
    """A loop that tells when it runs."""

    running: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    starts: int = 0

    async def run(self) -> None:
        self.starts += 1
        self.ended.clear()
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.running.clear()
            self.ended.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(module, "SILENT_SECONDS", SILENT)


@asynccontextmanager
async def replica(
    database: PostgresDatabase, owner: str = "serve:1", grace: float = 0
) -> AsyncIterator[PostgresReplicas]:
    engines = open_engines(database.url)
    found = PostgresReplicas(owner, engines, SqlStore(engines), grace)
    try:
        async with found.joined():
            yield found
    finally:
        await engines.close()


@asynccontextmanager
async def other_process(database: PostgresDatabase, says: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, database.url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT):
            assert (await process.stdout.readline()).decode().strip() == says
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.sleep(0)


async def until(so: Callable[[], Any]) -> None:
    async with asyncio.timeout(LIMIT):
        while not so():  # noqa: ASYNC110  what is waited for happens in the server
            await asyncio.sleep(0.02)


def backends(database: PostgresDatabase, kind: str = "LEADER") -> list[int]:
    """Return the processes of the server that hold a lock of this kind."""
    key = getattr(module, kind)
    return [row["pid"] for row in database.rows(f"SELECT pid FROM pg_locks WHERE classid = {key} AND granted")]  # noqa: S608  ours


async def test_on_sqlite_there_is_one_process_and_it_leads(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    alone = replicas_of("serve:1", engines, SqlStore(engines))
    work = Work()
    assert (type(alone), alone.leading, alone.several) == (Replicas, True, False)
    async with alone.joined(), asyncio.timeout(LIMIT):
        await alone.confirm()
        leading = asyncio.ensure_future(alone.lead([work.run, work.run]))
        await work.running.wait()
        assert await alone.absent(frozenset({"serve:1", "serve:0", "cli:1"})) == {"serve:0"}
        leading.cancel()
        await work.ended.wait()
    await engines.close()


async def test_one_leads_and_the_other_takes_over_when_it_goes(postgres_database: PostgresDatabase) -> None:
    first_work, second_work = Work(), Work()
    # The second one joins first here, so it is the one that leads.
    async with (
        asyncio.timeout(LIMIT),
        replica(postgres_database, "serve:2") as second,
        replica(postgres_database, "serve:1") as first,
    ):
        assert (second.leading, first.leading) == (True, False)
        tasks = [
            asyncio.ensure_future(one.lead([work.run])) for one, work in ((first, first_work), (second, second_work))
        ]
        await second_work.running.wait()
        assert not first_work.running.is_set()
        for backend in backends(postgres_database):
            postgres_database.attack(f"SELECT pg_terminate_backend({backend}, 5000)")
        await until(lambda: first_work.starts + second_work.starts >= 2)
        # The old one may go on for a moment; before each post it asks whether it still leads (``confirm``).
        await until(lambda: first_work.running.is_set() != second_work.running.is_set())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_the_loops_end_when_the_session_is_lost_and_begin_anew(postgres_database: PostgresDatabase) -> None:
    work = Work()
    async with asyncio.timeout(LIMIT), replica(postgres_database) as alone:
        task = asyncio.ensure_future(alone.lead([work.run]))
        await work.running.wait()
        (backend,) = backends(postgres_database)
        postgres_database.attack(f"SELECT pg_terminate_backend({backend}, 5000)")
        await until(lambda: work.starts == 2 and work.running.is_set())
        assert backends(postgres_database) != [backend]
        task.cancel()
        await asyncio.wait([task])


async def test_what_nobody_foresaw_is_a_lost_session_and_no_more(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(LIMIT), replica(postgres_database) as alone:
        (backend,) = backends(postgres_database, "NAMES")
        look, left = alone._see_who_lives, [True]

        async def see() -> None:
            if left:
                left.clear()
                raise RuntimeError
            await look()

        monkeypatch.setattr(alone, "_see_who_lives", see)
        await until(lambda: not left and alone.leading and backends(postgres_database, "NAMES") not in ([], [backend]))


async def test_a_step_waits_for_the_server_to_confirm(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 3600.0)
    async with asyncio.timeout(LIMIT), replica(postgres_database) as alone:
        await alone.confirm()
        (backend,) = backends(postgres_database)
        postgres_database.attack(f"SELECT pg_terminate_backend({backend}, 5000)")
        assert alone.leading  # it has not noticed yet
        step = asyncio.ensure_future(alone.confirm())
        await until(lambda: not alone.leading)
        assert not step.done()
        step.cancel()
        await asyncio.wait([step])


async def test_a_killed_process_is_followed_at_once(postgres_database: PostgresDatabase) -> None:
    async with other_process(postgres_database, "leading") as other, replica(postgres_database) as mine:
        assert not mine.leading
        assert await mine.absent(frozenset({"serve:other", "cli:1"})) == frozenset()
        other.kill()
        await until(lambda: mine.leading)
        assert await mine.absent(frozenset({"serve:other", "cli:1"})) == {"serve:other"}


async def test_a_process_that_stands_still_leads_no_longer(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 1)
    async with asyncio.timeout(LIMIT), replica(postgres_database, "serve:frozen") as frozen:
        monkeypatch.setattr(module, "BEAT_SECONDS", 3600.0)
        await until(lambda: not backends(postgres_database))
        async with replica(postgres_database, "serve:2") as next_one:
            assert next_one.leading
            step = asyncio.ensure_future(frozen.confirm())
            await until(lambda: not frozen.leading)
            assert not step.done()
            step.cancel()
            await asyncio.wait([step])


async def test_a_lock_that_is_free_for_a_moment_means_nothing(postgres_database: PostgresDatabase) -> None:
    async with replica(postgres_database, grace=3600) as mine:
        assert await mine.absent(frozenset({"serve:gone"})) == frozenset()
        assert await mine.absent(frozenset({"serve:gone"})) == frozenset()


async def test_what_another_one_writes_wakes_the_publishers(postgres_database: PostgresDatabase) -> None:
    async with asyncio.timeout(LIMIT), replica(postgres_database) as mine:
        changes = mine.store.changes()
        async with open_harness(postgres_database, owner="serve:2") as other:
            while not changes.is_set():  # until it listens
                await other.service.intake.read(asked(), CALL)
                await asyncio.sleep(0.02)


async def test_what_a_dead_replica_left_is_settled_by_another(postgres_database: PostgresDatabase) -> None:
    async with open_harness(postgres_database, owner="serve:dead") as dead:
        async with replica(postgres_database, "serve:dead"):
            accepted = await dead.service.intake.start(asked(), CALL, None)
            assert isinstance(accepted, PendingAction)
            async with replica(postgres_database, "serve:2") as living, open_harness(postgres_database) as harness:
                reconciler = Reconciler(harness.service, harness.clock, "serve:2", living)
                await reconciler.settle_all()
                assert trail_lines(postgres_database) == ["requested recording:start"]  # its owner lives
        async with replica(postgres_database, "serve:2") as living, open_harness(postgres_database) as harness:
            reconciler = Reconciler(harness.service, harness.clock, "serve:2", living)
            await reconciler.settle_all()
            settled = await harness.store.newest_recording(CALL)
            assert settled is not None
            assert settled.state is RecordingState.FAILED
        late = await dead.service.carry_out(accepted)
        assert late.recording.state is RecordingState.FAILED
    assert trail_lines(postgres_database) == ["requested recording:start", "observed recording:start"]
