"""Upgrades the database to the newest schema, and reports its version."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.database.identity.file_identity import DatabaseReplaced, create_private
from bot.database.postgresql import engine as postgresql
from bot.database.postgresql.guards import may_change_guards
from bot.database.postgresql.privileges import (
    GRANT,
    NOT_ALLOWED,
    check_may_create,
    check_rights,
    check_schema,
    check_version_right,
)
from bot.database.postgresql.tls_advice import tls_advice
from bot.database.trail.guards import check_guards
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.database.engine import Engines

IN_CHECKOUT = Path(__file__).parents[2] / "migrations"
IN_PACKAGE = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The database's schema (None: empty), and the newest one."""

    current: str | None
    newest: str


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(IN_PACKAGE if IN_PACKAGE.is_dir() else IN_CHECKOUT))
    return config


@cache  # to read the migrations takes longer than to ask the database
def _known() -> tuple[str, frozenset[str]]:
    """Return the newest schema, and every schema that this version of the bot knows."""
    scripts = ScriptDirectory.from_config(_config())
    return scripts.get_current_head() or "", frozenset(one.revision for one in scripts.walk_revisions())


async def upgrade(engines: Engines) -> SchemaVersion:
    """Run all pending migrations, if any, in one transaction; check the audit guards. Raise DatabaseUnusable."""

    def run(connection: Connection) -> None:
        if engines.on_postgresql:
            postgresql.patient(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        check_guards(connection)

    found = await examine(engines)
    if found.current == found.newest:  # the usual start needs no more than the right to read
        return found
    try:
        await engines.writer.transaction(run)
    except SQLAlchemyError as error:
        if _sqlstate(error) == NOT_ALLOWED:
            raise _not_the_owner(found) from error
        raise unusable(error, engines) from error
    return await version(engines)


async def examine(engines: Engines) -> SchemaVersion:
    """Return the database's schema. Raise DatabaseUnusable if the bot can neither serve on it nor upgrade it."""
    found = await version(engines)

    def check(connection: Connection) -> None:
        if engines.on_postgresql:
            _check_encoding(connection)
        if found.current == found.newest:
            check_guards(connection)
        if engines.on_postgresql:
            _check_role(connection, found)

    try:
        await engines.read(check)
    except SQLAlchemyError as error:
        raise unusable(error, engines) from error
    return found


async def version(engines: Engines) -> SchemaVersion:
    """Return the database's schema. Raise DatabaseUnusable if this version of the bot doesn't know it."""
    await _probe(engines)
    newest, known = _known()

    def read(connection: Connection) -> str | None:
        if engines.on_postgresql:
            check_schema(connection)
            check_version_right(connection)
        return MigrationContext.configure(connection).get_current_revision()

    try:
        current = await engines.read(read)
    except SQLAlchemyError as error:
        raise unusable(error, engines) from error
    if current is not None and current not in known:
        raise DatabaseUnusable(
            f"The database is at {current}, which is newer than this version of record-bot (it knows {newest} and what "
            "came before). Run the newer version again, or restore the backup that was made before the upgrade."
        )
    return SchemaVersion(current, newest)


def _check_encoding(connection: Connection) -> None:
    if (encoding := connection.execute(text("SHOW server_encoding")).scalar_one()) != "UTF8":
        raise DatabaseUnusable(f"The database's encoding is {encoding}: create it again with ENCODING 'UTF8'.")


def _check_role(connection: Connection, found: SchemaVersion) -> None:
    """Raise DatabaseUnusable if the role lacks a right for the next step: serving, or creating the tables."""
    if found.current == found.newest:
        check_rights(connection)
    elif found.current is None:
        check_may_create(connection)
    elif not may_change_guards(connection):
        raise _not_the_owner(found)


def _not_the_owner(found: SchemaVersion) -> DatabaseUnusable:
    return DatabaseUnusable(
        f"The database is at {found.current or 'nothing yet'}, this version of the bot needs {found.newest}, and the "
        "role in DATABASE_URL may not change the tables. Run record-bot db upgrade once with the DATABASE_URL of their "
        "owner, and then deploy/postgres/grants.sql."
    )


async def _probe(engines: Engines) -> None:
    """Open SQLite's file once without the pool: its asynchronous driver leaves a broken thread if it can't."""
    if engines.on_postgresql:
        return
    file = engines.writer.url.database or ""

    def check() -> None:
        with suppress(OSError):  # SQLite says why in its own words
            create_private(Path(file))
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()

    try:
        await asyncio.to_thread(check)
    except sqlite3.Error as error:
        raise unusable(error, engines) from error


def unusable(error: SQLAlchemyError | sqlite3.Error, engines: Engines | None = None) -> DatabaseUnusable:
    """Say what is wrong with the database, and which one it is: SQLite's own messages name no file."""
    if isinstance(error, DatabaseReplaced):
        return DatabaseUnusable(f"{error}. Put it back, or restart record-bot if the new one is to be used.")
    cause = str(getattr(error, "orig", None) or error).partition("\n")[0].removesuffix(".")
    if _sqlstate(error) == NOT_ALLOWED:
        return DatabaseUnusable(f"Can't use the database: {cause}. {GRANT}")
    if advice := tls_advice(cause):
        return DatabaseUnusable(f"Can't use the database: {cause}. {advice}.")
    server = isinstance(error, DBAPIError) and hasattr(error.orig, "sqlstate")
    if server:
        check = "host, database, role and password in DATABASE_URL, and that the server takes connections"
    else:
        check = "DATABASE_URL, file permissions and free disk space"
    return DatabaseUnusable(f"Can't use the database{_file_of(engines)}: {cause}. Check {check}.")


def _file_of(engines: Engines | None) -> str:
    if engines is None or engines.on_postgresql:
        return ""
    return f" {Path(engines.writer.url.database or '').absolute()}"


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.orig if isinstance(error, DBAPIError) else None, "sqlstate", None)
