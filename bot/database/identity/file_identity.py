"""Notices that the SQLite file was deleted or replaced while it is open.

An open file goes on existing without its name: the bot would write entries that nobody can read, and lose them when it
ends. A file is known by its device and inode, however its path is spelled. SQLite's manual ("How To Corrupt An SQLite
Database File", section 4) says that a deleted or renamed file, or a separated ``-wal`` file, is not noticed by SQLite.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy import URL

Identity = tuple[int, int]
"""Device and inode."""


class DatabaseReplaced(SQLAlchemyError):
    """The database is not the one that this process has written to."""


@dataclass(slots=True)
class DatabaseFile:
    """The file that the engines have opened first, and the log beside it."""

    path: Path
    _file: Identity | None = None
    _log: Identity | None = None

    def connecting(self) -> None:
        """Check before a connection is opened: SQLite would create a missing file."""
        self.check()

    def opened(self) -> None:
        """Note which file was opened if it is the first one, or check that it is the same."""
        if self._file is None:
            self._file = _identity(self.path)
        self.check()

    def log_closed(self) -> None:
        """Forget the log: SQLite deletes it with the last connection, and makes another one."""
        self._log = None

    def log_opened(self) -> None:
        """Note the log if it is not known; it exists from the first transaction on."""
        if self._log is None:
            self._log = _identity(self._log_path)

    def check(self) -> None:
        """Raise DatabaseReplaced unless file and log are still where they were opened; it costs two ``stat`` calls."""
        self._require(self.path, self._file)
        self._require(self._log_path, self._log)

    @property
    def _log_path(self) -> Path:
        return Path(f"{os.path.realpath(self.path)}-wal")

    @staticmethod
    def _require(path: Path, opened: Identity | None) -> None:
        if opened is None or (found := _identity(path)) == opened:
            return
        happened = "deleted or moved away" if found is None else "replaced by another file"
        raise DatabaseReplaced(f"{path} was {happened} while record-bot was running")


def database_file(url: URL) -> DatabaseFile | None:
    """Return the file behind an address; None if there is none to check."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in {"", ":memory:"} or name.startswith("file:"):
        return None
    return DatabaseFile(Path(name).absolute())


def create_private(path: Path) -> None:
    """Create the file, empty and only for this user, if it doesn't exist; SQLite gives its log the same mode.

    An existing file is not even opened: closing it would release SQLite's locks. Raise OSError.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
