"""What holds on SQLite alone: its own settings, guards and faults."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.errors import AuditUnavailable, DatabaseUnusable, MalformedId, RecordBotError
from tests.support.databases.trail import entries
from tests.support.databases.writer import write_sql
from tests.support.recording.service import CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path / "bot.db") as harness:
        yield harness


async def test_what_is_committed_is_on_disk(harness: Harness) -> None:
    found = {
        name: await write_sql(harness.engines, f"PRAGMA {name}")
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def write_as_outsider(harness: Harness, statement: str) -> None:
    with closing(sqlite3.connect(str(harness.file))) as connection, connection:
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
async def test_entries_are_only_added(harness: Harness, attack: str) -> None:
    for _ in range(2):
        with pytest.raises(MalformedId):
            await harness.service.intake.start(asked(), "no id", None)
    before = entries(harness.file)
    with pytest.raises(sqlite3.IntegrityError, match="audit entr"):
        write_as_outsider(harness, attack)
    assert entries(harness.file) == before


@pytest.mark.parametrize(
    "tampering",
    [
        "DROP TRIGGER audit_entries_no_update",
        "DROP TRIGGER audit_entries_no_delete",
        "DROP TRIGGER audit_entries_next_only",
        "DROP INDEX uq_recordings_live_conversation",
    ],
)
async def test_a_database_without_its_guards_is_refused(harness: Harness, tampering: str) -> None:
    write_as_outsider(harness, tampering)
    with pytest.raises(DatabaseUnusable, match=tampering.rsplit(maxsplit=1)[-1]):
        await upgrade(harness.engines)


async def test_a_weakened_guard_is_refused(harness: Harness) -> None:
    write_as_outsider(harness, "DROP TRIGGER audit_entries_no_update")
    write_as_outsider(
        harness, "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries WHEN 0 BEGIN SELECT 1; END"
    )
    with pytest.raises(DatabaseUnusable, match="audit_entries_no_update"):
        await upgrade(harness.engines)


@pytest.mark.parametrize("table", ["audit_entries", "attempts", "recordings"])
async def test_a_trigger_that_could_swallow_what_is_written_is_refused(harness: Harness, table: str) -> None:
    write_as_outsider(harness, f"CREATE TRIGGER swallow BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(DatabaseUnusable, match="swallow"):
        await upgrade(harness.engines)


async def test_an_index_of_the_same_name_that_allows_two_live_recordings_is_refused(harness: Harness) -> None:
    write_as_outsider(harness, "DROP INDEX uq_recordings_live_conversation")
    write_as_outsider(harness, "CREATE INDEX uq_recordings_live_conversation ON recordings (conversation_id)")
    with pytest.raises(DatabaseUnusable, match="uq_recordings_live_conversation"):
        await upgrade(harness.engines)


async def test_a_locked_database_refuses_and_recovers(harness: Harness) -> None:
    await write_sql(harness.engines, "PRAGMA busy_timeout=20")
    harness.store.retry_seconds = 0  # test_write_retries.py has the case that the lock goes away in time
    with closing(sqlite3.connect(str(harness.file), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditUnavailable) as caught:
            await harness.service.intake.start(asked(), CALL, None)
        assert "locked" in caught.value.cause
        assert harness.store.last_problem is not None
        other.execute("ROLLBACK")
    assert harness.control.calls == []
    await harness.service.intake.start(asked(), CALL, None)
    assert harness.store.last_problem is None


async def test_a_full_disk_refuses_and_recovers(harness: Harness) -> None:
    pages = await write_sql(harness.engines, "PRAGMA page_count")
    await write_sql(harness.engines, f"PRAGMA max_page_count={pages}")
    kinds = [await _refusal(harness) for _ in range(100)]
    assert kinds[-1] == "audit_unavailable"
    written = len(entries(harness.file))
    await write_sql(harness.engines, "PRAGMA max_page_count=100000")
    await harness.service.intake.start(asked(), CALL, None)
    assert len(entries(harness.file)) == written + 1


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


async def _refusal(harness: Harness) -> str:
    try:
        await harness.service.intake.start(asked(), "no id", "x" * 2000)
    except RecordBotError as error:
        return error.kind
    return "accepted"
