"""What Slack still has to be told is worked out from the database alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.queries.cards import SqlOverview
from bot.database.queries.metrics import SqlFigures
from bot.database.schema.tables import audit_deliveries, audit_entries
from bot.database.store import SqlStore
from bot.database.trail.guards import removal_allowed
from bot.i18n.catalog import ENGLISH, read_languages
from bot.outbox.cards import CardPublisher
from bot.outbox.relay import Backoff
from bot.recording.control.intake import Intake
from bot.recording.models import Verb
from bot.slack.blocks.card import CardStyle
from tests.support.recording.service import ADA, CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from tests.support.databases.postgres import Database


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def test_a_card_is_behind_until_its_version_has_been_shown(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    (card,) = await outbox.stale_cards()
    assert (card.channel, card.asked_by, card.ts, card.agent_name, card.queue_name) == (
        "C0FLOOR",
        ADA,
        None,
        "Priya Nair",
        "Billing",
    )
    await outbox.card_shown(card.recording.id, version=card.recording.version, channel="C0FLOOR", ts="1.1")
    assert await outbox.stale_cards() == ()

    await harness.service.intake.change(Verb.STOP, asked())
    (card,) = await outbox.stale_cards()
    assert (card.ts, card.posted_channel) == ("1.1", "C0FLOOR")
    await outbox.card_lost(card.recording.id)
    (card,) = await outbox.stale_cards()
    assert card.ts is None


async def test_a_queue_that_is_routed_has_a_second_card_with_a_life_of_its_own(harness: Harness) -> None:
    harness.store.routes = {"queue-1": ("C0BILLING", "C0FLOOR"), "queue-2": ("C0OTHER",)}
    outbox = SqlOutbox(harness.engines)
    accepted = await harness.service.intake.start(asked(), CALL, None)
    assert [card.channel for card in await outbox.stale_cards()] == ["C0FLOOR"]  # nobody knows the queue yet
    await harness.service.carry_out(accepted)

    floor, billing = await outbox.stale_cards()
    assert [(card.channel, card.routed) for card in (floor, billing)] == [("C0FLOOR", False), ("C0BILLING", True)]
    assert billing.asked_by == ADA
    version = billing.recording.version
    await outbox.card_begun(floor.recording.id, of="C0BILLING")
    await outbox.card_shown(billing.recording.id, version=version, channel="C0BILLING", ts="2.2", of="C0BILLING")
    assert [(card.channel, card.posts_begun) for card in await outbox.stale_cards()] == [("C0FLOOR", 0)]
    await outbox.card_shown(floor.recording.id, version=version, channel="D0ADA", ts="1.1", was=0)
    assert await outbox.stale_cards() == ()

    await harness.service.intake.change(Verb.STOP, asked())
    floor, billing = await outbox.stale_cards()
    assert [(card.posted_channel, card.ts) for card in (floor, billing)] == [("D0ADA", "1.1"), ("C0BILLING", "2.2")]
    await outbox.card_lost(billing.recording.id, of="C0BILLING")
    await outbox.card_given_up(floor.recording.id, version=floor.recording.version)
    (billing,) = await outbox.stale_cards()
    assert (billing.channel, billing.ts, billing.posted_channel) == ("C0BILLING", None, None)
    (live,) = await SqlOverview(harness.engines).live()
    assert live.channel == "C0FLOOR"


async def test_a_recording_from_a_terminal_has_the_card_of_its_route_alone(harness: Harness) -> None:
    harness.store.routes = {"queue-1": ("C0BILLING",)}
    ops = asked("cli:ops")
    ops = replace(ops, origin=replace(ops.origin, channel=None))
    await harness.service.carry_out(await harness.service.intake.start(ops, CALL, None))
    assert [(card.channel, card.asked_by) for card in await SqlOutbox(harness.engines).stale_cards()] == [
        ("C0BILLING", "cli:ops")
    ]


async def test_a_card_can_be_asked_for_again(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    accepted = await harness.service.intake.start(asked(), CALL, None)
    await outbox.card_shown(accepted.recording.id, version=99, channel="C0FLOOR", ts="1.1")
    assert await outbox.stale_cards() == ()
    await harness.store.show_again(accepted.recording.id)
    assert len(await outbox.stale_cards()) == 1


async def test_entries_wait_in_order_and_a_begun_delivery_is_remembered(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    for _ in range(2):
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    assert [(entry.seq, again) for entry, again in await outbox.undelivered(limit=3)] == [
        (1, False),
        (2, False),
        (3, False),
    ]
    await outbox.delivery_begun([1, 2], harness.clock.now())
    assert [again for _, again in await outbox.undelivered()] == [True, True, *[False] * 6]
    await outbox.delivery_refused([2])
    assert [again for _, again in await outbox.undelivered()][:2] == [True, False]
    await outbox.delivery_begun([1, 2], harness.clock.now())
    await outbox.delivered([1, 2], at=harness.clock.now(), channel="C0AUDIT", ts="2.2")
    assert [entry.seq for entry, _ in await outbox.undelivered()] == [3, 4, 5, 6, 7, 8]
    figures = await SqlFigures(harness.engines).fetch(harness.clock.now())
    assert (figures.entries, figures.lines, figures.cards) == (8, 6, 2)
    harness.clock.advance(7)
    assert (await SqlFigures(harness.engines).fetch(harness.clock.now())).lag_seconds == figures.lag_seconds + 7


async def test_a_change_wakes_whoever_waits(harness: Harness) -> None:
    changes = harness.store.changes()
    assert not changes.is_set()
    await harness.service.intake.start(asked(), CALL, None)
    assert changes.is_set()


async def test_a_card_that_can_be_shown_nowhere_waits_for_its_next_version(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    accepted = await harness.service.intake.start(asked(), CALL, None)
    await outbox.card_given_up(accepted.recording.id, version=accepted.recording.version)
    assert await outbox.stale_cards() == ()
    await harness.service.carry_out(accepted)
    assert len(await outbox.stale_cards()) == 1


@dataclass
class Lead:
    """Another process may have taken the lead, until ``mine`` is set."""

    asked: int = 0
    mine: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def confirm(self) -> None:
        async with self.changed:
            self.asked += 1
            self.changed.notify_all()
        await self.mine.wait()


async def test_nothing_is_posted_before_the_lead_is_confirmed_once_more(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    lead = Lead()
    outbox = SqlOutbox(harness.engines, lead.confirm)
    waiting = asyncio.ensure_future(outbox.stale_cards())
    await until_asked(lead, 1)
    assert not waiting.done()
    lead.mine.set()
    (card,) = await waiting
    lead.mine.clear()
    for number, begun in enumerate(
        (outbox.card_begun(card.recording.id), outbox.delivery_begun([1], harness.clock.now())), start=2
    ):
        task = asyncio.ensure_future(begun)
        await until_asked(lead, number)
        assert not task.done()  # it is noted, and waits for the lead: another process may post it meanwhile
        task.cancel()
        await asyncio.wait([task])
    again = SqlOutbox(harness.engines)
    assert (await again.stale_cards())[0].posts_begun == 1
    assert [marked for _, marked in await again.undelivered()] == [True, False]


async def until_asked(lead: Lead, times: int) -> None:
    async with asyncio.timeout(60), lead.changed:
        await lead.changed.wait_for(lambda: lead.asked >= times)


async def test_a_refusal_noted_late_takes_no_delivery_of_another_process_back(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    at = harness.clock.now()
    await outbox.delivery_begun([1, 2], at)
    await outbox.delivered([1, 2], at=at, channel="C0AUDIT", ts="1.1")  # by the leader that came after
    await outbox.delivery_refused([1, 2])
    assert await outbox.undelivered() == ()


async def test_an_older_state_that_was_shown_over_a_newer_one_is_drawn_over(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    (old,) = await outbox.stale_cards()  # by a leader that then stood still
    await harness.service.intake.change(Verb.STOP, asked())
    (new,) = await outbox.stale_cards()
    where = {"channel": "C0FLOOR", "ts": "1.1"}
    await outbox.card_shown(new.recording.id, version=new.recording.version, was=new.rendered_version, **where)
    assert await outbox.stale_cards() == ()
    await outbox.card_shown(old.recording.id, version=old.recording.version, was=old.rendered_version, **where)
    (card,) = await outbox.stale_cards()
    await outbox.card_shown(card.recording.id, version=card.recording.version, was=card.rendered_version, **where)
    assert await outbox.stale_cards() == ()


async def test_nobody_edits_a_card_without_being_sure_of_the_lead(harness: Harness) -> None:
    sure = asyncio.Event()

    async def confirm() -> None:
        await sure.wait()

    outbox = SqlOutbox(harness.engines, confirm)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    sure.set()
    (card,) = await outbox.stale_cards()
    sure.clear()  # the leader stood still, and another one leads
    client, languages = SimpleNamespace(), read_languages()
    style = CardStyle("T1", languages.of(ENGLISH))
    publisher = CardPublisher(client, outbox, style, languages, asyncio.Event(), Backoff(harness.clock))  # type: ignore[arg-type]
    editing = asyncio.ensure_future(publisher._publish(replace(card, ts="1.1", posted_channel="C0FLOOR")))
    await asyncio.wait([editing], timeout=0.2)
    assert not editing.done()  # the edit itself would fail: there is no client
    sure.set()
    await asyncio.wait([editing])
    assert isinstance(editing.exception(), AttributeError)


@pytest.mark.parametrize("drawn_before", [False, True])
async def test_a_card_asked_for_while_it_was_being_drawn_is_drawn_once_more(
    harness: Harness, *, drawn_before: bool
) -> None:
    outbox = SqlOutbox(harness.engines)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    (card,) = await outbox.stale_cards()
    version = card.recording.version
    if drawn_before:
        await outbox.card_shown(card.recording.id, version=version, channel="C0FLOOR", ts="1.1")
        await harness.service.intake.change(Verb.STOP, asked())
        (card,) = await outbox.stale_cards()
        version = card.recording.version
    for _ in range(2):  # Slack is being told, and meanwhile what the card shows is erased, or must not be offered now
        await harness.store.show_again(card.recording.id)
        was = card.rendered_version
        await outbox.card_shown(card.recording.id, version=version, channel="C0FLOOR", ts="1.1", was=was)
        (card,) = await outbox.stale_cards()
        assert (card.ts, card.posted_channel) == ("1.1", "C0FLOOR")
    await outbox.card_shown(card.recording.id, version=version, channel="C0FLOOR", ts="1.1", was=card.rendered_version)
    assert await outbox.stale_cards() == ()


async def deliver(harness: Harness) -> tuple[int, str]:
    """Give everything to the audit channel, and return the last line that it shows."""
    outbox, now = SqlOutbox(harness.engines), harness.clock.now()
    waiting = [entry for entry, _ in await outbox.undelivered()]
    await outbox.delivery_begun([one.seq for one in waiting], now)
    await outbox.delivered([one.seq for one in waiting], at=now, channel="C0AUDIT", ts="1.1")
    return waiting[-1].seq, waiting[-1].hash


async def test_a_tail_that_was_cut_with_its_deliveries_is_noticed(harness: Harness) -> None:
    outbox = SqlOutbox(harness.engines)
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    assert await outbox.cut_off("C0AUDIT") is None
    shown = await deliver(harness)
    assert await outbox.cut_off("C0AUDIT") is None

    def cut(connection: Connection) -> None:
        with removal_allowed(connection):
            connection.execute(delete(audit_deliveries).where(audit_deliveries.c.seq == shown[0]))
            connection.execute(delete(audit_entries).where(audit_entries.c.seq == shown[0]))

    await harness.engines.writer.transaction(cut)
    assert await outbox.cut_off("C0AUDIT") == shown

    store = SqlStore(harness.engines)  # that of the old process would refuse
    restarted = Intake(replace(harness.service.intake.log, store=store))
    await restarted.change(Verb.STOP, asked())  # the same number, another hash
    assert await outbox.cut_off("C0AUDIT") == shown
    assert await outbox.cut_off("C0OTHER") is None
    await deliver(harness)
    assert await outbox.cut_off("C0AUDIT") is None


async def test_what_is_archived_was_not_cut_off(harness: Harness) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    shown = await deliver(harness)
    await harness.service.intake.change(Verb.STOP, asked())

    def archive(connection: Connection) -> None:
        with removal_allowed(connection):
            connection.execute(delete(audit_deliveries))
            connection.execute(delete(audit_entries).where(audit_entries.c.seq <= shown[0]))

    await harness.engines.writer.transaction(archive)
    assert await SqlOutbox(harness.engines).cut_off("C0AUDIT") is None
