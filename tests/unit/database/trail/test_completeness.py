"""What somebody with the database file can do to hide a gap, and what the comparison says to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.database.queries.outbox import SqlOutbox
from bot.database.trail.completeness import Completeness, Range, SqlCompleteness, ranges
from tests.support.service import CALL, Shop, asked, opened_shop
from tests.support.trail import attack, unguarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.postgres import Database

TEN = 10


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Ten entries, all of them delivered."""
    async with opened_shop(database) as shop:
        await write(shop, TEN)
        await deliver(shop, *range(1, TEN + 1))
        yield shop


async def write(shop: Shop, number: int) -> None:
    for _ in range(number):
        await shop.service.intake.read(asked(), CALL)


async def deliver(shop: Shop, *seqs: int) -> None:
    outbox = SqlOutbox(shop.engines)
    await outbox.delivery_begun(seqs, shop.clock.now())
    await outbox.delivered(seqs, at=shop.clock.now(), channel="C0AUDIT", ts="1.1")


async def look(shop: Shop) -> Completeness:
    return await SqlCompleteness(shop.engines).look(shop.clock.now())


async def test_all_is_there(shop: Shop) -> None:
    found = await look(shop)
    assert (found.complete, found.sound, found.problem, found.lacking, found.altered) == (True, True, "", 0, 0)


async def test_an_empty_trail_lacks_nothing(database: Database) -> None:
    async with opened_shop(database) as empty:
        assert (await look(empty)).complete


async def test_deliveries_that_were_removed_are_gaps(shop: Shop) -> None:
    attack(shop.file, "DELETE FROM audit_deliveries WHERE seq IN (2, 4, 5, 6)")
    found = await look(shop)
    assert found.skipped == (Range(2, 2), Range(4, 6))
    assert found.problem.startswith("entry 2, entries 4-6 were never delivered, although later ones were.")
    assert found.lacking == 4


async def test_deliveries_that_were_only_begun_are_gaps(shop: Shop) -> None:
    attack(shop.file, "UPDATE audit_deliveries SET delivered_at = NULL WHERE seq = 7")
    assert (await look(shop)).problem.startswith("entry 7 was never delivered")


async def test_many_gaps_are_counted(shop: Shop) -> None:
    await write(shop, 20)
    await deliver(shop, *range(12, 31, 2))
    assert "and 5 more such ranges were never delivered" in (await look(shop)).problem


async def test_a_tail_that_was_cut_off_is_missed(shop: Shop) -> None:
    attack(
        shop.file,
        *unguarded(shop.file, "audit_entries_no_delete"),
        "DELETE FROM audit_entries WHERE seq > 7",
    )
    found = await look(shop)
    assert found.vanished == Range(8, 10)
    assert found.problem.startswith("entries 8-10 stood in the channel, but the trail no longer holds them")
    assert (found.sound, found.altered) == (False, 3)


async def test_a_tail_that_was_cut_off_and_written_anew_is_missed_too(shop: Shop) -> None:
    attack(shop.file, *unguarded(shop.file, "audit_entries_no_delete"), "DELETE FROM audit_entries WHERE seq > 7")
    await write(shop, 5)
    found = await look(shop)
    assert found.vanished is None
    assert found.rewritten == (Range(8, 10),)
    assert found.problem.startswith("entries 8-10 have other hashes than the channel shows")


async def test_an_entry_that_was_changed_with_its_hash_is_seen(shop: Shop) -> None:
    attack(
        shop.file, *unguarded(shop.file, "audit_entries_no_update"), "UPDATE audit_entries SET hash = 'x' WHERE seq = 3"
    )
    assert (await look(shop)).problem.startswith("entry 3 has another hash than the channel shows")


async def test_new_entries_may_take_a_while(shop: Shop) -> None:
    await write(shop, 3)
    assert (await look(shop)).complete
    shop.clock.advance(299)
    assert (await look(shop)).complete
    shop.clock.advance(2)
    found = await look(shop)
    assert found.waiting == Range(11, 13)
    assert found.problem.startswith("entries 11-13 wait since 2026-03-02 09:16:40 UTC to be delivered")
    assert (found.sound, found.complete, found.lacking) == (True, False, 3)


async def test_everything_waits_where_all_deliveries_were_removed(shop: Shop) -> None:
    attack(shop.file, "DELETE FROM audit_deliveries")
    shop.clock.advance(301)
    found = await look(shop)
    assert (found.skipped, found.waiting) == ((), Range(1, 10))


async def test_the_end_alone_is_looked_at_quickly(shop: Shop) -> None:
    attack(shop.file, "DELETE FROM audit_deliveries WHERE seq = 2")
    await write(shop, 1)
    found = await SqlCompleteness(shop.engines).look_at_the_end(shop.clock.now(), timedelta(seconds=-1))
    assert (found.skipped, found.waiting) == ((), Range(11, 11))
    assert found.problem.startswith("entry 11 waits since")


@pytest.mark.parametrize(
    ("seqs", "expected"), [((), []), ((1,), [(1, 1)]), ((1, 2, 3), [(1, 3)]), ((1, 3, 4, 9), [(1, 1), (3, 4), (9, 9)])]
)
def test_numbers_are_gathered_into_runs(seqs: tuple[int, ...], expected: list[Any]) -> None:
    assert [(one.first, one.last) for one in ranges(seqs)] == expected
