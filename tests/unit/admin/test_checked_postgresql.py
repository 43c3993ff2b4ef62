"""``record-bot check`` on PostgreSQL: each thing that an administrator gets wrong, done to a real server.

``serve`` refuses with the same sentence where it would not work.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from bot.admin.checks.database import check_database
from bot.config.settings import DatabaseSettings
from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.errors import DatabaseUnusable
from tests.support.databases.postgres import OWNER, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.runtime.http_server import ComponentHealth
    from tests.support.databases.postgres import PostgresServer

ROLE = "record_bot"
GRANTS = Path("deploy/postgres/grants.sql")


@pytest.fixture(autouse=True)
def role(postgres_server: PostgresServer) -> None:
    """The role that serves, without any right; a server's roles are those of all its databases."""
    with postgres_server.connected() as connection, contextlib.suppress(psycopg.errors.DuplicateObject):
        connection.execute(f"CREATE ROLE {ROLE} LOGIN")


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database as roles.sql makes it: without a table."""
    made = postgres_server.database(migrated=False)
    made.attack("REVOKE ALL ON SCHEMA public FROM PUBLIC", f"ALTER SCHEMA public OWNER TO {OWNER}")
    made.attack(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    yield made
    made.drop()


@pytest.fixture
def granted(postgres_database: PostgresDatabase) -> PostgresDatabase:
    """A database with all tables, in which the role has the rights that it should have."""
    postgres_database.attack(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    server = postgres_database.server
    login = (f"--host={server.directory}", f"--username={OWNER}", f"--dbname={postgres_database.name}")
    subprocess.run([str(server.programs / "psql"), "--quiet", *login, f"--file={GRANTS}"], check=True)
    return postgres_database


async def checked(url: str) -> ComponentHealth:
    return (await check_database(DatabaseSettings(database_url=url))).health


async def problem(url: str) -> str:
    """Return what check says is wrong, and see that serve refuses with the same words."""
    found = await checked(url)
    assert not found.ok
    assert found.problem.endswith(".")
    engines = open_engines(url)
    try:
        with pytest.raises(DatabaseUnusable) as refused:
            await upgrade(engines)
    finally:
        await engines.close()
    assert str(refused.value) == found.problem
    return found.problem


async def test_all_is_well_for_the_role_that_serves(granted: PostgresDatabase) -> None:
    found = await checked(granted.url_of(ROLE))
    assert (found.ok, found.problem) == (True, "")


@pytest.mark.parametrize("of", [ROLE, OWNER])
async def test_all_is_well_for_a_role_that_has_its_rights_by_membership(
    granted: PostgresDatabase, postgres_server: PostgresServer, of: str
) -> None:
    with postgres_server.connected() as connection, contextlib.suppress(psycopg.errors.DuplicateObject):
        connection.execute(f"CREATE ROLE member_of_{of} LOGIN IN ROLE {of}")
    found = await checked(granted.url_of(f"member_of_{of}"))
    assert (found.ok, found.problem) == (True, "")


async def test_all_is_well_for_the_owner_of_a_database_that_is_still_empty(empty: PostgresDatabase) -> None:
    found = await checked(empty.url)
    assert (found.ok, found.problem) == (True, "")


async def test_nobody_listens() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listening
        said = await problem(f"postgresql+psycopg://{ROLE}@127.0.0.1:{nobody.getsockname()[1]}/record_bot")
    assert "refused" in said
    assert "DATABASE_URL" in said
    assert "the server" in said


async def test_the_host_has_no_such_name() -> None:
    said = await problem(f"postgresql+psycopg://{ROLE}@no-such-host.invalid/record_bot")
    assert "no-such-host.invalid" in said
    assert "DATABASE_URL" in said


@pytest.fixture
def guarded(granted: PostgresDatabase) -> PostgresDatabase:
    """The server wants a password of one role."""
    server = granted.server
    with server.connected() as connection:
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            connection.execute("CREATE ROLE with_password LOGIN PASSWORD 'the-right-one'")
        (file,) = connection.execute("SHOW hba_file").fetchone() or ("",)
        rules = Path(str(file))
        before = rules.read_text()
        if "with_password" not in before:
            rules.write_text(f"local all with_password scram-sha-256\n{before}")
            connection.execute("SELECT pg_reload_conf()")
    return granted


async def test_the_password_is_wrong(guarded: PostgresDatabase) -> None:
    url = guarded.url_of("with_password").replace("with_password@", "with_password:not-the-secret@")
    async with asyncio.timeout(60):  # the server takes its new rules a moment later
        while (await checked(url)).problem.startswith("The role"):  # noqa: ASYNC110  as above
            await asyncio.sleep(0.05)
    said = await problem(url)
    assert "password authentication failed" in said
    assert "DATABASE_URL" in said
    assert "not-the-secret" not in said


async def test_the_database_does_not_exist(granted: PostgresDatabase) -> None:
    said = await problem(granted.url_of(ROLE).replace(f"/{granted.name}?", "/no_such_database?"))
    assert 'database "no_such_database" does not exist' in said
    assert "DATABASE_URL" in said


async def test_the_database_may_not_be_connected_to(granted: PostgresDatabase) -> None:
    granted.attack(f"REVOKE CONNECT ON DATABASE {granted.name} FROM PUBLIC")
    assert "permission denied for database" in await problem(granted.url_of(ROLE))


async def test_it_is_empty_and_the_role_may_not_make_tables(empty: PostgresDatabase) -> None:
    said = await problem(empty.url_of(ROLE))
    assert said.startswith(f"The database is empty, and the role {ROLE}")
    assert "record-bot db upgrade" in said
    assert "grants.sql" in said


async def test_the_role_may_not_even_see_the_schema(granted: PostgresDatabase) -> None:
    granted.attack(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}, PUBLIC")
    assert f"GRANT USAGE ON SCHEMA public TO {ROLE}" in await problem(granted.url_of(ROLE))


@pytest.mark.parametrize(
    "right",
    [
        "SELECT ON recordings", "INSERT ON audit_entries", "UPDATE ON recordings", "DELETE ON typed_texts",
        "SELECT ON audit_entries", "SELECT ON alembic_version",
    ],
)  # fmt: skip
async def test_a_right_is_missing(granted: PostgresDatabase, right: str) -> None:
    granted.attack(f"REVOKE {right} FROM {ROLE}")
    said = await problem(granted.url_of(ROLE))
    privilege, table = right.split(" ON ")
    assert f"lacks rights: {privilege} on {table}." in said
    assert "grants.sql" in said


async def test_nobody_ran_the_grants(postgres_database: PostgresDatabase) -> None:
    postgres_database.attack(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    said = await problem(postgres_database.url_of(ROLE))
    assert said.startswith(f"The role {ROLE} in DATABASE_URL lacks rights: ")
    assert "grants.sql" in said


async def test_the_schema_is_older_than_the_bot(granted: PostgresDatabase) -> None:
    granted.attack("UPDATE alembic_version SET version_num = '0001'", role=OWNER)

    said = await problem(granted.url_of(ROLE))
    assert said.startswith("The database is at 0001, ")
    assert "record-bot db upgrade" in said
    assert "owner" in said
    assert (await checked(granted.url)).problem == "Its schema is 0001; run: record-bot db upgrade"
    assert (await checked(granted.url_of(ROLE))).problem == said


async def test_the_schema_is_newer_than_the_bot(granted: PostgresDatabase) -> None:
    granted.attack("UPDATE alembic_version SET version_num = '9999'", role=OWNER)
    assert "at 9999, which is newer than this version of record-bot" in await problem(granted.url_of(ROLE))


async def test_the_encoding_cannot_hold_every_name(postgres_server: PostgresServer) -> None:
    made = PostgresDatabase(postgres_server, "bot_latin")
    with postgres_server.connected() as connection:
        connection.execute(f"CREATE DATABASE {made.name} OWNER {OWNER} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        assert "encoding is LATIN1" in await problem(made.url)
    finally:
        made.drop()
