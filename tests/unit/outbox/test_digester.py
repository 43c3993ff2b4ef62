"""The daily digest: once a day, whatever happens in between. Slack is simulated; clock and hand are the test's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bot.audit.evidence.merkle import Tree
from bot.database.outbox.digests import SqlDigests
from bot.database.queries.summaries import SqlSummaries
from bot.database.trail.completeness import SqlCompleteness
from bot.outbox import digests as module
from bot.outbox.digests import Digester, Schedule
from bot.outbox.relay import Backoff
from bot.recording.models import Verb
from bot.runtime.background import digests_worker
from bot.runtime.workers import Supervisor
from bot.sandbox.slack import SimulatedSlack
from bot.sandbox.slack.block_kit.blocks import BLOCKS
from bot.slack.blocks.card import CardStyle
from bot.slack.client import web_client, web_session
from tests.support.databases.trail import entries, rows
from tests.support.recording.service import CALL, OTHER_CALL, TEAM, Harness, asked, at_once, open_harness
from tests.support.slack.samples import WORDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedMessage

AUDIT = "C0AUDIT"
POST = "chat.postMessage"
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class Newsroom:
    """The digester with everything around it."""

    harness: Harness
    slack: SimulatedSlack
    digester: Digester

    def anew(self, **changes: Any) -> Newsroom:
        """Return it as after a restart: what was only in memory is gone."""
        return replace(self, digester=replace(self.digester, known=module.Known(), **changes))

    async def turn(self) -> None:
        """Let it do all that there is to do."""
        await self.digester.write_due()
        while await self.digester.post_next():
            pass

    def posted(self) -> list[SimulatedMessage]:
        found = self.slack.messages(AUDIT)
        return [one for one in found if one.metadata and one.metadata["event_type"] == "audit_digest"]

    def days(self) -> list[str]:
        return [one.metadata["event_payload"]["day"] for one in self.posted() if one.metadata]

    def digests(self) -> list[dict[str, Any]]:
        return [one for one in entries(self.harness.file) if one["action"] == "audit:digest"]

    async def records(self, call: str = CALL, *, minutes: float = 0) -> None:
        """Record a call for so long."""
        service = self.harness.service
        await service.carry_out(await service.intake.start(asked(), call, None))
        self.harness.clock.advance(minutes * 60)
        await service.carry_out(at_once(await service.intake.change(Verb.STOP, asked(), typed_id=call)))

    def until(self, year: int, month: int, day: int, hour: int = 8, minute: int = 0) -> None:
        """Let the clock show this time (UTC)."""
        target = datetime(year, month, day, hour, minute, tzinfo=UTC)
        self.harness.clock.advance((target - self.harness.clock.now()).total_seconds())


@pytest.fixture
async def newsroom(tmp_path: Path) -> AsyncIterator[Newsroom]:
    async with open_harness(tmp_path / "bot.db") as harness, web_session() as session:
        slack = SimulatedSlack(clock=harness.clock.time)
        await slack.start()
        slack.seed()
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        yield Newsroom(harness, slack, digester_for(harness, client))
        await slack.stop()
        assert slack.warnings == []


def digester_for(harness: Harness, client: AsyncWebClient) -> Digester:
    async def gaps() -> tuple[int, int]:
        found = await SqlCompleteness(harness.engines).check(harness.clock.now())
        return sum(map(len, found.skipped)), found.altered

    return Digester(
        client=client,
        digests=SqlDigests(harness.engines, harness.store),
        summaries=SqlSummaries(harness.engines),
        gaps=gaps,
        style=CardStyle(team_id=TEAM, words=WORDS),
        channel=AUDIT,
        schedule=Schedule(time(8), UTC_ZONE),
        clock=harness.clock,
        pace=Backoff(harness.clock),
    )


async def test_nothing_is_due_before_the_first_day_is_over_and_the_hour_has_come(newsroom: Newsroom) -> None:
    await newsroom.turn()  # an empty trail
    await newsroom.records()
    newsroom.until(2026, 3, 2, 23, 59)
    await newsroom.turn()
    newsroom.until(2026, 3, 3, 7, 59)
    await newsroom.turn()
    assert newsroom.digests() == []

    newsroom.until(2026, 3, 3, 8, 0)
    await newsroom.turn()
    assert newsroom.days() == ["2026-03-02"]


async def test_a_digest_says_what_happened_and_names_the_head(newsroom: Newsroom) -> None:
    await newsroom.records(minutes=35)
    await newsroom.records(OTHER_CALL, minutes=5)
    head = entries(newsroom.harness.file)[-1]
    newsroom.until(2026, 3, 3)
    await newsroom.turn()

    (message,) = newsroom.posted()
    assert "Recording activity on Monday, 2 March 2026" in message.text
    assert "*Start*: 2 requested \u2013 2 started" in message.text
    assert f"2 finished, 40 min 00 s in total; longest 35 min 00 s (call `{CALL}`)" in message.text
    assert f"#{head['seq']} `{head['hash']}`" in message.text
    (entry,) = newsroom.digests()
    assert message.metadata == {
        "event_type": "audit_digest",
        "event_payload": {
            "day": "2026-03-02",
            "seq": head["seq"],
            "hash": head["hash"],
            "entry": entry["seq"],
            "entry_hash": entry["hash"],
            **entry["outcome"]["tree"],
        },
    }
    assert (entry["phase"], entry["actor"]) == ("observed", "bot")
    assert (entry["outcome"]["head_seq"], entry["outcome"]["head_hash"]) == (head["seq"], head["hash"])
    assert entry["previous_hash"] == head["hash"]


async def test_a_digest_publishes_the_root_of_all_entries_since_the_last_one(newsroom: Newsroom) -> None:
    await newsroom.records(minutes=1)
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    await newsroom.records()
    newsroom.until(2026, 3, 4)
    await newsroom.turn()

    first, second = (digest["outcome"]["tree"] for digest in newsroom.digests())
    assert (first["first_seq"], second["first_seq"]) == (1, first["last_seq"] + 1)
    written = entries(newsroom.harness.file)
    for tree, message in zip((first, second), newsroom.posted(), strict=True):
        leaves = [entry["hash"] for entry in written[tree["first_seq"] - 1 : tree["last_seq"]]]
        assert tree["root"] == Tree.of(leaves).root
        assert (
            f"*Root of the day's entries* #{tree['first_seq']}\u2013#{tree['last_seq']}: `{tree['root']}`"
            in message.text
        )
        assert f"record-bot audit verify FILE.zip --root {tree['root']}" in message.text
    assert written[second["last_seq"]]["action"] == "audit:digest"  # its own entry is under the next root


async def test_a_day_without_activity_has_its_digest_too_and_no_chart(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    newsroom.until(2026, 3, 5)
    await newsroom.turn()

    assert newsroom.days() == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert "No activity" in newsroom.posted()[2].text
    assert "none finished" in newsroom.posted()[2].text
    assert [len(charts(one)) for one in newsroom.posted()] == [1, 0, 0]


def charts(message: SimulatedMessage) -> list[dict[str, Any]]:
    return [block for block in message.blocks if block["type"] == "data_visualization"]


async def test_the_chart_is_slacks_own_block_with_words_for_those_who_cannot_see_it(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()

    (digest,) = newsroom.slack.messages(AUDIT)
    (found,) = charts(digest)
    assert found["title"] == "Recordings by hour, 2026-03-02"
    (series,) = found["chart"]["series"]
    assert series["name"] == "started"
    assert {point["label"]: point["value"] for point in series["data"] if point["value"]} == {"08\u201310": 1}
    assert "Recordings by hour, 2026-03-02: 1 started (1 at 08\u201310)." in digest.text
    assert newsroom.slack.files == {}


async def test_where_slack_knows_no_charts_the_chart_is_text(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(BLOCKS, "data_visualization")
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()

    (digest,) = newsroom.slack.messages(AUDIT)
    assert charts(digest) == []
    assert "08\u201310  \u2588" in str(digest.blocks)


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "down"])
async def test_where_slack_cannot_tell_the_chart_is_text_and_the_digest_goes_out(
    newsroom: Newsroom, fault: str
) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    newsroom.slack.faults.switch_on(fault, only="blocks.validate")
    await newsroom.turn()
    (digest,) = newsroom.posted()
    assert charts(digest) == []
    assert "```" in str(digest.blocks)


async def test_a_chart_that_was_accepted_and_is_refused_all_the_same_becomes_text(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = newsroom.digester.client
    ask = client.api_call

    async def lenient(method: str, **more: Any) -> Any:
        return {"ok": True} if method == "blocks.validate" else await ask(method, **more)

    monkeypatch.setattr(client, "api_call", lenient)
    monkeypatch.delitem(BLOCKS, "data_visualization")
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    (digest,) = newsroom.posted()
    assert charts(digest) == []
    assert "reposted" not in digest.text


async def test_a_restart_posts_nothing_twice(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    again = newsroom.anew()
    await again.turn()
    assert newsroom.days() == ["2026-03-02"]
    assert len(newsroom.digests()) == 1


async def test_two_at_once_write_one_digest(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await asyncio.gather(*(newsroom.anew().digester.write_due() for _ in range(8)))
    assert len(newsroom.digests()) == 1


async def test_a_crash_between_writing_and_posting_is_made_up_for(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.digester.write_due()
    assert newsroom.posted() == []

    await newsroom.anew().turn()
    (message,) = newsroom.posted()
    assert "reposted" not in message.text


async def test_what_may_have_arrived_is_sent_again_and_says_so(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    newsroom.slack.faults.switch_on("drop_after", times=1, only=POST)
    await newsroom.turn()

    first, second = newsroom.posted()
    assert ["reposted" in one.text for one in (first, second)] == [False, True]
    assert first.metadata == second.metadata
    assert len(newsroom.digests()) == 1


async def test_what_slack_plainly_refused_is_sent_once(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    newsroom.slack.remove_bot(AUDIT)
    await newsroom.digester.write_due()
    assert await newsroom.digester.post_next()
    assert newsroom.digester.pace.problem == "not_in_channel"
    newsroom.slack.invite_bot(AUDIT)
    await newsroom.turn()

    (message,) = newsroom.posted()
    assert "reposted" not in message.text
    assert newsroom.digester.pace.problem is None


async def test_days_missed_while_the_bot_was_down_are_posted_late_and_in_order(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 5, 10)
    await newsroom.turn()
    assert newsroom.days() == ["2026-03-02", "2026-03-03", "2026-03-04"]


async def test_at_most_seven_days_are_made_up_for(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 31, 10)
    await newsroom.turn()
    assert newsroom.days() == [f"2026-03-{day}" for day in range(24, 31)]


async def test_a_clock_that_is_set_back_brings_no_second_digest(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 4)
    await newsroom.turn()
    newsroom.harness.clock.advance(-timedelta(days=1).total_seconds())
    await newsroom.turn()
    newsroom.harness.clock.advance(timedelta(days=1).total_seconds())
    await newsroom.turn()
    assert newsroom.days() == ["2026-03-02", "2026-03-03"]


async def test_another_hour_or_zone_in_the_settings_brings_no_second_digest(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    newsroom.until(2026, 3, 3, 13)
    await newsroom.anew(schedule=Schedule(time(12), ZoneInfo("Europe/Berlin"))).turn()
    assert newsroom.days() == ["2026-03-02"]


async def test_what_is_unresolved_is_named(newsroom: Newsroom) -> None:
    await newsroom.harness.service.intake.start(asked(), CALL, None)  # nobody carries it out
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    text = newsroom.posted()[0].text
    assert "*Open issues*: 1 request without a result." in text


async def test_denials_are_named_with_those_who_were_denied(newsroom: Newsroom) -> None:
    for _ in range(3):
        with pytest.raises(Exception, match="may not"):
            await newsroom.harness.service.intake.start(asked(f"slack:{TEAM}:U0MALLORY", roles=frozenset()), CALL, None)
    newsroom.until(2026, 3, 3)
    await newsroom.turn()
    assert "*Denied*: 3 requests \u2013 U0MALLORY 3." in newsroom.posted()[0].text


async def test_the_loop_goes_on_after_the_database_failed_it(newsroom: Newsroom) -> None:
    await newsroom.records()
    newsroom.until(2026, 3, 3)
    broken = asyncio.Event()

    async def gaps() -> tuple[int, int]:
        if not broken.is_set():
            broken.set()
            raise OSError("disk")
        return 0, 0

    digester = replace(newsroom.digester, gaps=gaps)
    supervisor = Supervisor(digester.clock, lambda _name, _times: None)
    loop = asyncio.create_task(supervisor.run(digests_worker(digester)))
    try:
        await newsroom.slack.wait_for(lambda: len(newsroom.slack.messages(AUDIT)) == 2, timeout=60)
    finally:
        loop.cancel()
    assert broken.is_set()
    assert rows(newsroom.harness.file, "SELECT day FROM digests WHERE day = '2026-03-02' AND delivered_at IS NOT NULL")
