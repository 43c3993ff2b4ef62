"""The domain runs on SQLite; tests of transactions, locks and queries run on PostgreSQL as well (``on_both``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.databases.postgres import database_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases.postgres import Database


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A SQLite file, or what ``on_both`` asks for."""
    return database_of(getattr(request, "param", "sqlite"), request, tmp_path)
