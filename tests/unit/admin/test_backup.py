"""A backup that has its name is whole, and a bot can go on from it."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.admin.audit import verify_database
from bot.audit.verification import Verifier
from bot.config.settings import DatabaseSettings
from bot.errors import DatabaseUnusable, MalformedId, Refused
from tests.support.databases.trail import entries
from tests.support.databases.writer import write_sql
from tests.support.recording.service import asked, open_harness
from tests.unit.admin.conftest import forge, nothing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.admin.conftest import Past


def backups(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*backup*"))


async def test_a_backup_is_a_whole_trail_of_its_own(past: Past, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    before = past.entries()

    said = await past.keeper.back_up(file, nothing)

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert said == (
        f"Backup verified: {file}, {len(before)} entries. Newest: #{len(before)} {before[-1]['hash']}. "
        f"SHA-256: {digest}"
    )
    assert (tmp_path / "backup.db.sha256").read_text() == f"{digest}  backup.db\n"
    assert entries(file) == before
    assert past.entries()[-1]["outcome"] == {
        "seq": len(before),
        "hash": before[-1]["hash"],
        "bytes": file.stat().st_size,
        "sha256": digest,
    }
    assert past.story() == ["observed db:backup"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert backups(tmp_path) == ["backup.db", "backup.db.sha256"]


async def test_a_backup_under_load_is_whole(past: Past, tmp_path: Path) -> None:
    writing = asyncio.Event()

    async def write_on() -> None:
        while True:
            with pytest.raises(MalformedId):
                await past.harness.service.intake.start(asked(), "no id", "x" * 500)
            writing.set()

    load = [asyncio.ensure_future(write_on()) for _ in range(4)]
    try:
        for number in range(5):
            writing.clear()
            await writing.wait()
            await past.keeper.back_up(tmp_path / f"{number}.db", nothing)
    finally:
        for one in load:
            one.cancel()
        await asyncio.gather(*load, return_exceptions=True)
        await past.harness.store.settled()

    lengths = []
    for number in range(5):
        settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{tmp_path}/{number}.db")
        verifier = Verifier()
        assert (await verify_database(settings, verifier, nothing)).ok
        lengths.append(verifier.entries)
    assert lengths == sorted(set(lengths))
    assert (await past.verdict()).ok


async def test_the_bot_goes_on_from_a_restored_backup(past: Past, tmp_path: Path) -> None:
    await past.keeper.back_up(tmp_path / "backup.db", nothing)
    restored = tmp_path / "restored" / "record-bot.db"
    restored.parent.mkdir()
    shutil.copyfile(tmp_path / "backup.db", restored)

    async with open_harness(restored) as harness:
        with pytest.raises(MalformedId):
            await harness.service.intake.start(asked(), "no id", None)
        assert await write_sql(harness.engines, "PRAGMA journal_mode") == "wal"

    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{restored}")
    assert (await verify_database(settings, Verifier(), nothing)).ok
    assert entries(restored)[-1]["seq"] == entries(tmp_path / "backup.db")[-1]["seq"] + 1


async def test_a_file_that_is_there_is_left_alone(past: Past, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    file.write_text("precious")

    with pytest.raises(Refused, match="already exists"):
        await past.keeper.back_up(file, nothing)

    assert file.read_text() == "precious"
    assert past.story() == []


async def test_a_directory_that_is_not_there_is_said_so(past: Past, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't be written"):
        await past.keeper.back_up(tmp_path / "no" / "backup.db", nothing)


async def test_a_broken_trail_gives_no_backup(past: Past, tmp_path: Path) -> None:
    forge(past, "UPDATE audit_entries SET actor = 'slack:T:U0EVE' WHERE seq = 3")

    with pytest.raises(DatabaseUnusable, match="Entry 3 was changed"):
        await past.keeper.back_up(tmp_path / "backup.db", nothing)

    assert backups(tmp_path) == []


async def test_a_database_without_its_guards_gives_no_backup(past: Past, tmp_path: Path) -> None:
    with closing(sqlite3.connect(past.file)) as outsider, outsider:
        outsider.execute("DROP TRIGGER audit_entries_no_update")

    with pytest.raises(DatabaseUnusable, match="audit_entries_no_update"):
        await past.keeper.back_up(tmp_path / "backup.db", nothing)

    assert backups(tmp_path) == []


async def test_a_page_that_rotted_gives_no_backup(past: Past, tmp_path: Path) -> None:
    with closing(sqlite3.connect(past.file)) as outsider:
        (root,) = outsider.execute("SELECT rootpage FROM sqlite_master WHERE name = 'attempts'").fetchone()
        outsider.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with past.file.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 64)

    with pytest.raises((Refused, DatabaseUnusable)):
        await past.keeper.back_up(tmp_path / "backup.db", nothing)

    assert backups(tmp_path) == []
