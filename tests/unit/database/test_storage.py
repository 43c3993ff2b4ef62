"""The facts that the storage stands on, each held by a test, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from uuid_utils.compat import uuid7

from bot.audit.entry import GENESIS_HASH, Draft, Phase, chain_hash, text_digest
from bot.database.engine import open_engines
from bot.database.migrate import upgrade, version
from bot.database.schema.tables import metadata
from bot.errors import AuditUnavailable, DatabaseUnusable
from bot.recording.models import RecordingState, Verb
from bot.recording.ports import StaleRecordingError
from tests.support.databases.trail import entries, rows
from tests.support.databases.writer import write_sql
from tests.support.recording.service import CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from bot.recording.ports import Transaction
    from tests.support.databases.postgres import Database


NAMELESS = "INSERT INTO names (kind, id) VALUES ('user', :id)"


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def test_readers_cannot_write(harness: Harness) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        await harness.engines.read(lambda connection: connection.exec_driver_sql("DELETE FROM names"))
    async with harness.engines.reader.connect() as connection:
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            await connection.exec_driver_sql("DELETE FROM names")


async def test_a_recording_that_has_changed_since_it_was_read_is_not_overwritten(harness: Harness) -> None:
    first = (await harness.service.intake.start(asked(), CALL, None)).recording
    changed = await harness.store.write(lambda transaction: transaction.save(first.doubted(), was=first))
    assert changed == replace(first, in_doubt=True, version=first.version + 1)

    with pytest.raises(StaleRecordingError):
        await harness.store.write(
            lambda transaction: transaction.save(first.failed("rejected", harness.clock.now()), was=first)
        )
    assert await harness.store.recording(first.id) == changed


async def test_what_people_typed_is_in_no_error_and_so_in_no_log(harness: Harness) -> None:
    typed = {"kind": "user", "id": "Mrs Miller"}
    with pytest.raises(DBAPIError) as failed:
        await harness.engines.execute(text("INSERT INTO names (kind, id) VALUES (:kind, :id)"), typed)
    assert "Mrs Miller" not in str(failed.value).partition("[SQL")[2]
    wrong = text("SELECT * FROM no_table WHERE kind = :kind AND id = :id")
    with pytest.raises(DBAPIError) as failed:
        await harness.engines.read(lambda connection: connection.execute(wrong, typed))
    assert "Mrs Miller" not in str(failed.value).partition("[SQL")[2]
    async with harness.engines.reader.connect() as connection:
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(wrong, typed)
    assert "Mrs Miller" not in str(failed.value).partition("[SQL")[2]
    with pytest.raises(AuditUnavailable) as refused:
        await harness.store.write(
            lambda transaction: transaction.connection.execute(text(NAMELESS), {"id": "Mrs Miller"})
        )
    assert "Mrs Miller" not in refused.value.cause
    assert "Mrs Miller" not in (harness.store.last_problem or "")


async def test_the_migrations_make_exactly_the_tables_of_the_code(harness: Harness) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert await harness.engines.read(differences) == []


async def test_upgrading_again_changes_nothing(harness: Harness) -> None:
    first = await version(harness.engines)
    assert await upgrade(harness.engines) == first
    assert first.current == first.newest


async def test_an_older_bot_leaves_a_newer_database_alone(harness: Harness) -> None:
    await write_sql(harness.engines, "UPDATE alembic_version SET version_num = '9999'")
    for looking in (upgrade, version):
        with pytest.raises(
            DatabaseUnusable, match=r"at 9999, which is newer than this version .* Run the newer version"
        ):
            await looking(harness.engines)


async def test_the_chain_ties_each_entry_to_the_one_before(harness: Harness) -> None:
    for _ in range(3):
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, "because"))
        await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    previous = GENESIS_HASH
    for row in entries(harness.file):
        hashed = {key: value for key, value in row.items() if key not in {"previous_hash", "hash"}}
        assert row["previous_hash"] == previous
        assert row["hash"] == chain_hash(previous, hashed)
        previous = row["hash"]


async def test_a_digest_can_be_checked_with_its_salt(harness: Harness) -> None:
    await harness.service.intake.start(asked(), CALL, "because")
    (kept,) = rows(harness.file, "SELECT text, salt FROM typed_texts")
    assert entries(harness.file)[0]["reason_digest"] == text_digest(kept["salt"], kept["text"])


async def test_writers_queue_and_lose_nothing(harness: Harness) -> None:
    def append(transaction: Transaction) -> None:
        transaction.append(_draft(harness))

    await asyncio.gather(*(harness.store.write(append) for _ in range(200)))
    assert [row["seq"] for row in entries(harness.file)] == list(range(1, 201))


async def test_a_failed_transaction_leaves_nothing(harness: Harness) -> None:
    def append_and_break(transaction: Transaction) -> None:
        transaction.append(_draft(harness))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await harness.store.write(append_and_break)
    assert entries(harness.file) == []


async def test_a_write_goes_on_when_its_caller_is_cancelled(harness: Harness) -> None:
    entered, loop = asyncio.Event(), asyncio.get_running_loop()

    def append(transaction: Transaction) -> None:
        loop.call_soon_threadsafe(entered.set)
        transaction.append(_draft(harness))

    caller = asyncio.ensure_future(harness.store.write(append))
    await entered.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await harness.store.settled()
    assert len(entries(harness.file)) == 1


async def test_one_live_recording_a_conversation_whatever_the_code_does(harness: Harness) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        await harness.engines.execute(
            text(
                "INSERT INTO recordings (id, conversation_id, state, version, started_by, requested_at, adopted, "
                "in_doubt, audit_seq, requested_seq) SELECT 'other', conversation_id, 'active', 1, started_by, "
                "requested_at, 0, 0, 1, 1 FROM recordings"
            )
        )
    assert accepted.recording.state is RecordingState.STARTING


def test_another_kind_of_database_is_said_so() -> None:
    with pytest.raises(DatabaseUnusable, match="SQLite"):
        open_engines("mysql://localhost/x")


def _draft(harness: Harness) -> Draft:
    return Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=harness.clock.now(),
        phase=Phase.OBSERVED,
        action="bot:start",
        actor="bot",
    )
