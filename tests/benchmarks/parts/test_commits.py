"""The yardstick of plain ``sqlite3`` fits the bot's schema as it is now."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from tests.benchmarks.parts.commits import Commits, whole
from tests.support.databases.sqlite import make_database

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_transactions_of_a_start_fit_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    await make_database(file)

    with contextlib.closing(Commits(file)) as commits:
        whole(commits, 2)

    with contextlib.closing(sqlite3.connect(file)) as outside:
        assert outside.execute("SELECT seq, phase FROM audit_entries").fetchall() == [
            (1, "requested"),
            (2, "succeeded"),
            (3, "requested"),
            (4, "succeeded"),
        ]
        assert outside.execute("SELECT state FROM recordings").fetchall() == [("active",), ("active",)]
        assert outside.execute("SELECT rendered_version, posts_begun FROM cards").fetchall() == [(3, 1), (3, 1)]
