"""Brings the database to the newest schema, and says where it stands."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from bot.database.guards import check_guards
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.database.engine import Engines

IN_CHECKOUT = Path(__file__).parents[2] / "migrations"
IN_PACKAGE = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The schema that the database has (None: empty), and the newest there is."""

    current: str | None
    newest: str


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(IN_PACKAGE if IN_PACKAGE.is_dir() else IN_CHECKOUT))
    return config


async def upgrade(engines: Engines) -> SchemaVersion:
    """Run all pending migrations in one transaction, then check the audit guards. Raise DatabaseUnusable."""

    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        check_guards(connection)

    await _probe(engines)
    try:
        async with engines.writer.begin() as connection:
            await connection.run_sync(run)
    except SQLAlchemyError as error:
        raise unusable(error) from error
    return await version(engines)


async def version(engines: Engines) -> SchemaVersion:
    await _probe(engines)
    newest = ScriptDirectory.from_config(_config()).get_current_head() or ""
    try:
        async with engines.reader.connect() as connection:
            current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    except SQLAlchemyError as error:
        raise unusable(error) from error
    return SchemaVersion(current, newest)


async def _probe(engines: Engines) -> None:
    """Open the file once without the pool: the asynchronous driver leaves a broken thread behind where it can't."""
    file = engines.writer.url.database or ""

    def look() -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()

    try:
        await asyncio.to_thread(look)
    except sqlite3.Error as error:
        raise unusable(error) from error


def unusable(error: SQLAlchemyError | sqlite3.Error) -> DatabaseUnusable:
    """Say what is wrong with the database in one sentence."""
    cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return DatabaseUnusable(f"The database can't be used: {cause}. Check DATABASE_URL, the file's rights and the disk.")
