"""One read tells all workers what waits, and holds until something is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, update

from bot.database.queries.pending_work import FRESH_SECONDS, SqlPendingWork
from bot.database.schema.tables import cards, recordings
from bot.recording.models import Verb
from tests.support.recording.service import CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases.postgres import Database


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


def pending_of(harness: Harness) -> SqlPendingWork:
    return SqlPendingWork(harness.engines, harness.store.changes(), harness.clock)


async def test_it_follows_what_is_written(harness: Harness) -> None:
    pending = pending_of(harness)
    assert (await pending.read()).attempts_since is None

    accepted = await harness.service.intake.start(asked(), CALL, None)
    assert (await pending.read()).attempts_since == accepted.attempt.requested_at

    started = await harness.service.carry_out(accepted)
    found = await pending.read()
    assert (found.attempts_since, found.running_since) == (None, started.recording.started_at)

    paused = await harness.service.intake.change(Verb.PAUSE, asked())
    await harness.service.carry_out(paused)  # type: ignore[arg-type]  # nobody else has to confirm it
    found = await pending.read()
    assert found.running_since is None
    assert found.paused_since is not None
    assert not any((found.keeps, found.approvals, found.next_calls, found.homes, found.transfers, found.notices))


async def test_it_reads_once_until_something_is_written(harness: Harness) -> None:
    pending, asked_for = pending_of(harness), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "attempts_since" in statement:
            asked_for.append(statement)

    for reader in harness.engines.readers:
        event.listen(reader, "before_cursor_execute", note)
    await asyncio.gather(*(pending.read() for _ in range(10)))
    assert len(asked_for) == 1

    await harness.engines.execute(update(recordings).values(version=1))  # unannounced
    await asyncio.gather(*(pending.read() for _ in range(10)))
    assert len(asked_for) == 2

    await harness.engines.execute(update(cards).values(posts_begun=1), leaves_work=False)  # a relay's note
    await pending.read()
    assert len(asked_for) == 2

    harness.store.announce()  # another process has written
    await asyncio.gather(*(pending.read() for _ in range(10)))
    assert len(asked_for) == 3

    harness.clock.advance(FRESH_SECONDS)  # perhaps another process has, and its notification was lost
    await pending.read()
    assert len(asked_for) == 4


async def test_a_failed_transaction_counts_as_a_write(harness: Harness) -> None:
    """The answer to a commit may have been lost, and its effect be there."""
    before = harness.engines.writer.ended

    def fail(_connection: object) -> None:
        raise OSError

    with pytest.raises(OSError):
        await harness.engines.writer.transaction(fail)
    assert harness.engines.writer.ended == before + 1
