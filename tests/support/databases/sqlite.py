"""SQLite files that have all tables from the start: to migrate each takes longer than the test that needs it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bot.database.engine import open_engines
from bot.database.migrate import upgrade

_migrated: list[bytes] = []
"""What a file holds after all migrations, once this process has run them."""


async def make_database(file: Path) -> None:
    """Write an empty database at the newest schema."""
    if not _migrated:
        with tempfile.TemporaryDirectory() as folder:
            first = Path(folder) / "bot.db"
            engines = open_engines(f"sqlite+aiosqlite:///{first}")
            try:
                await upgrade(engines)
            finally:
                await engines.close()
            _migrated.append(first.read_bytes())
    _write(file)


def _write(file: Path) -> None:
    """Write it in the caller's thread: another one takes longer to start."""
    file.write_bytes(_migrated[0])
