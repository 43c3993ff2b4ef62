"""The figures of a period, and a call's story, from a real trail."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from bot.audit.entry import GENESIS_HASH
from bot.audit.reports.period import Period, days
from bot.audit.reports.summary import Head, Lengths, Summary, Unresolved
from bot.database.outbox.digests import SqlDigests
from bot.database.queries.summaries import SqlSummaries
from bot.database.trail.call_history import SqlStories
from bot.errors import NotPermitted, OutcomeUnknown
from bot.recording.models import Verb
from tests.support.databases.trail import attack, entries
from tests.support.recording.service import ADA, CALL, OTHER_CALL, TEAM, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases.postgres import Database

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
SECOND = date(2026, 3, 2)
MALLORY = f"slack:{TEAM}:U0MALLORY"


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def record(harness: Harness, call: str, seconds: float) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), call, "an invoice"))
    harness.clock.advance(seconds)
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=call)))


async def of(harness: Harness, day: date, zone: ZoneInfo = UTC_ZONE, *, up_to: int | None = None) -> Summary:
    return await SqlSummaries(harness.engines).summary(days(day, day, zone), zone, up_to=up_to)


async def test_an_empty_trail(harness: Harness) -> None:
    assert await of(harness, SECOND) == Summary()
    assert await SqlSummaries(harness.engines).head() == Head(0, GENESIS_HASH)
    assert await SqlSummaries(harness.engines).first_moment() is None


async def test_the_figures_of_a_day(harness: Harness) -> None:
    await record(harness, CALL, 120)
    await record(harness, OTHER_CALL, 60)
    with pytest.raises(NotPermitted):
        await harness.service.intake.start(asked(MALLORY, roles=frozenset()), CALL, None)

    found = await of(harness, SECOND)
    assert found.counts == {
        "recording:start": {"denied": 1, "requested": 2, "succeeded": 2},
        "recording:stop": {"requested": 2, "succeeded": 2},
    }
    assert found.recordings == Lengths(2, 180, 120, CALL)
    assert found.denials == {MALLORY: 1}
    assert (found.activity.started[9], found.activity.denied[9], sum(found.activity.failed)) == (2, 1, 0)
    berlin = await of(harness, SECOND, BERLIN)
    assert berlin.activity.started[10] == 2
    last = entries(harness.file)[-1]
    assert await SqlSummaries(harness.engines).head() == Head(last["seq"], last["hash"])


async def test_other_days_have_nothing_of_it(harness: Harness) -> None:
    await record(harness, CALL, 120)
    for day in (date(2026, 3, 1), date(2026, 3, 3)):
        assert (await of(harness, day)).entries == 0
        assert (await of(harness, day)).recordings == Lengths()


async def test_a_recording_belongs_to_the_day_on_which_it_ended(harness: Harness) -> None:
    await record(harness, CALL, 86_400)
    assert (await of(harness, SECOND)).recordings.number == 0
    assert (await of(harness, date(2026, 3, 3))).recordings == Lengths(1, 86_400, 86_400, CALL)


async def test_the_ends_of_a_period(harness: Harness) -> None:
    await record(harness, CALL, 1)
    moment = datetime.fromisoformat(entries(harness.file)[0]["occurred_at"]).astimezone(UTC)
    summaries = SqlSummaries(harness.engines)
    first = await summaries.summary(Period("", moment, moment.replace(microsecond=1)), UTC_ZONE)
    assert first.entries == 2  # the request and its outcome, at the same instant of this clock
    assert (await summaries.summary(Period("", moment.replace(year=2020), moment), UTC_ZONE)).entries == 0


async def test_later_entries_can_be_left_out(harness: Harness) -> None:
    await record(harness, CALL, 1)
    assert (await of(harness, SECOND, up_to=3)).entries == 3


async def test_what_is_unresolved(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    await harness.service.intake.start(asked(), OTHER_CALL, None)  # and nobody carries it out
    assert (await of(harness, SECOND)).unresolved == Unresolved(requests=1, live=1)

    stop = at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
    await harness.service.outcomes.unknown(stop, OutcomeUnknown())
    assert (await of(harness, SECOND)).unresolved == Unresolved(requests=2, in_doubt=1)
    assert (await of(harness, date(2026, 3, 1))).unresolved == Unresolved()


async def test_a_story_holds_the_words_while_they_are_kept(harness: Harness) -> None:
    await record(harness, CALL, 5)
    await record(harness, OTHER_CALL, 5)
    stories = SqlStories(harness.engines)

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

    attack(harness.file, "DELETE FROM typed_texts")
    told, _ = await stories.story(CALL, before=100, limit=40)
    assert {words for _, words in told} == {None}


async def test_one_digest_a_day_and_with_the_head_before_it(harness: Harness) -> None:
    await record(harness, CALL, 5)
    digests = SqlDigests(harness.engines, harness.store)
    head = entries(harness.file)[-1]
    assert await digests.missing([SECOND]) == (SECOND,)
    assert await digests.add(SECOND, {"zone": "UTC"}, entry_id=uuid7(), actor="bot", at=harness.clock.now())
    assert not await digests.add(SECOND, {"zone": "UTC"}, entry_id=uuid7(), actor="bot", at=harness.clock.now())
    assert await digests.missing([SECOND]) == ()
    last = entries(harness.file)[-1]
    assert last["outcome"] == {
        "day": "2026-03-02",
        "zone": "UTC",
        "head_seq": head["seq"],
        "head_hash": head["hash"],
    }
    assert ADA not in str(last)
