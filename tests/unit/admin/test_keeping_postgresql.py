"""Privacy, archive, hold and backup on a PostgreSQL database."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from bot.admin.audit import verify_database
from bot.admin.data import Keeper
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.database.maintenance import archive as archive_of_database
from bot.database.maintenance.erasure import Person
from bot.database.migrate import upgrade
from bot.errors import Refused
from bot.recording.models import Verb
from bot.recording.requests import PendingAction
from tests.support.clocks.fake_clock import FakeClock
from tests.support.databases.postgres import OWNER, PostgresDatabase
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, asked, open_harness
from tests.unit.admin.conftest import ADAS_WORDS, GRACES_WORDS, LATER, Past, deliver, nothing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Any


@pytest.fixture
async def past(postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[Past]:
    async with open_harness(postgres_database) as harness:
        for actor, call, words in ((ADA, CALL, ADAS_WORDS), (GRACE, OTHER_CALL, GRACES_WORDS)):
            await harness.service.carry_out(await harness.service.intake.start(asked(actor), call, words))
            stop = await harness.service.intake.change(Verb.STOP, asked(actor), typed_id=call)
            assert isinstance(stop, PendingAction)
            await harness.service.carry_out(stop)
        await deliver(harness)
        settings = DatabaseSettings(database_url=postgres_database.url)
        yield Past(harness, Keeper(settings, "cli:keeper", FakeClock(begin=LATER)), tmp_path / "archive")


def words_on_disk(database: PostgresDatabase) -> bytes:
    """Return what the files of the tables with words hold."""
    tables = ("names", "typed_texts", "recordings")
    database.attack("CHECKPOINT")
    found = database.rows(
        "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) AS file FROM pg_class c "  # noqa: S608  ours
        f"WHERE relname IN {tables} OR oid IN (SELECT reltoastrelid FROM pg_class WHERE relname IN {tables})"
    )
    return b"".join(bytes(row["file"]) for row in found)


async def test_what_is_erased_is_in_the_tables_files_no_more(past: Past, postgres_database: PostgresDatabase) -> None:
    assert ADAS_WORDS.encode() in words_on_disk(postgres_database)
    await past.keeper.erase(Person.read("U0ADA"), despite_hold=False)
    assert ADAS_WORDS.encode() not in words_on_disk(postgres_database)
    assert GRACES_WORDS.encode() in words_on_disk(postgres_database)
    assert past.story() == ["requested privacy:erase", "succeeded privacy:erase"]
    assert (await past.verdict()).ok


async def test_a_hold_keeps_everything(past: Past) -> None:
    await past.keeper.hold(on=True, reason="a dispute")
    with pytest.raises(Refused, match="Legal hold"):
        await past.keeper.erase(Person.read("U0ADA"), despite_hold=False)
    with pytest.raises(Refused, match="Legal hold"):
        await past.archived()
    await past.keeper.hold(on=False, reason="settled")
    await past.keeper.erase(Person.read("U0ADA"), despite_hold=False)


async def test_what_is_old_moves_into_the_archive_and_the_guard_stands_again(
    past: Past, postgres_database: PostgresDatabase
) -> None:
    said = await past.archived()
    assert said.startswith("Archived entries 1 to 8 to")
    assert past.entries()[0]["seq"] == 9
    verdict = await past.verdict(archive=True)
    assert verdict.ok, verdict.text
    await upgrade(past.harness.engines)  # compares the guards
    with pytest.raises(psycopg.errors.IntegrityError, match="never removed"):
        postgres_database.attack("DELETE FROM audit_entries")


async def test_a_removal_that_fails_leaves_the_guard_and_the_entries(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_connection: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.database.trail.guards.check_guards", break_off)
    with pytest.raises(ZeroDivisionError):
        await past.archived()
    monkeypatch.undo()
    assert past.entries()[0]["seq"] == 1
    await upgrade(past.harness.engines)
    assert await past.harness.engines.read(archive_of_database.unfinished) is not None
    await past.archived()
    assert past.entries()[0]["seq"] == 9
    assert (await past.verdict(archive=True)).ok


async def test_the_backup_command_that_is_named_makes_a_backup_that_verifies(
    past: Past, postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    dump = tmp_path / "dump"
    with pytest.raises(Refused) as refused:
        await past.keeper.back_up(dump, nothing)
    command = shlex.split(str(refused.value).partition("own tool: ")[2].partition(". A restored")[0])
    assert command[0] == "pg_dump"
    server = postgres_database.server
    path = {"PATH": f"{server.programs}:{os.environ['PATH']}"}
    await asyncio.to_thread(subprocess.run, command, check=True, env=path)

    with server.connected() as connection:
        connection.execute(f"CREATE DATABASE restored TEMPLATE template0 OWNER {OWNER}")
    restored = PostgresDatabase(server, "restored")
    login = (f"--host={server.directory}", f"--username={OWNER}", "--dbname=restored")
    restore = [str(server.programs / "pg_restore"), "--exit-on-error", *login, str(dump)]
    await asyncio.to_thread(subprocess.run, restore, check=True)
    settings = DatabaseSettings(database_url=restored.url)
    head = past.entries()[-1]
    verdict = await verify_database(settings, Verifier(wanted={head["hash"]: head["seq"]}), nothing)
    assert verdict.ok, verdict.text
    async with open_harness(restored) as harness:  # the guards came along
        await harness.service.intake.read(asked(), CALL)
    restored.drop()
