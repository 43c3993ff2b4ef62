"""The facts that the storage stands on, each held by a test."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from uuid_utils.compat import uuid7

from bot.audit.entry import GENESIS_HASH, Draft, Phase, chain_hash, text_digest
from bot.database.engine import open_engines
from bot.database.migrate import upgrade, version
from bot.database.tables import metadata
from bot.errors import AuditUnavailable, DatabaseUnusable, MalformedId, RecordBotError
from bot.recording.models import RecordingState, Verb
from tests.support.service import CALL, Shop, asked, opened_shop
from tests.support.trail import entries, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.recording.ports import Transaction


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened_shop(tmp_path / "bot.db") as shop:
        yield shop


async def test_what_is_committed_is_on_disk(shop: Shop) -> None:
    async with shop.engines.writer.begin() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


async def test_readers_cannot_write(shop: Shop) -> None:
    async with shop.engines.reader.connect() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.exec_driver_sql("DELETE FROM names")


async def test_the_migrations_make_exactly_the_tables_of_the_code(shop: Shop) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with shop.engines.reader.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_again_changes_nothing(shop: Shop) -> None:
    first = await version(shop.engines)
    assert await upgrade(shop.engines) == first
    assert first.current == first.newest


def write_as_outsider(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_entries SET actor = 'slack:T:U0EVIL' WHERE seq = 1",
        "DELETE FROM audit_entries WHERE seq = 2",
        "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 1",
        "REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 2",
        (
            "INSERT INTO audit_entries SELECT 9, 'x', attempt_id, occurred_at, phase, action, actor, conversation_id, "
            "participant_id, recording_id, reason_code, reason_digest, origin, outcome, previous_hash, 'y' "
            "FROM audit_entries WHERE seq = 1"
        ),
    ],
)
async def test_entries_are_only_added(shop: Shop, attack: str) -> None:
    for _ in range(2):
        with pytest.raises(MalformedId):
            await shop.service.intake.start(asked(), "no id", None)
    before = entries(shop.file)
    with pytest.raises(sqlite3.IntegrityError, match="audit entr"):
        write_as_outsider(shop.file, attack)
    assert entries(shop.file) == before


@pytest.mark.parametrize(
    "tampering",
    [
        "DROP TRIGGER audit_entries_no_update",
        "DROP TRIGGER audit_entries_no_delete",
        "DROP TRIGGER audit_entries_next_only",
        "DROP INDEX uq_recordings_live_conversation",
    ],
)
async def test_a_database_without_its_guards_is_refused(shop: Shop, tampering: str) -> None:
    write_as_outsider(shop.file, tampering)
    with pytest.raises(DatabaseUnusable, match=tampering.rsplit(maxsplit=1)[-1]):
        await upgrade(shop.engines)


async def test_a_weakened_guard_is_refused(shop: Shop) -> None:
    write_as_outsider(shop.file, "DROP TRIGGER audit_entries_no_update")
    write_as_outsider(
        shop.file, "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries WHEN 0 BEGIN SELECT 1; END"
    )
    with pytest.raises(DatabaseUnusable, match="audit_entries_no_update"):
        await upgrade(shop.engines)


async def test_the_chain_ties_each_entry_to_the_one_before(shop: Shop) -> None:
    for _ in range(3):
        await shop.service.carry_out(await shop.service.intake.start(asked(), CALL, "because"))
        await shop.service.carry_out(await shop.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
    previous = GENESIS_HASH
    for row in entries(shop.file):
        hashed = {key: value for key, value in row.items() if key not in {"previous_hash", "hash"}}
        assert row["previous_hash"] == previous
        assert row["hash"] == chain_hash(previous, hashed)
        previous = row["hash"]


async def test_a_digest_can_be_checked_with_its_salt(shop: Shop) -> None:
    await shop.service.intake.start(asked(), CALL, "because")
    (kept,) = rows(shop.file, "SELECT text, salt FROM typed_texts")
    assert entries(shop.file)[0]["reason_digest"] == text_digest(kept["salt"], kept["text"])


async def test_writers_queue_and_lose_nothing(shop: Shop) -> None:
    async def append(transaction: Transaction) -> None:
        await transaction.append(_draft(shop))

    await asyncio.gather(*(shop.store.write(append) for _ in range(200)))
    assert [row["seq"] for row in entries(shop.file)] == list(range(1, 201))


async def test_a_failed_transaction_leaves_nothing(shop: Shop) -> None:
    async def append_and_break(transaction: Transaction) -> None:
        await transaction.append(_draft(shop))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await shop.store.write(append_and_break)
    assert entries(shop.file) == []


async def test_a_write_goes_on_when_its_caller_is_cancelled(shop: Shop) -> None:
    entered = asyncio.Event()

    async def append(transaction: Transaction) -> None:
        entered.set()
        await transaction.append(_draft(shop))

    caller = asyncio.ensure_future(shop.store.write(append))
    await entered.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await shop.store.settled()
    assert len(entries(shop.file)) == 1


async def test_one_live_recording_a_conversation_whatever_the_code_does(shop: Shop) -> None:
    accepted = await shop.service.intake.start(asked(), CALL, None)
    async with shop.engines.writer.begin() as connection:
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await connection.execute(
                text(
                    "INSERT INTO recordings (id, conversation_id, state, version, started_by, requested_at, adopted, "
                    "in_doubt, audit_seq, requested_seq) SELECT 'other', conversation_id, 'active', 1, started_by, "
                    "requested_at, 0, 0, 1, 1 FROM recordings"
                )
            )
    assert accepted.recording.state is RecordingState.STARTING


async def test_a_locked_database_refuses_and_recovers(shop: Shop) -> None:
    async with shop.engines.writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout=20")
    with closing(sqlite3.connect(shop.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditUnavailable) as caught:
            await shop.service.intake.start(asked(), CALL, None)
        assert "locked" in caught.value.cause
        assert shop.store.last_problem is not None
        other.execute("ROLLBACK")
    assert shop.control.calls == []
    await shop.service.intake.start(asked(), CALL, None)
    assert shop.store.last_problem is None


async def test_a_full_disk_refuses_and_recovers(shop: Shop) -> None:
    async with shop.engines.writer.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    kinds = [await _refusal(shop) for _ in range(100)]
    assert kinds[-1] == "audit_unavailable"
    written = len(entries(shop.file))
    async with shop.engines.writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=100000")
    await shop.service.intake.start(asked(), CALL, None)
    assert len(entries(shop.file)) == written + 1


async def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path}/nowhere/bot.db")
    with pytest.raises(DatabaseUnusable, match="unable to open database file"):
        await upgrade(engines)
    await engines.close()


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    file.write_text("this is not a database, but it is long enough to be looked at as one" * 20)
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(DatabaseUnusable, match="not a database"):
        await upgrade(engines)
    await engines.close()


def test_another_kind_of_database_is_said_so() -> None:
    with pytest.raises(DatabaseUnusable, match="SQLite"):
        open_engines("mysql://localhost/x")


async def _refusal(shop: Shop) -> str:
    try:
        await shop.service.intake.start(asked(), "no id", "x" * 2000)
    except RecordBotError as error:
        return error.kind
    return "accepted"


def _draft(shop: Shop) -> Draft:
    return Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=shop.clock.now(),
        phase=Phase.OBSERVED,
        action="bot:start",
        actor="bot",
    )
