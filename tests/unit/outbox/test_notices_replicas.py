"""Messages about recordings where several processes serve: one tells, and speaks for the others with care."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.database.outbox.notices import SqlNotices
from bot.errors import AlreadySnoozed
from bot.recording.control.still_needed import Snoozed
from bot.recording.models import Verb
from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import web_client, web_session
from tests.support.recording.service import ADA, GRACE, asked, open_harness
from tests.unit.outbox.test_notices import AGAIN, Office, buttons, notifier_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.databases.postgres import Database


@dataclass
class FakePresence:
    """What the database server says of who serves no more."""

    gone: frozenset[str] = frozenset()

    async def absent(self, owners: frozenset[str]) -> frozenset[str]:
        return owners & self.gone


@dataclass
class Lead:
    """Another process may have taken the lead, until ``mine`` is set."""

    asked: int = 0
    mine: asyncio.Event = field(default_factory=asyncio.Event)

    async def confirm(self) -> None:
        self.asked += 1
        await self.mine.wait()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """The process ``serve:2`` takes requests, and another one tells Slack."""
    async with open_harness(tmp_path / "bot.db", owner="serve:2") as harness, web_session() as session:
        slack = SimulatedSlack(clock=harness.clock.time)
        await slack.start()
        slack.seed()
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        notifier = replace(notifier_for(harness, client), owner="serve:1", busy=(), presence=FakePresence())
        yield Office(harness, slack, notifier)
        await slack.stop()
        assert slack.warnings == []


async def test_what_another_living_process_works_on_is_not_called_in_doubt_at_once(office: Office) -> None:
    await office.starts()
    await office.requests(Verb.STOP)
    await office.turn(minutes=0.6)
    assert office.told() == []
    await office.turn(minutes=0.5)
    assert len(office.told()) == 1  # it had a whole minute, and says nothing


async def test_what_a_dead_process_worked_on_is(office: Office) -> None:
    await office.starts()
    await office.requests(Verb.STOP)
    office = replace(office, notifier=replace(office.notifier, presence=FakePresence(frozenset({"serve:2"}))))
    await office.turn(minutes=0.6)
    assert len(office.told()) == 1


async def test_nothing_is_noted_or_posted_before_the_lead_is_confirmed(office: Office) -> None:
    await office.starts()
    office.harness.clock.advance(31 * 60)
    lead = Lead()
    engines = office.harness.engines
    notifier = replace(
        office.notifier,
        notices=SqlNotices(engines, lead.confirm),
    )
    noting = asyncio.ensure_future(notifier.note_due())
    await _until_asked(lead, 1)
    assert (noting.done(), office.notices()) == (False, [])
    lead.mine.set()
    await noting
    (noted,) = await notifier.notices.open()
    lead.mine.clear()
    asked = lead.asked
    beginning = asyncio.ensure_future(notifier.notices.begun(noted.notice))
    await _until_asked(lead, asked + 1)
    assert not beginning.done()  # it is noted, and waits for the lead: another process may post it meanwhile
    sending = asyncio.ensure_future(notifier.send_next())
    await _until_asked(lead, asked + 2)
    assert (sending.done(), office.told()) == (False, [])
    lead.mine.set()
    await beginning
    assert await sending
    assert AGAIN in office.told()[0].text


async def _until_asked(lead: Lead, times: int) -> None:
    async with asyncio.timeout(10):
        while lead.asked < times:  # noqa: ASYNC110  what is waited for is a step of the database
            await asyncio.sleep(0.01)


async def test_a_reminder_is_answered_in_another_process_than_the_one_that_tells(database: Database) -> None:
    async with (
        open_harness(database, owner="serve:1") as telling,
        open_harness(database, owner="serve:2", clock=telling.clock) as clicked,
        web_session() as session,
    ):
        slack = SimulatedSlack(clock=telling.clock.time)
        await slack.start()
        slack.seed()
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        office = Office(telling, slack, notifier_for(telling, client))
        recording = await office.starts()
        await office.turn(minutes=31)
        assert len(buttons(office.told()[0])) == 2

        after = timedelta(minutes=30)
        answers = await asyncio.gather(
            *(
                one.service.intake.still_needed(asked(actor), recording.id, remind_after=after)
                for one, actor in ((telling, ADA), (clicked, GRACE))
            ),
            return_exceptions=True,
        )
        (refused,) = (one for one in answers if isinstance(one, AlreadySnoozed))
        (snoozed,) = (one for one in answers if isinstance(one, Snoozed))
        assert (refused.by, refused.until) == (snoozed.snooze.by, snoozed.snooze.until)
        await office.turn()
        (message,) = office.told()
        assert message.text.startswith(f"Still needed, says <@{snoozed.snooze.by.rpartition(':')[2]}>. ")
        assert buttons(message) == []
        await office.turn(minutes=31)
        assert len(office.told()) == 2
        await slack.stop()
        assert slack.warnings == []
