"""Allows one serving process for a SQLite file: two would take over each other's work."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from bot.database.identity.file_identity import create_private
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEPENDENT = sys.platform == "linux"
"""Whether ``flock`` on a file doesn't get in the way of SQLite's own locks on it (flock(2), "no interaction")."""


@contextmanager
def serving_alone(url: str) -> Iterator[None]:
    """Hold the database file for this process; the system lets go when the process ends, however it ends.

    On Linux the database file itself is locked, so that neither another name for it nor a removed lock file lets in a
    second process. Elsewhere only the lock file beside it is, which also says which process holds it.

    A PostgreSQL database may be served by several, which share the work (``bot.database.replicas``).
    Raise DatabaseUnusable where another process holds it, or one of the files can't be opened.
    """
    if make_url(url).get_backend_name() != "sqlite":
        yield
        return
    path = Path(os.path.realpath(make_url(url).database or ""))
    beside = path.with_name(f"{path.name}.lock")
    with ExitStack() as held:
        holder = _opened(beside, os.O_RDWR | os.O_CREAT, held, "write")
        _take(holder, holder)
        try:
            create_private(path)
        except OSError as error:
            raise _unusable(path, error, "create") from error
        if INDEPENDENT:
            _take(_opened(path, os.O_RDONLY, held, "read"), holder)
        os.truncate(holder, 0)
        os.pwrite(holder, f"{os.getpid()}\n".encode(), 0)
        yield


def _opened(path: Path, flags: int, held: ExitStack, purpose: str) -> int:
    try:
        file = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error, purpose) from error
    held.callback(os.close, file)
    return file


def _unusable(path: Path, error: OSError, purpose: str) -> DatabaseUnusable:
    return DatabaseUnusable(f"Can't {purpose} {path}: {error.strerror}. Check DATABASE_URL and file permissions.")


def _take(file: int, holder: int) -> None:
    """Lock the file; the ``holder`` file says who has it otherwise."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.pread(holder, 20, 0).decode(errors="replace").strip()
        known = f" (process {process})" if process else ""
        raise DatabaseUnusable(
            f"record-bot is already running on this database{known}. Stop it first, or use another DATABASE_URL."
        ) from None
