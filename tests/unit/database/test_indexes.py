"""What is asked again and again is found by an index, however long the bot has served."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from bot.database.outbox.due_notices import SqlOccasions
from bot.database.outbox.notices import SqlNotices
from bot.database.queries.pending_work import SqlPendingWork
from bot.database.statements.approvals import newest_of
from bot.recording.monitoring.reminders import OpenNotice, ReminderTimes
from bot.recording.notices import Notice, NoticeKind
from tests.support.recording.service import ADA, Harness, open_harness
from tests.support.slack.samples import RECORDING_ID, recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path / "bot.db") as harness:
        yield harness


async def approvals_of_cards(harness: Harness) -> None:
    await harness.engines.read(lambda connection: newest_of(connection, [uuid4()]))


async def long_recordings(harness: Harness) -> None:
    await SqlOccasions(harness.engines).long_recordings(NOW, NOW)


async def long_pauses(harness: Harness) -> None:
    await SqlOccasions(harness.engines).long_pauses(NOW)


async def next_notice(harness: Harness) -> None:
    times = ReminderTimes(timedelta(minutes=30), timedelta(minutes=3))
    await SqlOccasions(harness.engines).seconds_to_next(NOW, times)


async def pending_work(harness: Harness) -> None:
    await SqlPendingWork(harness.engines, harness.store.changes(), harness.clock).read()


async def shared_message(harness: Harness) -> None:
    notice = Notice(NoticeKind.LONG_RECORDING, RECORDING_ID, "", ADA, 1)
    await SqlNotices(harness.engines).sharing(OpenNotice(notice, recording(), channel="D0ADA", ts="1.000001"))


@pytest.mark.parametrize(
    ("look", "table"),
    [
        (approvals_of_cards, "approvals"),
        (long_recordings, "recordings"),
        (long_pauses, "recordings"),
        (next_notice, "notices"),
        (next_notice, "recordings"),
        (pending_work, "attempts"),
        (pending_work, "approvals"),
        (pending_work, "recordings"),
        (pending_work, "keeps"),
        (pending_work, "notices"),
        (pending_work, "saved_looks"),
        (pending_work, "next_calls"),
        (pending_work, "next_call_notices"),
        (shared_message, "notices"),
    ],
)
async def test_no_look_reads_a_whole_table(
    harness: Harness, look: Callable[[Harness], Awaitable[None]], table: str
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    for reader in harness.engines.readers:
        event.listen(reader, "before_cursor_execute", note)
    await look(harness)
    for reader in harness.engines.readers:
        event.remove(reader, "before_cursor_execute", note)
    plans = await harness.engines.read(
        lambda connection: [
            str(step["detail"])
            for statement, parameters in asked
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).mappings()
        ]
    )
    about = [plan for plan in plans if f" {table}" in plan]
    assert about
    assert all("INDEX" in plan for plan in about), about
