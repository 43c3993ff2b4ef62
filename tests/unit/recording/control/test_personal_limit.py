"""One person can't flood Genesys or the trail: so many requests in a rolling minute, and one entry for what is more."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from bot.database.engine import open_engines
from bot.database.store import SqlStore
from bot.errors import Duplicate, NotPermitted, TooManyRequests
from bot.recording.caller import Role
from bot.recording.control.intake import Intake
from bot.recording.control.user_rate_limit import REDELIVERED_WITHIN, LookupLimit, PersonalLimit
from bot.recording.requests import Request, RequestSource
from tests.support.clocks.fake_clock import FakeClock
from tests.support.databases.postgres import on_both
from tests.support.recording.service import ADA, GRACE, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.databases.postgres import Database
    from tests.support.recording.service import Harness

LIMIT = 3


@asynccontextmanager
async def limited(file: Database, *, owner: str = "serve:1", clock: FakeClock | None = None) -> AsyncIterator[Limited]:
    async with open_harness(file, owner=owner, clock=clock) as harness:
        yield Limited(harness)


class Limited:
    """A shop in which each person may have three requests a minute."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.refusals: list[None] = []
        limit = PersonalLimit(LIMIT, lambda: self.refusals.append(None))
        self.intake = Intake(replace(harness.service.intake.log, limit=limit))

    async def starts(self, actor: str = ADA, request: Request | None = None) -> None:
        await self.intake.start(request or asked(actor), str(uuid4()), None)

    async def flood(self, times: int, actor: str = ADA) -> list[TooManyRequests]:
        refused = []
        for _ in range(times):
            try:
                await self.starts(actor)
            except TooManyRequests as refusal:
                refused.append(refusal)
        return refused

    async def entries(self, condition: str = "1 = 1") -> list[Any]:
        statement = text(f"SELECT * FROM audit_entries WHERE {condition} ORDER BY seq")  # noqa: S608  a test's own words
        return await self.harness.engines.read(lambda connection: list(connection.execute(statement)))


@pytest.fixture
async def limited_shop(database: Database) -> AsyncIterator[Limited]:
    async with limited(database) as found:
        yield found


async def test_the_limit_is_of_a_rolling_minute(limited_shop: Limited) -> None:
    clock = limited_shop.harness.clock
    for _ in range(LIMIT):
        await limited_shop.starts()
        clock.advance(10)  # asked at 0, 10 and 20 s; now it is 30 s

    with pytest.raises(TooManyRequests) as refused:
        await limited_shop.starts()
    assert refused.value.limit == LIMIT
    assert refused.value.retry_after == pytest.approx(30)

    clock.advance(29)
    assert len(await limited_shop.flood(1)) == 1
    clock.advance(1)
    assert len(await limited_shop.flood(2)) == 1  # the first one of the minute before is out of it, the second is not


async def test_each_person_has_a_limit_of_their_own(limited_shop: Limited) -> None:
    assert len(await limited_shop.flood(LIMIT + 2)) == 2
    assert await limited_shop.flood(LIMIT, GRACE) == []


async def test_denied_requests_count_too(limited_shop: Limited) -> None:
    stranger = asked(roles=frozenset())
    for _ in range(LIMIT):
        with pytest.raises(NotPermitted):
            await limited_shop.starts(request=replace(stranger, origin=asked().origin))

    with pytest.raises(TooManyRequests):
        await limited_shop.starts(request=replace(stranger, origin=asked().origin))


async def test_looks_are_limited_apart_from_actions(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT + 1)
    for look in (limited_shop.intake.read(asked()), limited_shop.intake.read_home(asked())):
        await look
    await limited_shop.intake.read_report(asked(roles=frozenset({Role.COMPLIANCE})), {"period": "today"})

    with pytest.raises(TooManyRequests):
        await limited_shop.intake.read(asked())
    with pytest.raises(TooManyRequests):
        await limited_shop.intake.read_report(asked(roles=frozenset({Role.COMPLIANCE})), {"period": "today"})


async def test_a_flood_leaves_one_entry_a_minute_and_the_number_of_the_rest(limited_shop: Limited) -> None:
    refused = await limited_shop.flood(LIMIT + 40)

    assert len(refused) == len(limited_shop.refusals) == 40
    (first,) = await limited_shop.entries("phase = 'failed'")
    assert (first.actor, '"too_many_requests"' in first.outcome) == (ADA, True)
    assert [one.audit_seq for one in refused] == [first.seq, *[None] * 39]

    await limited_shop.intake.log.limit.note(limited_shop.harness.store, limited_shop.harness.clock)
    await limited_shop.intake.log.limit.note(limited_shop.harness.store, limited_shop.harness.clock)
    (rest,) = await limited_shop.entries("action = 'requests:refused'")
    assert (rest.phase, rest.actor) == ("observed", "bot")
    assert '"refused":39' in rest.outcome.replace(" ", "")
    assert ADA in rest.outcome

    limited_shop.harness.clock.advance(61)
    await limited_shop.flood(LIMIT + 5)
    assert len(await limited_shop.entries("phase = 'failed'")) == 2


@on_both
async def test_two_notes_at_once_tell_of_each_refusal_once(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT + 10)
    limit, harness = limited_shop.intake.log.limit, limited_shop.harness

    await asyncio.gather(limit.note(harness.store, harness.clock), limit.note(harness.store, harness.clock))

    (rest,) = await limited_shop.entries("action = 'requests:refused'")
    assert '"refused":9' in rest.outcome.replace(" ", "")
    assert limit.unnoted == {}


async def test_what_could_not_be_noted_is_noted_the_next_time(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT + 10)
    limit, harness = limited_shop.intake.log.limit, limited_shop.harness
    closed = SqlStore(open_engines("sqlite+aiosqlite:////nowhere/at/all.db"))

    await limit.note(closed, harness.clock)
    await limited_shop.flood(1)
    await limit.note(harness.store, harness.clock)

    (rest,) = await limited_shop.entries("action = 'requests:refused'")
    assert '"refused":10' in rest.outcome.replace(" ", "")


async def test_an_error_that_nobody_knows_loses_no_count(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT + 10)
    limit, harness = limited_shop.intake.log.limit, limited_shop.harness
    writer = harness.engines.writer.engine

    def broken(_connection: Connection) -> None:
        raise RuntimeError("the driver is out of its mind")

    event.listen(writer, "begin", broken)
    with pytest.raises(RuntimeError):
        await limit.note(harness.store, harness.clock)
    event.remove(writer, "begin", broken)
    await limit.note(harness.store, harness.clock)

    (rest,) = await limited_shop.entries("action = 'requests:refused'")
    assert '"refused":9' in rest.outcome.replace(" ", "")


async def test_nothing_of_what_is_refused_reaches_genesys_or_the_records(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT + 10)

    assert len(await limited_shop.harness.store.live_recordings()) == LIMIT


async def test_a_second_delivery_is_told_how_the_first_stands_whatever_the_limit(limited_shop: Limited) -> None:
    request = asked(trigger="the-same")
    await limited_shop.starts(request=request)
    await limited_shop.flood(LIMIT + 1)

    with pytest.raises(Duplicate):
        await limited_shop.starts(request=request)


async def test_what_was_refused_once_stays_refused(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT)
    refused = [asked(trigger=f"refused-{number}") for number in range(4)]
    for request in refused:
        with pytest.raises(TooManyRequests):
            await limited_shop.starts(request=request)
    limited_shop.harness.clock.advance(61)

    for request in refused:
        with pytest.raises(Duplicate):
            await limited_shop.starts(request=request)
    assert await limited_shop.flood(LIMIT) == []  # a second delivery is no request of its own


@on_both
async def test_what_was_refused_once_stays_refused_by_another_process(database: Database) -> None:
    clock, request = FakeClock(), asked(trigger="refused")
    async with limited(database, clock=clock) as one:
        await one.flood(LIMIT + 1)
        with pytest.raises(TooManyRequests):
            await one.starts(request=request)
    clock.advance(61)

    async with limited(database, owner="serve:2", clock=clock) as other:
        with pytest.raises(Duplicate):
            await other.starts(request=request)


async def test_a_flood_that_goes_on_leaves_one_entry_each_minute(limited_shop: Limited) -> None:
    for _ in range(20):  # ten minutes, and always refused: what is accepted meanwhile is used up at once
        await limited_shop.flood(LIMIT + 3)
        limited_shop.harness.clock.advance(30)

    assert len(await limited_shop.entries("phase = 'failed'")) == 10


@on_both
async def test_what_is_kept_of_a_flood_does_not_grow_for_ever(limited_shop: Limited) -> None:
    async def kept() -> int:
        counted = text("SELECT count(*) FROM attempts WHERE verb LIKE 'limited%'")
        return await limited_shop.harness.engines.read(lambda connection: int(connection.execute(counted).scalar_one()))

    await limited_shop.flood(LIMIT + 50)
    assert await kept() == 50
    limited_shop.harness.clock.advance(REDELIVERED_WITHIN.total_seconds() + 1)
    await limited_shop.flood(LIMIT + 5, GRACE)
    assert await kept() == 50 + 5  # each person's own
    await limited_shop.flood(LIMIT + 5)
    assert await kept() == 1 + 5 + 5  # the one that has an entry stays


@on_both
async def test_processes_share_one_count(database: Database) -> None:
    clock = FakeClock()
    async with limited(database, clock=clock) as one, limited(database, owner="serve:2", clock=clock) as other:
        assert await one.flood(2) == []
        assert len(await other.flood(2)) == 1
        assert len(await one.entries("phase = 'failed'")) == 1
        await one.flood(1)
        assert len(await one.entries("phase = 'failed'")) == 1


async def test_a_clock_that_was_set_back_locks_nobody_out(limited_shop: Limited) -> None:
    await limited_shop.flood(LIMIT)
    limited_shop.harness.clock.advance(-3600)

    assert await limited_shop.flood(LIMIT) == []


async def test_the_bots_machine_has_no_limit_by_default(tmp_path: Path) -> None:
    async with open_harness(tmp_path / "record-bot.db") as harness:
        for _ in range(50):
            await harness.service.intake.start(Request(asked().caller, RequestSource("cli")), str(uuid4()), None)


def test_look_ups_are_counted_in_memory_and_forgotten() -> None:
    clock = FakeClock()
    look_ups = LookupLimit(clock, 2)

    assert [look_ups.admit(ADA), look_ups.admit(ADA), look_ups.admit(ADA), look_ups.admit(GRACE)] == [
        True,
        True,
        False,
        True,
    ]
    clock.advance(60)
    assert look_ups.admit(ADA)
    assert set(look_ups._times) == {ADA}
    assert all(LookupLimit(clock).admit(ADA) for _ in range(1000))
