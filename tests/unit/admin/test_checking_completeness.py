"""``record-bot check`` names what the audit channel lacks, in the line about that channel."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from bot.admin.checks.check import _and_complete, as_text
from bot.admin.checks.database import check_database
from bot.config.settings import DatabaseSettings
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.trail.completeness import Completeness
from bot.runtime.http_server import ComponentHealth
from tests.support.recording.service import CALL, asked, open_harness

if TYPE_CHECKING:
    from pathlib import Path

CHANNEL = ComponentHealth("audit channel", ok=True)


async def checked(file: Path, *attacks: str) -> ComponentHealth:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as outside:
        for statement in attacks:
            outside.execute(statement)
    return _and_complete(CHANNEL, await completeness(file))


async def completeness(file: Path) -> Completeness:
    return (await check_database(DatabaseSettings(database_url=f"sqlite+aiosqlite:///{file}"))).delivered


@pytest.fixture
async def trail(tmp_path: Path) -> Path:
    """A trail of six entries long ago, the first five of which are in the channel."""
    file = tmp_path / "bot.db"
    async with open_harness(file) as harness:
        for _ in range(6):
            await harness.service.intake.read(asked(), CALL)
        await SqlOutbox(harness.engines).delivery_begun(range(1, 6), harness.clock.now())
        await SqlOutbox(harness.engines).delivered(range(1, 6), at=harness.clock.now(), channel="C0AUDIT", ts="1.1")
    return file


async def test_a_gap_is_a_problem(trail: Path) -> None:
    part = await checked(trail, "DELETE FROM audit_deliveries WHERE seq BETWEEN 2 AND 4")
    assert not part.ok
    assert as_text((part,)).startswith("audit channel  PROBLEM: Entries 2-4 never reached the channel")
    assert part.problem.endswith(".")


async def test_a_tail_that_was_cut_off_is_a_problem(trail: Path) -> None:
    part = await checked(
        trail,
        "PRAGMA foreign_keys = OFF",
        "DROP TRIGGER audit_entries_no_delete",
        "DELETE FROM audit_entries WHERE seq > 3",
    )
    assert not part.ok
    assert "Entries 4-5 are in the channel but no longer" in part.problem


async def test_lines_that_only_wait_are_no_reason_not_to_serve(trail: Path) -> None:
    part = await checked(trail)
    assert part.ok
    assert as_text((part,)).startswith(
        "audit channel  ok \N{EN DASH} Entry 6 has not reached the audit channel yet (since 2026-03-02"
    )


async def test_where_there_is_no_trail_yet_nothing_is_missing(tmp_path: Path) -> None:
    assert await completeness(tmp_path / "new.db") == Completeness()


async def test_where_there_is_no_database_its_own_line_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, but it is long enough to be taken for the header of one " * 20)
    assert await completeness(broken) == Completeness()


def test_what_slack_says_and_what_is_missing_are_both_said() -> None:
    part = _and_complete(ComponentHealth("audit channel", ok=False, problem="Slack says is_archived."), Completeness())
    assert (part.ok, part.problem) == (False, "Slack says is_archived.")
