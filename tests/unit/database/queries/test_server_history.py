"""Where the database was at the last start. ``tests/faults/test_promoted_standby.py`` promotes a real standby."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.admin.checks.database import check_database
from bot.config.settings import DatabaseSettings
from bot.database.queries.server_history import MOVED, SqlServerHistory
from tests.support.recording.service import open_harness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases.postgres import PostgresDatabase

ELSEWHERE = """UPDATE standing_rules SET rule = '{"identity": "7000000000000000000/00000001"}' WHERE name = 'server'"""


async def test_a_file_has_no_server(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        history = SqlServerHistory(harness.engines)
        await history.note(harness.store, harness.clock.now())

        assert (await history.now(), await history.moved()) == (None, None)


async def test_the_same_server_is_not_worth_a_word_and_another_one_is(postgres_database: PostgresDatabase) -> None:
    settings = DatabaseSettings(database_url=postgres_database.url)
    async with open_harness(postgres_database) as harness:
        history = SqlServerHistory(harness.engines)
        assert await history.moved() is None, "nothing is known yet"
        await history.note(harness.store, harness.clock.now())
        assert await history.moved() is None
        assert (await check_database(settings)).health.problem == ""

        postgres_database.attack(ELSEWHERE)
        moved = await history.moved()
        assert moved is not None
        assert (moved.before, moved.now) == ("7000000000000000000/00000001", await history.now())
        checked = (await check_database(settings)).health
        assert (checked.ok, checked.problem) == (True, MOVED)

        await history.note(harness.store, harness.clock.now())
        assert await history.moved() is None, "it is told once"


async def test_a_server_that_does_not_tell(postgres_database: PostgresDatabase) -> None:
    async with open_harness(postgres_database) as harness:
        history = SqlServerHistory(harness.engines)
        await history.note(harness.store, harness.clock.now())
        postgres_database.attack(ELSEWHERE, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")

        assert (await history.now(), await history.moved()) == (None, None)
        await history.note(harness.store, harness.clock.now())
        found = postgres_database.rows("SELECT rule FROM standing_rules WHERE name = 'server'")

    assert "7000000000000000000" in found[0]["rule"], "what is known stays until something is known better"
