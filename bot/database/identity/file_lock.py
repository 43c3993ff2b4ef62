"""Allows one serving process for a SQLite file: two would take over each other's work."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving_alone(url: str) -> Iterator[None]:
    """Hold the database file for this process; the system lets go when the process ends, however it ends.

    A PostgreSQL database may be served by several, which share the work (``bot.database.replicas``).
    Raise DatabaseUnusable where another process holds it, or the lock file can't be written.
    """
    if make_url(url).get_backend_name() != "sqlite":
        yield
        return
    path = f"{make_url(url).database}.lock"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnusable(
            f"Can't write {path}: {error.strerror}. Check DATABASE_URL and file permissions."
        ) from error
    try:
        _take(file)
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def _take(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 20, 0).decode(errors="replace").strip() or "unknown"
        raise DatabaseUnusable(
            f"record-bot is already running on this database (process {holder}). Stop it first, or use another "
            "DATABASE_URL."
        ) from None
