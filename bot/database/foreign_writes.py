"""Notices what another process has written to the SQLite file: a terminal's command, or a restored backup.

SQLite tells nobody. A ``stat`` of the write-ahead log shows that somebody has written, and ``PRAGMA data_version`` on
the writer's connection, which ignores its own commits, that it was another process
(https://www.sqlite.org/pragma.html#pragma_data_version). While nobody writes, no statement is made.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.database.engine import Engines

Written = tuple[int, int] | None


@dataclass(slots=True)
class ForeignWrites:
    """Calls ``announce`` after another process has written."""

    engines: Engines
    announce: Callable[[], None]
    log: Path
    _written: Written = None
    _version: int | None = None

    @classmethod
    def to(cls, engines: Engines, announce: Callable[[], None]) -> ForeignWrites | None:
        """Return what watches the file; None where the database has no file."""
        file = engines.writer.url.database
        if engines.on_postgresql or not file:
            return None
        return cls(engines, announce, Path(f"{os.path.realpath(file)}-wal"))  # SQLite follows a symbolic link too

    async def check(self) -> None:
        """Announce what another process has written since the last check."""
        if (written := self._now()) == self._written:
            return
        self._written = written
        version = await self.engines.writer.run(self._data_version)
        if self._version is not None and version != self._version:
            self.announce()
        self._version = version

    def _now(self) -> Written:
        try:
            facts = self.log.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size

    def _data_version(self) -> int:
        connection = self.engines.writer.engine.raw_connection()  # outside any transaction: nothing is locked
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone() or (0,)
            return int(version)
        finally:
            connection.close()
