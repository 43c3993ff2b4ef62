"""The database is deleted, replaced, or restored to an earlier state while a process serves on it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.errors import AuditUnavailable
from tests.support.databases.trail import entries
from tests.support.recording.service import CALL, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.databases.postgres import PostgresDatabase


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path / "bot.db") as harness:
        await harness.service.intake.start(asked(), CALL, None)
        yield harness


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def deleted(file: Path) -> None:
    file.rename(file.with_suffix(".away"))


def replaced_by_a_copy(file: Path) -> None:
    shutil.copy(file, file.with_suffix(".copy"))
    deleted(file)
    file.with_suffix(".copy").rename(file)


def replaced_by_an_empty_one(file: Path) -> None:
    deleted(file)
    file.touch()


def log_deleted(file: Path) -> None:
    log = file.with_name(f"{file.name}-wal")
    log.rename(log.with_suffix(".away"))


@pytest.mark.parametrize("attack", [deleted, replaced_by_a_copy, replaced_by_an_empty_one, log_deleted])
async def test_nothing_is_written_once_the_file_is_another_one(
    harness: Harness, tmp_path: Path, attack: Callable[[Path], None]
) -> None:
    attack(tmp_path / "bot.db")

    with pytest.raises(AuditUnavailable) as refused:
        await harness.service.intake.start(asked(), OTHER_CALL, None)

    assert refused.value.cause == AuditUnavailable.REPLACED
    assert "was running" in (harness.store.last_problem or "")
    assert not harness.control.calls


async def test_it_goes_on_when_the_file_is_put_back(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    deleted(file)
    with pytest.raises(AuditUnavailable):
        await harness.service.intake.start(asked(), OTHER_CALL, None)
    await harness.store.try_again()
    assert harness.store.last_problem

    file.with_suffix(".away").rename(file)

    await harness.store.try_again()
    assert not harness.store.last_problem
    await harness.service.intake.start(asked(), OTHER_CALL, None)
    assert len(entries(file)) == 2


async def test_a_file_that_goes_in_the_middle_of_a_transaction_takes_its_commit_with_it(
    harness: Harness, tmp_path: Path
) -> None:
    file = tmp_path / "bot.db"

    with pytest.raises(AuditUnavailable):
        await harness.store.write(lambda _transaction: deleted(file))


async def test_a_missing_file_is_not_created_again(harness: Harness, tmp_path: Path) -> None:
    threads = harness.engines.threads
    assert threads is not None
    deleted(tmp_path / "bot.db")
    for _ in range(2):
        with pytest.raises(AuditUnavailable):
            await harness.service.intake.start(asked(), OTHER_CALL, None)
        threads.engine.dispose()
        with pytest.raises(Exception, match="deleted"):
            await harness.store.head()

    assert not (tmp_path / "bot.db").exists()


async def test_a_backup_restored_into_the_open_file_is_noticed(harness: Harness, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(tmp_path / "bot.db")) as live, closing(sqlite3.connect(backup)) as copy:
        live.backup(copy)
    await harness.service.intake.start(asked(), OTHER_CALL, None)
    with closing(sqlite3.connect(tmp_path / "bot.db")) as live, closing(sqlite3.connect(backup)) as copy:
        copy.backup(live)

    with pytest.raises(AuditUnavailable) as refused:
        await harness.service.intake.start(asked(), OTHER_CALL, None)
    assert refused.value.cause == AuditUnavailable.REPLACED


async def restore_an_earlier_state(database: PostgresDatabase, keep: int) -> None:
    """Do what a restore does under a running bot: the newest entries were never written."""
    with database.server.connected(database.name) as administrator:
        administrator.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        administrator.execute("DELETE FROM attempts")
        administrator.execute("DELETE FROM cards")
        administrator.execute("DELETE FROM recordings WHERE requested_seq > %s", (keep,))
        administrator.execute("DELETE FROM audit_entries WHERE seq > %s", (keep,))


async def test_a_restore_under_a_running_bot_is_noticed_on_postgresql(postgres_database: PostgresDatabase) -> None:
    async with open_harness(postgres_database) as harness:
        for call in (CALL, OTHER_CALL):
            await harness.service.intake.start(asked(), call, None)
        await restore_an_earlier_state(postgres_database, keep=1)

        with pytest.raises(AuditUnavailable) as refused:
            await harness.service.intake.start(asked(), OTHER_CALL, None)

        assert refused.value.cause == AuditUnavailable.REPLACED
        assert "#2" in (harness.store.last_problem or "")
        await harness.store.try_again()
        assert harness.store.last_problem


async def test_a_restored_trail_that_another_process_continues_is_noticed_too(
    postgres_database: PostgresDatabase,
) -> None:
    async with open_harness(postgres_database) as harness, open_harness(postgres_database, owner="serve:2") as other:
        for call in (CALL, OTHER_CALL):
            await harness.service.intake.start(asked(), call, None)
        await restore_an_earlier_state(postgres_database, keep=1)
        for _ in range(2):  # a process that began after the restore
            with pytest.raises(Exception, match="not the id"):
                await other.service.intake.start(asked(), "no id", None)

        with pytest.raises(AuditUnavailable) as refused:
            await harness.service.intake.start(asked(), OTHER_CALL, None)
        assert refused.value.cause == AuditUnavailable.REPLACED


async def test_what_other_processes_add_is_no_restore(postgres_database: PostgresDatabase) -> None:
    async with open_harness(postgres_database) as harness, open_harness(postgres_database, owner="serve:2") as other:
        await harness.service.intake.start(asked(), CALL, None)
        await other.service.intake.start(asked(), OTHER_CALL, None)
        with pytest.raises(Exception, match="not the id"):
            await harness.service.intake.start(asked(), "no id", None)
        await harness.store.try_again()
        assert not harness.store.last_problem


async def test_a_reader_puts_no_empty_file_in_the_place_of_a_missing_one(tmp_path: Path) -> None:
    """The file may go in the moment between the check of its identity and the connection."""
    engines = open_engines(f"sqlite+aiosqlite:///{tmp_path}/100% of it.db")
    with pytest.raises(OperationalError, match="unable to open database file"):
        async with engines.reader.connect():
            pass
    with pytest.raises(OperationalError, match="unable to open database file"):
        await engines.read(lambda _connection: None)
    assert _names(tmp_path) == []
    await upgrade(engines)
    count = text("SELECT count(*) FROM audit_entries")
    async with engines.reader.connect() as connection:
        assert (await connection.execute(count)).scalar_one() == 0
    assert await engines.read(lambda connection: connection.execute(count).scalar_one()) == 0
    await engines.close()
    assert "100% of it.db" in _names(tmp_path)
