"""A replica whose write failed says that it isn't ready, gets no requests, and has to find out by itself when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from bot.database.engine import open_engines
from bot.database.postgresql import WRITE_LOCK
from bot.database.store import SqlStore
from bot.errors import AuditUnavailable

if TYPE_CHECKING:
    from bot.database.transaction import SqlTransaction
    from tests.support.postgres import PostgresDatabase


async def nothing(_transaction: SqlTransaction) -> None:
    """Write nothing; the transaction takes the write lock all the same."""


async def test_a_failed_write_is_tried_again_until_one_works(postgres_database: PostgresDatabase) -> None:
    engines = open_engines(postgres_database.url)

    @event.listens_for(engines.writer.sync_engine, "connect")
    def _impatient(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("SELECT set_config('lock_timeout', '50ms', false)")
        cursor.close()

    store = SqlStore(engines)
    with postgres_database.server.connected(postgres_database.name) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (WRITE_LOCK,))
        with pytest.raises(AuditUnavailable):
            await store.write(nothing)
        await store.try_again()
        assert "lock timeout" in (store.last_problem or "")
    await store.try_again()
    assert not store.last_problem
    await engines.close()
