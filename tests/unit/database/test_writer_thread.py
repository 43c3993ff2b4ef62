"""Write transactions run whole, one after another, in one thread; readers see whole states."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.database.engine import open_engines
from tests.support.databases.writer import open_transaction, write_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.database.engine import Engines

MANY = 10
LEAST = "SELECT min(value) FROM numbers"
WHO: ContextVar[str] = ContextVar("who")


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[Engines]:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path / 'some file.db'}", queue_seconds=20)
    await write_sql(engines, "CREATE TABLE numbers (value INTEGER PRIMARY KEY)")
    await engines.execute(text("INSERT INTO numbers VALUES (:value)"), [{"value": value} for value in range(MANY)])
    yield engines
    await engines.close()


async def least(engines: Engines) -> int:
    return await engines.read(lambda connection: int(connection.execute(text(LEAST)).scalar_one()))


async def test_all_reads_of_one_connection_see_the_same_state(engines: Engines) -> None:
    async with engines.reader.connect() as connection:
        assert (await connection.execute(text(LEAST))).scalar_one() == 0
        await write_sql(engines, "DELETE FROM numbers")
        assert (await connection.execute(text(LEAST))).scalar_one() == 0


async def test_what_fails_leaves_the_connection_usable(engines: Engines) -> None:
    again = "INSERT INTO numbers VALUES (1)"
    with pytest.raises(IntegrityError):
        await write_sql(engines, again)
    await write_sql(engines, "DELETE FROM numbers WHERE value = 1")
    await write_sql(engines, again)


def replacing_the_first(threads: set[int]) -> Callable[[Connection], int]:
    def replace(connection: Connection) -> int:
        for number in range(3):
            threads.add(threading.get_ident())
            connection.execute(text("UPDATE numbers SET value = -1 - value WHERE value = :value"), {"value": number})
        return int(connection.execute(text("SELECT count(*) FROM numbers WHERE value < 0")).scalar_one())

    return replace


async def test_all_transactions_run_in_one_thread_and_not_in_the_loops(engines: Engines) -> None:
    threads = set[int]()
    assert await engines.writer.transaction(replacing_the_first(threads)) == 3
    await engines.writer.transaction(replacing_the_first(threads))
    assert len(threads) == 1
    assert threads.isdisjoint({threading.get_ident()})
    assert await least(engines) == -3


async def test_what_fails_is_rolled_back(engines: Engines) -> None:
    def break_off(connection: Connection) -> None:
        replacing_the_first(set())(connection)
        connection.execute(text("INSERT INTO numbers VALUES (7)"))

    with pytest.raises(IntegrityError):
        await engines.writer.transaction(break_off)
    assert await least(engines) == 0


async def test_what_would_have_to_be_awaited_is_refused_and_rolled_back(engines: Engines) -> None:
    async def wait() -> None:
        await asyncio.sleep(0)

    def dawdle(connection: Connection) -> object:
        replacing_the_first(set())(connection)
        return wait()

    with pytest.raises(TypeError, match="can't wait"):
        await engines.writer.transaction(dawdle)
    assert await least(engines) == 0


async def test_a_transaction_has_the_context_of_its_caller(engines: Engines) -> None:
    WHO.set("Ada")
    assert await engines.writer.transaction(lambda _connection: WHO.get()) == "Ada"


async def test_an_empty_transaction_and_a_failed_read_leave_no_transaction_open(
    engines: Engines, tmp_path: Path
) -> None:
    async with engines.reader.connect() as connection:
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT * FROM nowhere"))
    await engines.writer.transaction(lambda _connection: None)
    with closing(sqlite3.connect(tmp_path / "some file.db", isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


class Paused:
    """A transaction that stands still in its middle until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, connection: Connection) -> None:
        connection.execute(text("UPDATE numbers SET value = -1 WHERE value = 0"))
        self.begun.set()
        self.go_on.wait(20)
        connection.execute(text("UPDATE numbers SET value = -2 WHERE value = 1"))


async def test_a_transaction_whose_caller_is_cancelled_ends_whole_before_the_caller_goes_on(engines: Engines) -> None:
    paused = Paused()
    writing = asyncio.ensure_future(engines.writer.transaction(paused))
    await asyncio.to_thread(paused.begun.wait, 20)
    for _ in range(20):  # once or often, as a process ends in a hurry
        writing.cancel()
        await asyncio.sleep(0)
    assert not writing.done()
    paused.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await least(engines) == -2


async def test_a_transaction_that_fails_after_its_caller_was_cancelled_leaves_nothing(engines: Engines) -> None:
    paused = Paused()

    def fail(connection: Connection) -> None:
        paused(connection)
        connection.execute(text("INSERT INTO numbers VALUES (7)"))

    writing = asyncio.ensure_future(engines.writer.transaction(fail))
    await asyncio.to_thread(paused.begun.wait, 20)
    writing.cancel()
    paused.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await least(engines) == 0


async def test_a_transaction_whose_caller_is_cancelled_before_its_turn_never_runs(engines: Engines) -> None:
    async with open_transaction(engines):
        writing = asyncio.ensure_future(engines.writer.transaction(replacing_the_first(set())))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await engines.writer.transaction(lambda _connection: None)
    assert await least(engines) == 0


async def test_a_transaction_whose_turn_does_not_come_in_time_never_runs(tmp_path: Path, engines: Engines) -> None:
    impatient = open_engines(f"sqlite+aiosqlite:///{tmp_path / 'some file.db'}", queue_seconds=0.01)
    async with open_transaction(impatient):
        with pytest.raises(PoolTimeout):
            await impatient.writer.transaction(replacing_the_first(set()))
    await impatient.close()
    assert await least(engines) == 0


async def test_what_cannot_begin_is_never_written_without_a_transaction(engines: Engines, tmp_path: Path) -> None:
    await write_sql(engines, "PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(tmp_path / "some file.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await engines.writer.transaction(replacing_the_first(set()))
        other.execute("ROLLBACK")
    assert await least(engines) == 0


async def test_what_was_asked_for_before_the_end_is_written(tmp_path: Path, engines: Engines) -> None:
    closing_soon = open_engines(f"sqlite+aiosqlite:///{tmp_path / 'some file.db'}")
    async with open_transaction(closing_soon):
        writing = asyncio.ensure_future(closing_soon.writer.transaction(replacing_the_first(set())))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(closing_soon.close())
    assert await writing == 3
    await ending
    assert await least(engines) == -3


class Insert:
    """A repeatable transaction that counts its runs."""

    def __init__(self, value: int) -> None:
        self.value, self.runs = value, 0

    def __call__(self, connection: Connection) -> int:
        self.runs += 1
        connection.execute(text("INSERT INTO numbers VALUES (:value)"), {"value": self.value})
        return self.value


async def asked_for_at_once(engines: Engines, *works: Callable[[Connection], Any]) -> list[Any]:
    """Have them all wait for their turn; return what each returned or raised."""
    async with open_transaction(engines):
        writing = [asyncio.ensure_future(engines.writer.transaction(work, repeatable=True)) for work in works]
        await asyncio.sleep(0)
    return await asyncio.gather(*writing, return_exceptions=True)


async def numbers(engines: Engines) -> set[int]:
    statement = text("SELECT value FROM numbers WHERE value >= 10")
    return await engines.read(lambda connection: set(connection.execute(statement).scalars()))


def commits_of(engines: Engines) -> list[object]:
    commits: list[object] = []
    event.listen(engines.writer.engine, "commit", commits.append)
    return commits


async def test_transactions_that_wait_for_their_turn_share_a_commit(engines: Engines) -> None:
    commits = commits_of(engines)
    assert await asked_for_at_once(engines, *map(Insert, (20, 21, 22))) == [20, 21, 22]
    assert await numbers(engines) == {20, 21, 22}
    assert len(commits) == 2  # that of the one they waited for, and theirs


async def test_one_that_may_run_only_once_shares_its_commit_with_nobody(engines: Engines) -> None:
    commits = commits_of(engines)
    async with open_transaction(engines):
        writing = [
            asyncio.ensure_future(engines.writer.transaction(Insert(value), repeatable=value != 21))
            for value in (20, 21, 22)
        ]
        await asyncio.sleep(0)
    assert await asyncio.gather(*writing) == [20, 21, 22]
    assert len(commits) == 4


async def test_one_of_them_that_fails_is_rolled_back_alone(engines: Engines) -> None:
    works = Insert(20), Insert(1), Insert(22)
    first, failed, last = await asked_for_at_once(engines, *works)
    assert (first, last) == (20, 22)
    assert isinstance(failed, IntegrityError)
    assert await numbers(engines) == {20, 22}
    assert [work.runs for work in works] == [2, 2, 1]  # together, and each alone


async def test_one_of_them_whose_caller_has_gone_never_runs(engines: Engines) -> None:
    works = Insert(20), Insert(21)
    async with open_transaction(engines):
        staying, leaving = (asyncio.ensure_future(engines.writer.transaction(one, repeatable=True)) for one in works)
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert await staying == 20
    assert works[1].runs == 0
    assert await numbers(engines) == {20}


async def test_a_commit_that_fails_is_told_to_all_who_share_it(engines: Engines) -> None:
    def refuse(_connection: Connection) -> None:
        raise OSError("no space left on the disk")

    def then_refuse(connection: Connection) -> int:
        event.listen(engines.writer.engine, "commit", refuse)
        return Insert(21)(connection)

    before = engines.writer.ended
    outcomes = await asked_for_at_once(engines, Insert(20), then_refuse, Insert(22))
    event.remove(engines.writer.engine, "commit", refuse)
    assert [type(one) for one in outcomes] == [OSError] * 3
    assert await numbers(engines) == set()
    assert engines.writer.ended == before + 4
    assert await engines.writer.transaction(Insert(23)) == 23
    assert await numbers(engines) == {23}


async def test_where_they_cannot_begin_all_are_told_at_once(engines: Engines) -> None:
    begun: list[Connection] = []

    def refuse(connection: Connection) -> None:
        begun.append(connection)
        raise OSError("locked")

    works = Insert(20), Insert(21), Insert(22)
    async with open_transaction(engines):
        writing = [asyncio.ensure_future(engines.writer.transaction(one, repeatable=True)) for one in works]
        await asyncio.sleep(0)
        event.listen(engines.writer.engine, "begin", refuse)
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    event.remove(engines.writer.engine, "begin", refuse)
    assert [type(one) for one in outcomes] == [OSError] * 3
    assert len(begun) == 1  # and not once more for each, with a wait of its own
    assert [one.runs for one in works] == [0, 0, 0]
    assert await engines.writer.transaction(Insert(23)) == 23
