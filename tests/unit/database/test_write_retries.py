"""A transaction that the database ended, or that could not begin, is tried again; none is ever written twice."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database import store as store_module
from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.database.postgresql.engine import WRITE_LOCK
from bot.database.store import SqlStore
from bot.errors import AuditUnavailable, NothingToStop, TooManyRequests
from bot.recording.control.user_rate_limit import PersonalLimit
from bot.recording.models import Verb
from tests.support.clocks.fake_clock import BEGIN
from tests.support.databases.postgres import PostgresDatabase, url_of
from tests.support.databases.trail import entries, trail_lines
from tests.support.databases.writer import open_transaction, reconnect_writer, write_sql
from tests.support.recording.service import CALL, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.database.transaction import SqlTransaction
    from tests.support.databases.postgres import Database

IDLE_MS = 50


@pytest.fixture
async def harness(postgres_database: PostgresDatabase) -> AsyncIterator[Harness]:
    async with open_harness(postgres_database) as harness:
        yield harness


def draft() -> Draft:
    return Draft(
        id=uuid7(), attempt_id=uuid7(), occurred_at=BEGIN, phase=Phase.OBSERVED, action="bot:start", actor="bot"
    )


def on_writer(harness: Harness, statement: str) -> None:
    """Have each new connection that writes begin with this."""

    @event.listens_for(harness.engines.writer.engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()


class Writing:
    """A transaction with a hook in its middle, between two statements, in its first run."""

    def __init__(self, harness: Harness, hook: Callable[[int], None]) -> None:
        self.harness, self.hook, self.runs = harness, hook, 0

    def __call__(self, transaction: SqlTransaction) -> int:
        self.runs += 1
        entry = transaction.append(draft())
        if self.runs == 1:
            pid = transaction.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            self.hook(pid)
            transaction.connection.execute(text("SELECT 1"))
        return entry.seq


def ending_it(harness: Harness) -> Callable[[int], None]:
    """Have an administrator end the connection."""
    assert isinstance(harness.file, PostgresDatabase)
    database = harness.file

    def end(pid: int) -> None:
        with database.server.connected(database.name) as other:
            other.execute("SELECT pg_terminate_backend(%s, 60000)", (pid,))

    return end


def ended_once_after(harness: Harness, beginning: str, and_then: str | None = None) -> list[str]:
    """Have the server end the connection once, after a statement that begins so; return a list that is told of it."""
    ended: list[str] = []
    assert isinstance(harness.file, PostgresDatabase)
    database = harness.file

    @event.listens_for(harness.engines.writer.engine, "after_cursor_execute")
    def cut(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not ended and statement.startswith(beginning):
            ended.append(statement)
            ending_it(harness)(connection.connection.driver_connection.info.backend_pid)
            if and_then is not None:
                database.rows(and_then)

    return ended


def until_ended(harness: Harness) -> Callable[[int], None]:
    """Stand still until the server has ended the transaction."""
    assert isinstance(harness.file, PostgresDatabase)
    database = harness.file

    def stand_still(pid: int) -> None:
        with database.server.connected(database.name) as other:
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
                pass

    return stand_still


async def written_together(harness: Harness, *works: Callable[[SqlTransaction], int]) -> list[int | BaseException]:
    """Have writes wait for their turn, so that they share a transaction; return what each returned or raised."""
    async with open_transaction(harness.engines):
        writing = [asyncio.ensure_future(harness.store.write(work)) for work in works]
        for _ in range(10):
            await asyncio.sleep(0)
    return await asyncio.gather(*writing, return_exceptions=True)


def append(transaction: SqlTransaction) -> int:
    return transaction.append(draft()).seq


def append_and_fail(transaction: SqlTransaction) -> int:
    transaction.append(draft())
    transaction.connection.execute(text("INSERT INTO recordings (id) VALUES (NULL)"))
    return 0


async def test_a_write_that_fails_takes_none_of_those_with_it_that_share_its_transaction(harness: Harness) -> None:
    first, failed, last = await written_together(harness, append, append_and_fail, append)
    assert (first, last) == (1, 2)
    assert isinstance(failed, AuditUnavailable)
    assert [entry["seq"] for entry in entries(harness.file)] == [1, 2]


async def test_writes_whose_shared_transaction_the_server_ends_are_all_written_once(harness: Harness) -> None:
    ended = Writing(harness, ending_it(harness))
    assert await written_together(harness, append, ended, append) == [1, 2, 3]
    assert ended.runs == 2
    assert [entry["seq"] for entry in entries(harness.file)] == [1, 2, 3]


async def test_a_connection_that_is_ended_in_the_middle_costs_nothing(harness: Harness) -> None:
    told: list[None] = []
    harness.store.on_retry = lambda: told.append(None)
    work = Writing(harness, ending_it(harness))
    with capture_logs() as logs:
        assert await harness.store.write(work) == 1
    assert (work.runs, len(entries(harness.file)), len(told)) == (2, 1, 1)
    (line,) = logs
    assert (line["event"], line["log_level"], line["retry"]) == ("database_write_retried", "warning", 1)
    assert harness.store.last_problem is None


async def test_a_host_that_stood_still_in_the_middle_writes_all_the_same(harness: Harness) -> None:
    on_writer(harness, f"SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_MS}ms', false)")
    await reconnect_writer(harness.engines)  # the next connection is a new one
    work = Writing(harness, until_ended(harness))
    assert await harness.store.write(work) >= 1
    assert (work.runs >= 2, len(entries(harness.file))) == (True, 1)


async def test_a_stall_longer_than_all_patience_still_leaves_one_retry_to_what_nobody_waits_for(
    harness: Harness,
) -> None:
    harness.store.retry_seconds = 1e-9
    work = Writing(harness, ending_it(harness))
    assert await harness.store.write(work) == 1


async def test_nothing_is_tried_again_for_a_person_whose_time_is_up(harness: Harness) -> None:
    work = Writing(harness, ending_it(harness))
    with pytest.raises(AuditUnavailable):
        await harness.store.write(work, within=0)
    assert (work.runs, entries(harness.file)) == (1, [])
    assert harness.store.last_problem


async def test_a_supervisor_whose_transaction_the_server_ended_is_not_refused(harness: Harness) -> None:
    ended = ended_once_after(harness, "INSERT INTO audit_entries")
    await harness.service.intake.start(asked(), CALL, "because")
    assert ended
    assert trail_lines(harness.file) == ["requested recording:start"]


async def test_a_lock_that_is_free_a_moment_later_is_waited_for(harness: Harness) -> None:
    assert isinstance(harness.file, PostgresDatabase)
    on_writer(harness, "SELECT set_config('lock_timeout', '50ms', false)")
    await reconnect_writer(harness.engines)
    with harness.file.server.connected(harness.file.name) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (WRITE_LOCK,))

        def let_go() -> None:
            other.execute("SELECT pg_advisory_unlock_all()")

        harness.store.on_retry = let_go
        await harness.service.intake.start(asked(), CALL, None)
    assert trail_lines(harness.file) == ["requested recording:start"]


async def test_a_file_that_is_free_a_moment_later_is_waited_for(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        await write_sql(harness.engines, "PRAGMA busy_timeout=0")
        with closing(sqlite3.connect(tmp_path / "bot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            harness.store.on_retry = other.rollback
            await harness.service.intake.start(asked(), CALL, None)
        assert trail_lines(harness.file) == ["requested recording:start"]


async def test_who_waits_too_long_for_a_turn_waits_again(database: Database) -> None:
    engines = open_engines(url_of(database), queue_seconds=0.1)
    await upgrade(engines)
    store, tried = SqlStore(engines), asyncio.Event()
    store.on_retry = tried.set
    async with open_transaction(engines):
        writing = asyncio.ensure_future(store.write(lambda transaction: transaction.append(draft())))
        await tried.wait()
    assert (await writing).seq == 1
    await engines.close()


async def test_what_would_fail_again_is_not_tried_again(database: Database) -> None:
    runs: list[None] = []
    async with open_harness(database) as harness:
        twice = draft()

        def work(transaction: SqlTransaction) -> None:
            runs.append(None)
            transaction.append_many((twice, twice))

        with pytest.raises(AuditUnavailable) as caught:
            await harness.store.write(work)
        assert isinstance(caught.value.__cause__, IntegrityError)
        assert (len(runs), entries(harness.file)) == (1, [])


def losing_the_answer(harness: Harness) -> None:
    """Have the next commit take effect, and the connection end before the bot hears of it."""
    left = [True]

    @event.listens_for(harness.engines.writer.engine, "commit")
    def cut(connection: Any) -> None:
        if left:
            left.clear()
            session = connection.connection.dbapi_connection
            pid = session.info.backend_pid
            session.commit()
            ending_it(harness)(pid)
            with contextlib.suppress(psycopg.OperationalError):  # the driver learns of it by asking for something
                session.cursor().execute("SELECT 1")


async def test_a_commit_that_nobody_can_be_asked_about_is_not_repeated(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "ASK_TIMES", 0)
    losing_the_answer(harness)
    with pytest.raises(AuditUnavailable):
        await harness.service.intake.start(asked(), CALL, None)
    assert trail_lines(harness.file) == ["requested recording:start"]


async def test_a_commit_that_left_nothing_to_look_for_is_not_repeated(harness: Harness) -> None:
    runs: list[None] = []

    def work(transaction: SqlTransaction) -> None:
        runs.append(None)
        transaction.connection.execute(text("SELECT 1"))

    losing_the_answer(harness)
    with pytest.raises(AuditUnavailable):
        await harness.store.write(work)
    assert len(runs) == 1


async def test_a_refused_request_counts_once_however_often_its_transaction_runs(
    postgres_database: PostgresDatabase,
) -> None:
    refusals: list[None] = []
    async with open_harness(postgres_database, limit=PersonalLimit(1, lambda: refusals.append(None))) as harness:
        await harness.service.intake.start(asked(), CALL, None)
        with pytest.raises(TooManyRequests):  # this one has an entry
            await harness.service.intake.start(asked(), OTHER_CALL, None)
        ended = ended_once_after(harness, "INSERT INTO attempts")
        with pytest.raises(TooManyRequests):
            await harness.service.intake.start(asked(), OTHER_CALL, None)
        assert (len(ended), len(refusals)) == (1, 2)
        assert list(harness.service.intake.log.limit.unnoted.values()) == [1]


async def test_a_refusal_says_nothing_of_what_only_an_earlier_run_found(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    over = "UPDATE recordings SET state = 'ended', version = version + 1 RETURNING id"
    ended = ended_once_after(harness, "UPDATE recordings", and_then=over)
    with pytest.raises(NothingToStop):
        await harness.service.intake.change(Verb.STOP, asked())
    assert ended
    refused = entries(harness.file)[-1]
    assert refused["outcome"] == {"error": "nothing_to_stop"}
    assert (refused["conversation_id"], refused["recording_id"]) == (None, None)
