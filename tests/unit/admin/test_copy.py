"""``record-bot db copy``: a grown installation moves from SQLite to PostgreSQL and back, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Text, insert, select

from bot.admin.archive import Archiving
from bot.admin.audit import verify_database
from bot.admin.data import Keeper
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.database.engine import open_engines
from bot.database.identity.file_lock import serving_alone
from bot.database.replicas import replicas_of
from bot.database.schema.column_types import Flag, Moment, UuidText
from bot.database.schema.tables import metadata, recordings
from bot.database.store import SqlStore
from bot.errors import DatabaseUnusable, Refused
from bot.recording.models import Verb
from bot.recording.requests import PendingAction
from tests.support.clocks.fake_clock import BEGIN, FakeClock
from tests.support.databases.postgres import url_of
from tests.support.databases.trail import attack, entries, rows
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, open_harness
from tests.support.shell import Shell
from tests.unit.admin.conftest import LATER, deliver, nothing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Table

    from tests.support.databases.postgres import Database, PostgresDatabase, PostgresServer


@pytest.fixture
async def grown(tmp_path: Path) -> AsyncIterator[Harness]:
    """Rows in every table."""
    async with open_harness(tmp_path / "grown.db") as harness:
        for actor, call, words in ((ADA, CALL, "Zwetschgenknödel 'quoted' \\ back"), (GRACE, OTHER_CALL, "dispute")):
            await harness.service.carry_out(await harness.service.intake.start(asked(actor), call, words))
            stop = await harness.service.intake.change(Verb.STOP, asked(actor), typed_id=call)
            assert isinstance(stop, PendingAction)
            await harness.service.carry_out(stop)
        await deliver(harness)

        def fill(connection: Connection) -> None:
            recording_id, seq = connection.execute(select(recordings.c.id, recordings.c.audit_seq)).first()  # type: ignore[misc]
            for table in metadata.sorted_tables:
                if connection.execute(select(table)).first() is None:
                    connection.execute(insert(table), made_up(table, recording_id, seq, harness))

        await harness.engines.writer.transaction(fill)
        yield harness


CHECKED_WORDS = {"outcome": None, "state": "active"}
CHECKED_IN = {"keeps": {"state": "waiting"}}
"""Columns in which only certain words may stand."""


def made_up(table: Table, recording_id: Any, seq: int, harness: Harness) -> dict[str, Any]:
    """Make a row for a table that nothing above fills."""
    usual: dict[type, Any] = {Moment: harness.clock.now(), UuidText: recording_id, Flag: True, Text: "some words"}
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys:
            values[column.name] = recording_id if isinstance(column.type, UuidText) else seq
        else:
            values[column.name] = usual.get(type(column.type), 1)
    checked = CHECKED_WORDS | CHECKED_IN.get(table.name, {})
    values |= {name: word for name, word in checked.items() if name in values}
    return values


def keeper(database: Database) -> Keeper:
    return Keeper(settings(database), "cli:keeper", FakeClock(begin=LATER))


def settings(database: Database) -> DatabaseSettings:
    return DatabaseSettings(database_url=url_of(database))


def content(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: rows(
            database,
            f"SELECT * FROM {table.name} ORDER BY {', '.join(one.name for one in table.primary_key.columns)}",  # noqa: S608  ours
        )
        for table in metadata.sorted_tables
    }


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database in which nothing is yet, not even tables."""
    made = postgres_server.database(migrated=False)
    yield made
    made.drop()


async def test_everything_arrives_as_it_is_and_comes_back(
    grown: Harness, empty: PostgresDatabase, tmp_path: Path
) -> None:
    said = await keeper(grown.file).copy(settings(empty), nothing)
    before = content(grown.file)
    assert all(before.values()), "a table without rows proves nothing"
    assert content(empty) == before
    head = entries(empty)[-1]
    assert head["action"] == "db:copy"
    assert f"up to entry #{head['seq']} ({head['hash']})" in said
    assert f"{'audit_entries':<24} {head['seq']}" in said
    assert (await verify_database(settings(empty), Verifier(wanted={head["hash"]: None}), nothing)).ok

    back = tmp_path / "back.db"
    await keeper(empty).copy(settings(back), nothing)
    assert content(back)["audit_entries"][:-1] == before["audit_entries"]
    assert (await verify_database(settings(back), Verifier(), nothing)).ok


async def test_the_copy_goes_on_where_the_other_ended(grown: Harness, empty: PostgresDatabase) -> None:
    await keeper(grown.file).copy(settings(empty), nothing)
    async with open_harness(empty) as moved:
        await moved.service.intake.read(asked(), CALL)
        assert (await verify_database(settings(empty), Verifier(), nothing)).ok


async def test_a_trail_whose_beginning_is_archived(grown: Harness, empty: PostgresDatabase, tmp_path: Path) -> None:
    await grown.reconciler.settle_all()
    attack(grown.file, "UPDATE attempts SET settled_at = requested_at, looks_left = 0")
    await deliver(grown)
    await Archiving(keeper(grown.file), BEGIN + timedelta(days=30), tmp_path / "archive").run(nothing)
    assert entries(grown.file)[0]["seq"] > 1
    await keeper(grown.file).copy(settings(empty), nothing)
    assert content(empty) == content(grown.file)
    assert (await verify_database(settings(empty), Verifier(), nothing, archive=tmp_path / "archive")).ok


async def test_a_target_with_rows_is_refused(grown: Harness, empty: PostgresDatabase) -> None:
    await keeper(grown.file).copy(settings(empty), nothing)
    before = content(grown.file)
    with pytest.raises(Refused, match="isn't empty"):
        await keeper(grown.file).copy(settings(empty), nothing)
    assert content(grown.file) == before


async def test_nothing_is_copied_while_a_bot_serves(grown: Harness, empty: PostgresDatabase, tmp_path: Path) -> None:
    with serving_alone(url_of(grown.file)), pytest.raises(DatabaseUnusable, match="already running"):
        await keeper(grown.file).copy(settings(empty), nothing)
    await keeper(grown.file).copy(settings(empty), nothing)
    engines = open_engines(empty.url)
    async with replicas_of("serve:1", engines, SqlStore(engines)).joined():
        with pytest.raises(Refused, match="is running on one of the two"):
            await keeper(empty).copy(settings(tmp_path / "other.db"), nothing)
    await engines.close()


async def test_what_a_terminal_writes_meanwhile_is_not_left_behind(grown: Harness, empty: PostgresDatabase) -> None:
    left = [True]

    def write(_done: int, _total: int) -> None:
        if left:
            left.clear()
            attack(grown.file, "UPDATE names SET seen_at = seen_at")  # the file takes writes meanwhile
            attack(grown.file, "INSERT INTO names VALUES ('user', 'written-meanwhile', 'X', '2026-01-01T00:00:00Z')")

    with pytest.raises(Refused, match="The source changed"):
        await keeper(grown.file).copy(settings(empty), write)
    assert not any(content(empty).values())
    await keeper(grown.file).copy(settings(empty), nothing)
    assert content(empty) == content(grown.file)


async def test_a_broken_trail_is_not_passed_on_as_whole(grown: Harness, empty: PostgresDatabase) -> None:
    trigger = "audit_entries_no_update"
    definition = rows(grown.file, "SELECT sql FROM sqlite_master WHERE name = ?", trigger)[0]["sql"]
    attack(grown.file, f"DROP TRIGGER {trigger}", "UPDATE audit_entries SET actor = 'x' WHERE seq = 3", definition)
    with pytest.raises(DatabaseUnusable, match="trail in the copy is broken"):
        await keeper(grown.file).copy(settings(empty), nothing)


async def test_a_mistyped_source_is_not_copied_as_an_empty_trail(tmp_path: Path, empty: PostgresDatabase) -> None:
    with pytest.raises(DatabaseUnusable, match="is empty or doesn't exist"):
        await keeper(tmp_path / "record-bott.db").copy(settings(empty), nothing)


async def test_the_command(grown: Harness, empty: PostgresDatabase, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"DATABASE_URL": url_of(grown.file)})
    ran = await shell("db", "copy", "--to", empty.url)
    assert ran.status == 0, ran.said
    assert ran.out.startswith("Copied and verified, up to entry #")
    assert (await shell("audit", "verify", DATABASE_URL=empty.url)).out.startswith("Intact: ")
    ran = await shell("db", "copy", "--from", url_of(grown.file), "--to", "mysql://elsewhere")
    assert (ran.status, ran.out) == (2, "")
    assert "must start with sqlite+aiosqlite:/// " in ran.err
