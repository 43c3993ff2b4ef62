"""When Homes are published: only what has changed, not too often, and never an older one in place of a newer one."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError

from bot.database.queries.app_homes import SqlHomes
from bot.database.queries.cards import SqlOverview
from bot.database.queries.summaries import SqlSummaries
from bot.i18n.catalog import read_languages
from bot.outbox.app_home import A_MINUTE, HOMES, KEPT_UP, PERSON_SECONDS, HomePublisher, HomeSources, PublishThrottle
from bot.outbox.relay import Backoff
from bot.recording.caller import Role
from bot.recording.control.user_rate_limit import LookupLimit
from bot.recording.models import RecordingState
from bot.sandbox.slack import SimulatedSlack
from bot.slack.blocks.card import CardStyle
from bot.slack.client import web_client, web_session
from bot.slack.listeners.background import Work
from bot.slack.listeners.context import ListenerContext
from bot.slack.people.users import FRESH_SECONDS, SlackPeople
from tests.support.databases.writer import write_sql
from tests.support.recording.service import TEAM, Harness, open_harness
from tests.support.slack.samples import recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.recording.ports import Transaction

ADA = "U0ADA"


@dataclass(frozen=True)
class Tab:
    """The publisher on a real database, before a simulated Slack."""

    harness: Harness
    slack: SimulatedSlack
    publisher: HomePublisher

    async def records(self, number: int) -> None:
        """Let one more recording be live, as if somebody had started it."""
        one = recording(id=UUID(int=number), conversation_id=str(UUID(int=number)), state=RecordingState.ACTIVE)

        def work(transaction: Transaction) -> None:
            transaction.add_recording(one, channel=None, asked_by="cli:ops")

        await self.harness.store.write(work)

    async def opens(self, user: str = ADA) -> None:
        await self.publisher.open(user, TEAM, None)

    def publishes(self) -> list[str]:
        """Return whom views were published to, in order; refused ones too."""
        return [one.payload["user_id"] for one in self.slack.requests if one.method == "views.publish"]

    def shows(self, user: str = ADA) -> str:
        return str(self.slack.views.homes[user].body["blocks"])


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with open_harness(tmp_path / "record-bot.db") as harness, web_session() as session:
        slack = SimulatedSlack(clock=harness.clock.time)
        slack.seed()
        await slack.start()
        client, clock = web_client("xoxb-sandbox", api_url=slack.api_url, session=session), harness.clock
        people = SlackPeople(client, TEAM, {Role.SUPERVISOR: (ADA, *map(_nth, range(HOMES + 5)))}, clock)
        languages = read_languages()
        style = CardStyle(team_id=TEAM, words=languages.of("en"))
        context = ListenerContext(harness.service, people, Work(), style, languages, client, LookupLimit(clock))

        async def no_gaps() -> tuple[int, int]:
            return 0, 0

        async def no_parts() -> tuple[()]:
            return ()

        engines = harness.engines
        sources = HomeSources(SqlOverview(engines), no_parts, no_gaps, SqlSummaries(engines), ZoneInfo("UTC"), clock)
        publisher = HomePublisher(
            context, SqlHomes(engines), sources, asyncio.Event(), clock, Backoff(clock), PublishThrottle(clock)
        )
        yield Tab(harness, slack, publisher)
        await slack.stop()


def _nth(number: int) -> str:
    return f"U{number:04}"


async def test_nothing_is_published_while_nothing_changes(tab: Tab) -> None:
    await tab.opens()
    for _ in range(3):
        tab.harness.clock.advance(PERSON_SECONDS)
        await tab.publisher.refresh()
    assert tab.publishes() == [ADA]


async def test_many_changes_in_a_moment_are_shown_at_once_a_little_later(tab: Tab) -> None:
    await tab.opens()
    for number in range(1, 6):
        await tab.records(number)
        assert await tab.publisher.refresh() > 0
    assert tab.publishes() == [ADA]
    tab.harness.clock.advance(PERSON_SECONDS)
    assert await tab.publisher.refresh() == 0
    assert tab.publishes() == [ADA, ADA]
    assert "Active recordings (5)" in tab.shows()


async def test_so_many_a_minute_and_the_last_opened_first(tab: Tab) -> None:
    users = [_nth(number) for number in range(HOMES + 5)]
    for user in users:
        tab.slack.add_person(user, user, user.lower())
        await tab.opens(user)
        tab.harness.clock.advance(1.2)
    opened = len(tab.publishes())
    await tab.records(1)
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    fresh = tab.publishes()[opened:]
    assert fresh == users[::-1][: len(fresh)]
    while await tab.publisher.refresh() > 0:
        tab.harness.clock.advance(PERSON_SECONDS)
    at = [one.at for one in tab.slack.requests if one.method == "views.publish"]
    assert max(sum(1 for one in at if begin <= one < begin + 60) for begin in at) <= A_MINUTE
    for user in users[5:]:
        assert "Active recordings (1)" in tab.shows(user)
    assert "Active recordings (0)" in tab.shows(users[0])  # five too many to be kept up


async def test_a_home_that_was_opened_hours_ago_is_left_alone_until_it_is_touched(tab: Tab) -> None:
    await tab.opens()
    tab.harness.clock.advance(KEPT_UP.total_seconds() + 1)
    await tab.records(1)
    await tab.publisher.refresh()
    assert tab.publishes() == [ADA]
    await tab.publisher.pressed(ADA, TEAM)
    assert "Active recordings (1)" in tab.shows()


async def test_an_answer_that_was_lost_costs_one_conflict_and_no_stale_view(tab: Tab) -> None:
    await tab.opens()
    await tab.records(1)
    tab.harness.clock.advance(PERSON_SECONDS)
    tab.slack.faults.switch_on("drop_after", times=1, only="views.publish")
    await tab.publisher.refresh()
    await tab.records(2)
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert "Active recordings (2)" in tab.shows()
    errors = [one.error for one in tab.slack.requests if one.method == "views.publish"]
    assert errors.count("hash_conflict") == 1


async def test_a_limit_of_slack_is_waited_out(tab: Tab) -> None:
    tab.slack.faults.switch_on("rate_limited", times=1, value=7, only="views.publish")
    await tab.opens()
    tab.slack.faults.switch_on("rate_limited", times=1, value=7, only="views.publish")
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert tab.harness.clock.slept[-1] == 7
    await tab.publisher.refresh()
    assert "There are no active recordings." in tab.shows()


async def test_on_a_guess_who_somebody_is_nothing_new_is_shown(tab: Tab) -> None:
    await tab.opens()
    tab.harness.clock.advance(FRESH_SECONDS + 1)
    tab.slack.faults.switch_on("server_error", only="users.info")
    await tab.records(1)
    await tab.publisher.refresh()
    assert tab.publishes() == [ADA]
    tab.slack.faults.switch_all_off()
    await tab.publisher.refresh()
    assert "Active recordings (1)" in tab.shows()


async def test_who_could_not_be_confirmed_at_the_opening_sees_it_once_they_are(tab: Tab) -> None:
    tab.slack.faults.switch_on("server_error", only="users.info")
    await tab.opens()
    assert "Slack couldn't confirm who you are" in tab.shows()
    tab.slack.faults.switch_all_off()
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert "There are no active recordings." in tab.shows()
    home = await tab.publisher.homes.find(ADA)
    assert home is not None
    assert home.audit_seq == await tab.harness.store.head() == 1


async def test_a_stop_of_the_bot_leaves_homes_as_they_are(tab: Tab) -> None:
    await tab.opens()
    await tab.records(1)
    tab.harness.shutdown_gate.open = False
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert tab.publishes() == [ADA]


async def test_somebody_of_another_workspace_is_shown_nothing(tab: Tab) -> None:
    await tab.publisher.open("U0OUTSIDE", "T0ELSEWHERE", None)
    assert tab.publishes() == []
    assert await tab.publisher.homes.find("U0OUTSIDE") is None


async def test_somebody_whom_slack_knows_no_more_is_forgotten(tab: Tab) -> None:
    await tab.opens()
    del tab.slack.workspace.people[ADA]
    await tab.records(1)
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert await tab.publisher.homes.find(ADA) is None


async def test_a_look_that_can_not_be_written_down_is_not_tried_again_at_once(tab: Tab) -> None:
    tab.harness.shutdown_gate.open = False
    await tab.opens()
    assert "restarting" in tab.shows()
    assert await tab.harness.store.head() == 1  # the refusal
    tab.harness.shutdown_gate.open = True
    tab.harness.clock.advance(PERSON_SECONDS)
    assert await tab.publisher.refresh() > 0
    assert await tab.harness.store.head() == 1
    tab.harness.clock.advance(15)
    await tab.publisher.refresh()
    assert "There are no active recordings." in tab.shows()
    assert await tab.harness.store.head() == 2


async def test_a_warning_is_taken_back_also_where_the_opening_could_not_be_noted_at_all(
    tab: Tab, tmp_path: Path
) -> None:
    await tab.opens()
    await tab.records(1)
    tab.harness.clock.advance(PERSON_SECONDS)
    await tab.publisher.refresh()
    assert "Active recordings (1)" in tab.shows()
    looks = await tab.harness.store.head()
    tab.harness.store.retry_seconds = 0
    await write_sql(tab.harness.engines, "PRAGMA busy_timeout=20")
    with closing(sqlite3.connect(tmp_path / "record-bot.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError):
            await tab.opens()
    assert "The audit trail can't be written" in tab.shows()
    tab.harness.clock.advance(60)
    await tab.publisher.refresh()
    assert "Active recordings (1)" in tab.shows()
    assert await tab.harness.store.head() == looks + 1  # it is a look like any other
    tab.harness.clock.advance(60)
    await tab.publisher.refresh()
    assert await tab.harness.store.head() == looks + 1
