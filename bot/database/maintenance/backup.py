"""Copies the database while it is in use, and proves that the copy is whole."""

from __future__ import annotations

import asyncio
import os
import shlex
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL

from bot.audit.files import checksum
from bot.audit.verification import Verifier
from bot.database.engine import BUSY_TIMEOUT_MS, open_engines
from bot.database.identity.file_identity import create_private
from bot.database.migrate import unusable
from bot.database.trail.guards import check_guards
from bot.database.trail.reader import SqlTrail
from bot.errors import DatabaseUnusable, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.database.engine import Engines


NEEDED_TO_CONNECT = frozenset({"host", "port", "service", "sslmode", "sslrootcert", "sslcert", "sslkey"})


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy: its chain's head, its size in bytes, and its SHA-256."""

    entries: int
    seq: int
    head: str
    bytes: int
    sha256: str


async def back_up(engines: Engines, file: Path, progress: Callable[[int, int], None]) -> Backup:
    """Copy the database into the new ``file``, verify the copy, and put its SHA-256 beside it.

    The copy gets its name only when it is verified, so that what has the name can be relied on. Raise Refused where the
    file exists or the copy is not intact, DatabaseUnusable where the database can't be read.
    """
    if engines.on_postgresql:
        raise Refused(pg_dump_instead(engines.writer.url, file))
    partial = await asyncio.to_thread(_partial, file)
    try:
        await asyncio.to_thread(_copy, engines.writer.url.database or "", partial)
        verifier = await _verified(partial, progress)
        size, digest = await asyncio.to_thread(_give_name, partial, file)
    finally:
        partial.unlink(missing_ok=True)
    return Backup(verifier.entries, verifier.last_seq, verifier.head, size, digest)


def pg_dump_instead(url: URL, file: Path) -> str:
    """Say how a PostgreSQL database is backed up; the password is left to ~/.pgpass or PGPASSWORD."""
    login = url.set(drivername="postgresql", password=None)
    login = login.difference_update_query([name for name in login.query if name not in NEEDED_TO_CONNECT])
    command = f"pg_dump --format=custom --file={shlex.quote(str(file))} {shlex.quote(login.render_as_string())}"
    return (
        f"A PostgreSQL database is backed up with its own tool: {command}. "
        "A restored copy is checked with record-bot audit verify."
    )


def _partial(file: Path) -> Path:
    if file.exists():
        raise Refused(f"{file} already exists; choose another name.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".partial", dir=file.parent)
    except OSError as error:
        raise Refused(f"{file} can't be written: {error.strerror}.") from None
    os.close(handle)
    return Path(name)


def _copy(source: str, target: Path) -> None:
    timeout = BUSY_TIMEOUT_MS / 1000
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(source)}?mode=ro", uri=True, timeout=timeout)) as live,
            closing(sqlite3.connect(target, isolation_level=None, timeout=timeout)) as copy,
        ):
            # One step is one snapshot. With several steps, each write of the bot would restart the copy.
            live.backup(copy, pages=-1)
            copy.execute("PRAGMA synchronous=FULL")
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it, until it is used again
        _to_disk(target)
    except sqlite3.Error as error:
        raise unusable(error) from error


async def _verified(copy: Path, progress: Callable[[int, int], None]) -> Verifier:
    verifier = Verifier()
    try:
        if problem := await asyncio.to_thread(_problem, copy):
            raise Refused(f"The copy is damaged ({problem}) and was deleted. Run: record-bot audit verify")
        engines = open_engines(URL.create("sqlite+aiosqlite", database=str(copy)))
        try:
            await engines.read(check_guards)
            await SqlTrail(engines).verify(verifier, progress)
        finally:
            await engines.close()
    except sqlite3.Error as error:
        raise unusable(error) from error
    if verifier.finish() is not None:
        raise DatabaseUnusable(
            "The audit trail is broken in the database, and so in the copy, which was deleted. "
            f"{verifier.flaw} See docs/operations.md."
        )
    return verifier


def _problem(copy: Path) -> str | None:
    with closing(sqlite3.connect(f"file:{quote(str(copy))}?mode=ro", uri=True)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            return str(found)
        loose = connection.execute("PRAGMA foreign_key_check").fetchone()
        return None if loose is None else f"a row of {loose[0]} points at nothing"


def _give_name(partial: Path, file: Path) -> tuple[int, str]:
    digest = checksum(partial)
    try:
        os.link(partial, file)  # unlike a rename, it does not replace what came there meanwhile
    except FileExistsError:
        raise Refused(f"{file} already exists; choose another name.") from None
    beside = file.with_name(f"{file.name}.sha256")
    create_private(beside)
    beside.write_text(f"{digest}  {file.name}\n")
    _to_disk(beside)
    _to_disk(file.parent)
    return file.stat().st_size, digest


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
