"""The figures of a period, and a call's story, from a real trail."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from bot.audit.entry import GENESIS_HASH
from bot.audit.period import Period, days
from bot.audit.summary import Head, Lengths, Summary, Unresolved
from bot.database.queries.digests import SqlDigests
from bot.database.queries.summaries import SqlSummaries
from bot.database.trail.call_history import SqlStories
from bot.errors import NotPermitted, OutcomeUnknown
from bot.recording.models import Verb
from tests.support.service import ADA, CALL, OTHER_CALL, TEAM, Shop, asked, at_once, opened_shop
from tests.support.trail import attack, entries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.postgres import Database

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
SECOND = date(2026, 3, 2)
MALLORY = f"slack:{TEAM}:U0MALLORY"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database) as shop:
        yield shop


async def record(shop: Shop, call: str, seconds: float) -> None:
    await shop.service.carry_out(await shop.service.intake.start(asked(), call, "an invoice"))
    shop.clock.advance(seconds)
    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.STOP, asked(), typed_id=call)))


async def of(shop: Shop, day: date, zone: ZoneInfo = UTC_ZONE, *, up_to: int | None = None) -> Summary:
    return await SqlSummaries(shop.engines).summary(days(day, day, zone), zone, up_to=up_to)


async def test_an_empty_trail(shop: Shop) -> None:
    assert await of(shop, SECOND) == Summary()
    assert await SqlSummaries(shop.engines).head() == Head(0, GENESIS_HASH)
    assert await SqlSummaries(shop.engines).first_moment() is None


async def test_the_figures_of_a_day(shop: Shop) -> None:
    await record(shop, CALL, 120)
    await record(shop, OTHER_CALL, 60)
    with pytest.raises(NotPermitted):
        await shop.service.intake.start(asked(MALLORY, roles=frozenset()), CALL, None)

    found = await of(shop, SECOND)
    assert found.counts == {
        "recording:start": {"denied": 1, "requested": 2, "succeeded": 2},
        "recording:stop": {"requested": 2, "succeeded": 2},
    }
    assert found.recordings == Lengths(2, 180, 120, CALL)
    assert found.denials == {MALLORY: 1}
    assert (found.activity.started[9], found.activity.denied[9], sum(found.activity.failed)) == (2, 1, 0)
    berlin = await of(shop, SECOND, BERLIN)
    assert berlin.activity.started[10] == 2
    last = entries(shop.file)[-1]
    assert await SqlSummaries(shop.engines).head() == Head(last["seq"], last["hash"])


async def test_other_days_have_nothing_of_it(shop: Shop) -> None:
    await record(shop, CALL, 120)
    for day in (date(2026, 3, 1), date(2026, 3, 3)):
        assert (await of(shop, day)).entries == 0
        assert (await of(shop, day)).recordings == Lengths()


async def test_a_recording_belongs_to_the_day_on_which_it_ended(shop: Shop) -> None:
    await record(shop, CALL, 86_400)
    assert (await of(shop, SECOND)).recordings.number == 0
    assert (await of(shop, date(2026, 3, 3))).recordings == Lengths(1, 86_400, 86_400, CALL)


async def test_the_ends_of_a_period(shop: Shop) -> None:
    await record(shop, CALL, 1)
    moment = datetime.fromisoformat(entries(shop.file)[0]["occurred_at"]).astimezone(UTC)
    summaries = SqlSummaries(shop.engines)
    first = await summaries.summary(Period("", moment, moment.replace(microsecond=1)), UTC_ZONE)
    assert first.entries == 2  # the request and its outcome, at the same instant of this clock
    assert (await summaries.summary(Period("", moment.replace(year=2020), moment), UTC_ZONE)).entries == 0


async def test_later_entries_can_be_left_out(shop: Shop) -> None:
    await record(shop, CALL, 1)
    assert (await of(shop, SECOND, up_to=3)).entries == 3


async def test_what_is_unresolved(shop: Shop) -> None:
    await shop.service.carry_out(await shop.service.intake.start(asked(), CALL, None))
    await shop.service.intake.start(asked(), OTHER_CALL, None)  # and nobody carries it out
    assert (await of(shop, SECOND)).unresolved == Unresolved(requests=1, live=1)

    stop = at_once(await shop.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
    await shop.service.settlement.unknown(stop, OutcomeUnknown())
    assert (await of(shop, SECOND)).unresolved == Unresolved(requests=2, in_doubt=1)
    assert (await of(shop, date(2026, 3, 1))).unresolved == Unresolved()


async def test_a_story_holds_the_words_while_they_are_kept(shop: Shop) -> None:
    await record(shop, CALL, 5)
    await record(shop, OTHER_CALL, 5)
    stories = SqlStories(shop.engines)

    told, older = await stories.story(CALL, before=100, limit=40)
    assert [(entry.phase.value, words) for entry, words in told] == [
        ("requested", "an invoice"),
        ("succeeded", None),
        ("requested", None),
        ("succeeded", None),
    ]
    assert older == 0
    newest, older = await stories.story(CALL, before=100, limit=3)
    assert (newest, older) == (told[1:], 1)
    assert await stories.story(CALL, before=1, limit=3) == ((), 0)

    attack(shop.file, "DELETE FROM typed_texts")
    told, _ = await stories.story(CALL, before=100, limit=40)
    assert {words for _, words in told} == {None}


async def test_one_digest_a_day_and_with_the_head_before_it(shop: Shop) -> None:
    await record(shop, CALL, 5)
    digests = SqlDigests(shop.engines, shop.store)
    head = entries(shop.file)[-1]
    assert await digests.missing([SECOND]) == (SECOND,)
    assert await digests.add(SECOND, {"zone": "UTC"}, entry_id=uuid7(), actor="bot", at=shop.clock.now())
    assert not await digests.add(SECOND, {"zone": "UTC"}, entry_id=uuid7(), actor="bot", at=shop.clock.now())
    assert await digests.missing([SECOND]) == ()
    last = entries(shop.file)[-1]
    assert last["outcome"] == {
        "day": "2026-03-02",
        "zone": "UTC",
        "head_seq": head["seq"],
        "head_hash": head["hash"],
    }
    assert ADA not in str(last)
