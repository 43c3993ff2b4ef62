"""What somebody with the database file can do to hide a gap, and what the comparison says to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.store import SqlStore
from bot.database.trail.completeness import Completeness, Range, SqlCompleteness, ranges
from bot.recording.control.intake import Intake
from tests.support.databases.trail import attack, unguarded
from tests.support.recording.service import CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases.postgres import Database

TEN = 10


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    """Ten entries, all of them delivered."""
    async with open_harness(database) as harness:
        await write(harness, TEN)
        await deliver(harness, *range(1, TEN + 1))
        yield harness


async def write(harness: Harness, number: int) -> None:
    for _ in range(number):
        await harness.service.intake.read(asked(), CALL)


async def deliver(harness: Harness, *seqs: int) -> None:
    outbox = SqlOutbox(harness.engines)
    await outbox.delivery_begun(seqs, harness.clock.now())
    await outbox.delivered(seqs, at=harness.clock.now(), channel="C0AUDIT", ts="1.1")


async def look(harness: Harness) -> Completeness:
    return await SqlCompleteness(harness.engines).check(harness.clock.now())


async def test_all_is_there(harness: Harness) -> None:
    found = await look(harness)
    assert (found.complete, found.sound, found.problem, found.lacking, found.altered) == (True, True, "", 0, 0)


async def test_an_empty_trail_lacks_nothing(database: Database) -> None:
    async with open_harness(database) as empty:
        assert (await look(empty)).complete


async def test_deliveries_that_were_removed_are_gaps(harness: Harness) -> None:
    attack(harness.file, "DELETE FROM audit_deliveries WHERE seq IN (2, 4, 5, 6)")
    found = await look(harness)
    assert found.skipped == (Range(2, 2), Range(4, 6))
    assert found.problem.startswith("Entry 2, entries 4-6 never reached the channel although later ones did")
    assert found.lacking == 4


async def test_deliveries_that_were_only_begun_are_gaps(harness: Harness) -> None:
    attack(harness.file, "UPDATE audit_deliveries SET delivered_at = NULL WHERE seq = 7")
    assert (await look(harness)).problem.startswith("Entry 7 never reached the channel")


async def test_many_gaps_are_counted(harness: Harness) -> None:
    await write(harness, 20)
    await deliver(harness, *range(12, 31, 2))
    assert "and 5 more such ranges never reached the channel" in (await look(harness)).problem


async def test_a_tail_that_was_cut_off_is_missed(harness: Harness) -> None:
    attack(
        harness.file,
        *unguarded(harness.file, "audit_entries_no_delete"),
        "DELETE FROM audit_entries WHERE seq > 7",
    )
    found = await look(harness)
    assert found.vanished == Range(8, 10)
    assert found.problem.startswith("Entries 8-10 are in the channel but no longer in the database")
    assert (found.sound, found.altered) == (False, 3)


async def test_a_tail_that_was_cut_off_and_written_anew_is_missed_too(harness: Harness) -> None:
    attack(harness.file, *unguarded(harness.file, "audit_entries_no_delete"), "DELETE FROM audit_entries WHERE seq > 7")
    store = SqlStore(harness.engines)  # that of the old process would refuse
    restarted = Intake(replace(harness.service.intake.log, store=store))
    for _ in range(5):
        await restarted.read(asked(), CALL)
    found = await look(harness)
    assert found.vanished is None
    assert found.rewritten == (Range(8, 10),)
    assert found.problem.startswith("Entries 8-10 have different hashes from the ones in the channel")


async def test_an_entry_that_was_changed_with_its_hash_is_seen(harness: Harness) -> None:
    attack(
        harness.file,
        *unguarded(harness.file, "audit_entries_no_update"),
        "UPDATE audit_entries SET hash = 'x' WHERE seq = 3",
    )
    assert (await look(harness)).problem.startswith("Entry 3 has a different hash from the one in the channel")


async def test_new_entries_may_take_a_while(harness: Harness) -> None:
    await write(harness, 3)
    assert (await look(harness)).complete
    harness.clock.advance(299)
    assert (await look(harness)).complete
    harness.clock.advance(2)
    found = await look(harness)
    assert found.waiting == Range(11, 13)
    assert found.problem.startswith(
        "Entries 11-13 have not reached the audit channel yet (since 2026-03-02 09:16:40 UTC)"
    )
    assert (found.sound, found.complete, found.lacking) == (True, False, 3)


async def test_everything_waits_where_all_deliveries_were_removed(harness: Harness) -> None:
    attack(harness.file, "DELETE FROM audit_deliveries")
    harness.clock.advance(301)
    found = await look(harness)
    assert (found.skipped, found.waiting) == ((), Range(1, 10))


async def test_the_end_alone_is_looked_at_quickly(harness: Harness) -> None:
    attack(harness.file, "DELETE FROM audit_deliveries WHERE seq = 2")
    await write(harness, 1)
    found = await SqlCompleteness(harness.engines).check_end(harness.clock.now(), timedelta(seconds=-1))
    assert (found.skipped, found.waiting) == ((), Range(11, 11))
    assert found.problem.startswith("Entry 11 has not reached the audit channel yet (since")


@pytest.mark.parametrize(
    ("seqs", "expected"), [((), []), ((1,), [(1, 1)]), ((1, 2, 3), [(1, 3)]), ((1, 3, 4, 9), [(1, 1), (3, 4), (9, 9)])]
)
def test_numbers_are_gathered_into_runs(seqs: tuple[int, ...], expected: list[Any]) -> None:
    assert [(one.first, one.last) for one in ranges(seqs)] == expected
