"""Ensures that erased text is gone from the database's files, including free space and write-ahead log."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.database.engine import BUSY_TIMEOUT_MS
from bot.database.migrate import unusable
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from bot.database.engine import Engines

TABLES = ("names", "typed_texts", "recordings")
"""The tables with words in them."""
CHECKPOINT_TRIALS = 6


async def scrub(engines: Engines) -> None:
    """Overwrite what erasing left behind. Raise DatabaseUnusable if a reader keeps the old state open.

    ``secure_delete`` overwrites a row that is removed, but not the copies of it that remain in a page's unused part
    when pages were split. So the tables are emptied, which zeroes whole pages, and filled again, in one transaction.
    The write-ahead log holds older pages until it is cut.

    On PostgreSQL VACUUM FULL rewrites the tables. A role that does not own them can't run it, and the
    server skips them with a warning; docs/decisions/postgresql.md says who does it then.
    """
    if engines.on_postgresql:
        await _write_all_anew(engines)
        return
    await asyncio.to_thread(_scrub, engines.writer.url.database or "")


async def _write_all_anew(engines: Engines) -> None:
    outside_transactions = engines.writer.engine.execution_options(isolation_level="AUTOCOMMIT")

    def vacuum() -> None:
        with outside_transactions.connect() as connection:
            for table in TABLES:  # one after another, so that each is locked for as short as can be
                connection.execute(text(f"VACUUM (FULL) {table}"))

    try:
        await engines.writer.run(vacuum)
    except SQLAlchemyError as error:
        raise unusable(error) from error


def _scrub(file: str) -> None:
    try:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            # Without foreign keys a table is emptied page by page, and not row by row; what points at the rows finds
            # them again before the commit.
            for pragma in ("foreign_keys=OFF", "secure_delete=ON", "synchronous=FULL", "temp_store=MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                _write_anew(connection, table)
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise DatabaseUnusable("The database's tables do not fit together; restore it from a backup.")
            connection.execute("COMMIT")
            _cut_log(connection)
    except sqlite3.Error as error:
        raise unusable(error) from error


def _write_anew(connection: sqlite3.Connection, table: str) -> None:
    connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM main.{table} ORDER BY rowid")  # noqa: S608  ours
    connection.execute(f"DELETE FROM main.{table}")  # noqa: S608  ours
    connection.execute(f"INSERT INTO main.{table} SELECT * FROM kept ORDER BY rowid")  # noqa: S608  ours
    connection.execute("DROP TABLE kept")


def _cut_log(connection: sqlite3.Connection) -> None:
    for _ in range(CHECKPOINT_TRIALS):
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return
    raise DatabaseUnusable(
        "What was to be erased is gone from the tables, but another program keeps reading the database, and with it "
        "the old pages in the write-ahead log. Close that program, then run the command again."
    )
