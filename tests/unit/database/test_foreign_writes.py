"""What another process writes to the SQLite file is noticed; what this one writes is not taken for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from bot.database.engine import open_engines
from bot.database.foreign_writes import ForeignWrites
from tests.support.databases.writer import write_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.database.engine import Engines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
async def engines(file: Path) -> AsyncIterator[Engines]:
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    await write_sql(engines, "CREATE TABLE numbers (value INTEGER PRIMARY KEY)")
    yield engines
    await engines.close()


async def test_only_another_process_is_noticed(engines: Engines, file: Path) -> None:
    announced: list[None] = []
    foreign = ForeignWrites.to(engines, lambda: announced.append(None))
    assert foreign is not None
    await foreign.check()
    await write_sql(engines, "INSERT INTO numbers VALUES (1)")
    await foreign.check()
    assert announced == []

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("INSERT INTO numbers VALUES (2)")
    await write_sql(engines, "INSERT INTO numbers VALUES (3)")
    await foreign.check()
    assert announced == [None]
    await foreign.check()
    assert announced == [None]


async def test_a_database_behind_a_link_is_watched_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    file, link = tmp_path / "disk" / "some.db", tmp_path / "linked.db"
    file.touch()
    link.symlink_to(file)
    engines, announced = open_engines(f"sqlite+aiosqlite:///{link}"), list[None]()
    await write_sql(engines, "CREATE TABLE numbers (value INTEGER PRIMARY KEY)")
    foreign = ForeignWrites.to(engines, lambda: announced.append(None))
    assert foreign is not None
    await foreign.check()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("INSERT INTO numbers VALUES (1)")
    await foreign.check()
    assert announced == [None]
    await engines.close()


async def test_while_nobody_writes_nothing_is_asked(engines: Engines) -> None:
    foreign = ForeignWrites.to(engines, lambda: None)
    assert foreign is not None
    await foreign.check()
    asked: list[None] = []
    event.listen(engines.writer.engine, "checkout", lambda *_: asked.append(None))
    for _ in range(10):
        await foreign.check()
    assert asked == []


async def test_postgresql_announces_what_others_write_by_itself() -> None:
    engines = open_engines("postgresql+psycopg://nobody@localhost/none")
    assert ForeignWrites.to(engines, lambda: None) is None
