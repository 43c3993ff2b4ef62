"""A replica whose write failed says that it isn't ready, gets no requests, and has to find out by itself when it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import event

from bot.database.engine import open_engines
from bot.database.postgresql.engine import WRITE_LOCK
from bot.database.store import SqlStore
from bot.errors import AuditUnavailable
from tests.support.databases.writer import write_sql
from tests.support.recording.service import open_harness

if TYPE_CHECKING:
    from pathlib import Path

    from bot.database.transaction import SqlTransaction
    from tests.support.databases.postgres import PostgresDatabase


def nothing(_transaction: SqlTransaction) -> None:
    """Write nothing; the transaction takes the write lock all the same."""


async def test_a_failed_write_is_tried_again_until_one_works(postgres_database: PostgresDatabase) -> None:
    engines = open_engines(postgres_database.url)

    @event.listens_for(engines.writer.engine, "connect")
    def _impatient(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("SELECT set_config('lock_timeout', '50ms', false)")
        cursor.close()
        connection.commit()  # type: ignore[attr-defined]  # a rollback would take it back

    store = SqlStore(engines, retry_seconds=0)
    with postgres_database.server.connected(postgres_database.name) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (WRITE_LOCK,))
        with pytest.raises(AuditUnavailable):
            await store.write(nothing)
        await store.try_again()
        assert "lock timeout" in (store.last_problem or "")
    await store.try_again()
    assert not store.last_problem
    await engines.close()


async def test_a_file_that_takes_writes_again_is_noticed_without_a_request(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        await write_sql(harness.engines, "PRAGMA busy_timeout=20")
        with closing(sqlite3.connect(tmp_path / "bot.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            harness.store.retry_seconds = 0
            with pytest.raises(AuditUnavailable):
                await harness.store.write(nothing)
            await harness.store.try_again()
            assert "locked" in (harness.store.last_problem or "")
            other.execute("ROLLBACK")
        await harness.store.try_again()
        assert not harness.store.last_problem


async def test_a_file_that_takes_none_is_not_taken_for_well(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        await write_sql(harness.engines, "PRAGMA query_only=ON")
        with pytest.raises(AuditUnavailable):
            await harness.store.show_again(uuid4())
        await harness.store.try_again()
        assert harness.store.last_problem
