"""The SQL that sets up PostgreSQL, run by psql as the install guide says, and what each role can do afterwards."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.databases.postgres import OWNER, PostgresDatabase, PostgresServer, postgres
from tests.support.shell import ROOT, Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOT = "record_bot"
DATABASE = "record_bot"


def psql(server: PostgresServer, *arguments: str) -> None:
    program = server.programs / "psql"
    subprocess.run(
        [program, "--no-psqlrc", "--quiet", f"--host={server.directory}", *arguments],
        check=True, cwd=ROOT, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def grant(server: PostgresServer) -> None:
    psql(server, f"--username={OWNER}", f"--dbname={DATABASE}", "--file=deploy/postgres/grants.sql")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server on which nobody but its administrator is known yet, then the roles and the database."""
    with postgres() as made:
        with made.connected() as connection:
            connection.execute(f"DROP ROLE {OWNER}")
        passwords = ("--set=owner_password=it's secret", "--set=bot_password=another")
        psql(made, "--username=postgres", *passwords, "--file=deploy/postgres/roles.sql")
        yield made


@pytest.fixture(scope="module")
def database(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> PostgresDatabase:
    """The database with all tables, made by the command, and the grants; running both again changes nothing."""
    made = PostgresDatabase(server, DATABASE)
    shell = Shell(tmp_path_factory.mktemp("owner"), {"DATABASE_URL": made.url_of(OWNER)})
    upgraded = asyncio.run(shell("db", "upgrade"))
    assert upgraded.status == 0, upgraded.said
    grant(server)
    grant(server)
    return made


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "UPDATE typed_texts SET text = 'nothing'",
        "TRUNCATE audit_entries",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "DROP TABLE audit_entries",
        "DROP TRIGGER audit_entries_no_update ON audit_entries",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0000'",
        "CREATE TABLE mine (x int)",
        "CREATE ROLE more",
        "SET ROLE record_bot_owner",
    ],
)
def test_the_bots_role_can_neither_change_the_trail_nor_the_schema(database: PostgresDatabase, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.attack(statement, role=BOT)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM audit_entries",
        "SELECT version_num FROM alembic_version",
        "DELETE FROM recordings",
        "UPDATE recordings SET state = state",
        "SELECT pg_advisory_xact_lock(1)",
    ],
)
def test_the_bots_role_can_do_its_work(database: PostgresDatabase, statement: str) -> None:
    database.attack(statement, role=BOT)


async def test_the_bot_finds_a_sound_database_with_its_role(database: PostgresDatabase, tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"DATABASE_URL": database.url_of(BOT)})

    assert (await shell("db", "current")).status == 0
    assert (await shell("audit", "verify")).status == 0


def test_both_roles_have_their_passwords_and_nothing_more(database: PostgresDatabase) -> None:
    found = database.rows("SELECT * FROM pg_authid WHERE rolname LIKE 'record_bot%'")

    assert len(found) == 2
    for role in found:
        assert role["rolpassword"].startswith("SCRAM-SHA-256$")
        assert not any(role[right] for right in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication"))
