"""The role that serves may add entries and no more; it gets what deploy/postgres/grants.sql gives."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bot.database.engine import open_engines
from bot.database.maintenance.archive import obstacle
from bot.database.maintenance.retention import Retention
from bot.database.migrate import upgrade
from bot.database.outbox.deliveries import SqlOutbox
from bot.errors import DatabaseUnusable
from bot.recording.models import Verb
from bot.recording.requests import PendingAction
from tests.support.clocks.fake_clock import BEGIN
from tests.support.databases.postgres import OWNER, PostgresDatabase
from tests.support.databases.trail import trail_lines
from tests.support.recording.service import CALL, asked, open_harness

BOT_ROLE = "record_bot"
GRANTS = Path("deploy/postgres/grants.sql")


@pytest.fixture
def restricted(postgres_database: PostgresDatabase) -> str:
    """Give the role that serves its rights, and return its address."""
    if not postgres_database.rows("SELECT 1 FROM pg_roles WHERE rolname = ?", (BOT_ROLE,)):
        postgres_database.attack(f"CREATE ROLE {BOT_ROLE} LOGIN")
    postgres_database.attack("GRANT USAGE ON SCHEMA public TO record_bot")
    server = postgres_database.server
    login = (f"--host={server.directory}", f"--username={OWNER}", f"--dbname={postgres_database.name}")
    subprocess.run([str(server.programs / "psql"), "--quiet", *login, f"--file={GRANTS}"], check=True)
    return postgres_database.url_of(BOT_ROLE)


async def test_the_role_that_serves_can_only_add_entries(postgres_database: PostgresDatabase, restricted: str) -> None:
    bot = PostgresDatabase(postgres_database.server, postgres_database.name, BOT_ROLE)
    assert bot.url == restricted
    async with open_harness(bot) as harness:  # brings the database to head, which it is at
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, "because"))
        stop = await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)
        assert isinstance(stop, PendingAction)
        await harness.service.carry_out(stop)
        outbox = SqlOutbox(harness.engines)
        await outbox.delivery_begun([1, 2], BEGIN)
        await outbox.delivered([1, 2], at=BEGIN, channel="C0AUDIT", ts="1.1")
        await outbox.delivery_refused([2])
        harness.clock.advance(1)
        await Retention(harness.store, harness.clock, timedelta(0), timedelta(0), "bot").once(scrub_anyway=True)
    assert trail_lines(postgres_database)[-1] == "succeeded privacy:retention"
    for forbidden in (
        "UPDATE audit_entries SET actor = 'x'",
        "DELETE FROM audit_entries",
        "UPDATE typed_texts SET text = 'nothing'",
        "TRUNCATE audit_entries CASCADE",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_entries_no_delete ON audit_entries",
        "CREATE OR REPLACE FUNCTION audit_entries_no_delete() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = 'x'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            postgres_database.attack(forbidden, role=BOT_ROLE)


async def test_the_role_that_serves_says_who_has_to_migrate(
    postgres_database: PostgresDatabase, restricted: str
) -> None:
    postgres_database.attack("UPDATE alembic_version SET version_num = '0001'", role=OWNER)
    engines = open_engines(restricted)
    with pytest.raises(DatabaseUnusable, match=r"is at 0001, .* Run record-bot db upgrade once with the DATABASE_URL"):
        await upgrade(engines)
    await engines.close()


async def test_the_role_that_serves_may_not_archive(postgres_database: PostgresDatabase, restricted: str) -> None:
    async with open_harness(postgres_database) as harness:
        await harness.service.intake.read(asked(), CALL)
    engines = open_engines(restricted)
    found = await engines.read(lambda connection: obstacle(connection, 1))
    await engines.close()
    assert found is not None
    assert found.cause == "not_the_owner"
