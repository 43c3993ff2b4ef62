"""The keeper's commands as processes: what they print, their exit statuses, and what they leave in the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config.settings import RetentionSettings, load
from bot.errors import SettingsError
from tests.support.databases.sqlite import make_database
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.measured
WRONG_PERIOD = "RETENTION_TEXTS is wrong: use a number with d, h or m, such as 365d, 12h or 30m."


@pytest.fixture
async def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    await make_database(shell.database)
    return shell


async def test_backup(shell: Shell) -> None:
    made = await shell("db", "backup", "backup.db")
    again = await shell("db", "backup", "backup.db")
    verified = await shell("audit", "verify", DATABASE_URL="sqlite+aiosqlite:///backup.db")

    assert (made.status, made.err) == (0, "")
    assert made.out.startswith("Backup verified: backup.db, 0 entries. SHA-256: ")
    assert (again.status, again.out) == (1, "")
    assert again.err == "backup.db already exists; choose another name.\n"
    assert verified.status == 0
    assert shell.entries("phase, action") == [("observed", "db:backup")]


async def test_backup_of_nothing(tmp_path: Path) -> None:
    ran = await Shell(tmp_path)("db", "backup", "backup.db")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "The database is empty; there is nothing to back up.\n"


@pytest.mark.parametrize("command", ["privacy erase U0ADA", "audit hold status", "audit hold on --reason x"])
async def test_nothing_is_said_of_a_trail_that_is_not_there(tmp_path: Path, command: str) -> None:
    ran = await Shell(tmp_path)(*command.split())

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "The database is empty or doesn't exist. Check DATABASE_URL.\n"


async def test_hold(shell: Shell) -> None:
    before = await shell("audit", "hold", "status")
    on = await shell("audit", "hold", "on", "--reason", "case 7")
    during = await shell("audit", "hold", "status")
    refused = await shell("audit", "archive", "--before", "2020-01-01", "--output", "archive")
    erase = await shell("privacy", "erase", "U0ADA")
    off = await shell("audit", "hold", "off", "--reason", "closed")

    assert (before.status, before.out) == (0, "There is no legal hold.\n")
    assert (on.status, on.out) == (0, "Legal hold turned on (#1).\n")
    assert during.out.endswith("(#1): case 7\n")
    assert refused.status == 0  # nothing is old enough, so there was nothing to refuse
    assert (erase.status, erase.out) == (1, "")
    assert "--despite-hold" in erase.err
    assert (off.status, off.out) == (0, "Legal hold released (#3).\n")


async def test_privacy(shell: Shell) -> None:
    counted = await shell("privacy", "erase", "U0ADA", "--dry-run")
    erased = await shell("privacy", "erase", "U0ADA")
    kept = await shell("privacy", "retention")
    looked = await shell("privacy", "retention", RETENTION_TEXTS="30d", RETENTION_NAMES="12h")

    nobody = "Nothing found for U0ADA, so nothing was erased. Check the id.\n"
    assert (counted.status, counted.out, counted.err) == (1, "", nobody)
    assert (erased.status, erased.out, erased.err) == (1, "", nobody)
    assert kept.out == "RETENTION_TEXTS and RETENTION_NAMES are not set: everything is kept.\n"
    assert looked.out.startswith("Erased: 0 names")
    assert shell.entries("phase, action") == [("failed", "privacy:erase")]


async def test_archive_and_verify(shell: Shell) -> None:
    nothing = await shell("audit", "archive", "--before", "2020-01-01", "--output", "archive")
    future = await shell("audit", "archive", "--before", "2999-01-01", "--output", "archive")

    assert nothing.out == "Nothing to archive: no entry is older than 2020-01-01T00:00:00.000000Z.\n"
    assert (future.status, future.out) == (1, "")
    assert future.err == "--before must be in the past.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("privacy", "erase", "Ada Byron"),
        ("privacy", "erase"),
        ("audit", "hold", "maybe"),
        ("audit", "hold", "on"),
        ("audit", "hold", "off", "--reason", " "),
        ("audit", "archive", "--before", "yesterday", "--output", "x"),
        ("audit", "archive", "--before", "2026-01-01"),
        ("audit", "verify", "--archive", "nowhere"),
        ("db", "backup"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_is_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    ran = await shell(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert "Error: " in ran.err
    assert shell.entries() == []


async def test_a_wrong_period_is_said_with_its_name(shell: Shell) -> None:
    ran = await shell("privacy", "retention", RETENTION_TEXTS="a year")

    assert ran.status == 2
    assert ran.err == f"{WRONG_PERIOD}\n"


@pytest.mark.parametrize("wrong", ["a year", "365", "0d", "-1d", "1.5h"])
def test_no_other_period_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETENTION_TEXTS", wrong)

    with pytest.raises(SettingsError) as refused:
        load(RetentionSettings)

    assert WRONG_PERIOD in refused.value.sentences
