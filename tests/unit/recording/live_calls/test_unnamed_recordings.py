"""Names that no reading of a call told are looked up behind the actions, and shown on the card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.queries.names import SqlNames
from bot.errors import AuditUnavailable, CallNotFound, GenesysError, GenesysUnavailable, PermissionMissing
from bot.recording.live_calls.names import NameBook, UnnamedRecordings
from bot.recording.models import Verb
from bot.recording.ports import Priority
from tests.support.databases.postgres import on_both
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import CALL, OTHER_CALL, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from uuid import UUID

    from bot.recording.call import Participant
    from bot.recording.card import Card
    from bot.recording.models import Recording
    from tests.support.databases.postgres import Database
    from tests.support.recording.service import Harness

NAMELESS = replace(AGENT, name=None, queue_name=None)
USERS, QUEUES = ("user", frozenset({"user-1"})), ("queue", frozenset({"queue-1"}))


@dataclass
class FakeNameDirectory:
    """A Genesys that knows the names it is told of; ``fault`` is raised for one kind, or for both."""

    known: dict[str, str] = field(default_factory=lambda: {"user-1": "Priya Nair", "queue-1": "Billing"})
    fault: GenesysError | None = None
    faulty: frozenset[str] = frozenset({"user", "queue"})
    asked: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    async def names(
        self, kind: str, ids: frozenset[str], *, deadline: float, priority: Priority = Priority.PERSON
    ) -> dict[str, str]:
        assert deadline > 0
        assert priority is Priority.LOOP
        self.asked.append((kind, ids))
        if self.fault is not None and kind in self.faulty:
            raise self.fault
        return {one: self.known[one] for one in ids & self.known.keys()}


@dataclass(frozen=True)
class Bench:
    harness: Harness
    directory: FakeNameDirectory
    unnamed: UnnamedRecordings

    async def records(self, call: str = CALL, agent: Participant = NAMELESS) -> Recording:
        self.harness.control.agents[call] = agent
        service = self.harness.service
        return (await service.carry_out(await service.intake.start(asked(), call, None))).recording

    @property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self.harness.engines)

    async def shown(self, card: Card) -> None:
        await self.outbox.card_shown(
            card.recording.id, version=card.recording.version, channel="C", ts="1.1", was=card.rendered_version
        )

    async def show_all(self) -> dict[UUID, Card]:
        """Draw what is behind, as the publisher does."""
        drawn = {card.recording.id: card for card in await self.outbox.stale_cards()}
        for card in drawn.values():
            await self.shown(card)
        return drawn


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with open_harness(database) as harness:
        directory = FakeNameDirectory()
        book = NameBook(directory, SqlNames(harness.store), harness.clock)
        yield Bench(harness, directory, UnnamedRecordings(book, harness.clock))


async def test_the_card_is_drawn_anew_with_what_was_looked_up(bench: Bench) -> None:
    recording = await bench.records()
    (card,) = (await bench.show_all()).values()
    assert (card.agent_name, card.queue_name) == (None, None)

    await bench.unnamed.poll()

    (card,) = (await bench.show_all()).values()
    assert (card.agent_name, card.queue_name) == ("Priya Nair", "Billing")
    assert card.recording == recording
    assert await bench.outbox.stale_cards() == ()


async def test_each_id_is_asked_for_once(bench: Bench) -> None:
    for call in (CALL, OTHER_CALL):
        await bench.records(call)
        await bench.unnamed.poll()
        bench.harness.clock.advance(7200)
    assert sorted(bench.directory.asked) == [QUEUES, USERS]


async def test_what_a_reading_told_is_not_asked_for(bench: Bench) -> None:
    await bench.records(agent=AGENT)
    await bench.show_all()
    await bench.unnamed.poll()
    assert bench.directory.asked == []
    assert await bench.outbox.stale_cards() == ()


async def test_of_a_recording_that_is_over_only_the_queue_is_looked_up(bench: Bench) -> None:
    """The report by queue names it then; the agent's name may have been erased meanwhile."""
    await bench.records()
    await bench.show_all()
    stop = at_once(await bench.harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
    await bench.harness.service.carry_out(stop)
    await bench.show_all()
    await bench.unnamed.poll()
    assert bench.directory.asked == [QUEUES]
    (card,) = (await bench.show_all()).values()
    assert (card.recording.state.final, card.agent_name, card.queue_name) == (True, None, "Billing")


async def test_a_recording_that_is_over_gets_no_card_for_a_name(bench: Bench) -> None:
    await bench.records()
    stop = at_once(await bench.harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
    await bench.harness.service.carry_out(stop)
    (card,) = await bench.outbox.stale_cards()
    await bench.outbox.card_given_up(card.recording.id, version=card.recording.version)
    await bench.unnamed.poll()
    assert bench.directory.asked == [QUEUES]
    assert await bench.outbox.stale_cards() == ()


@on_both
async def test_a_card_that_is_drawn_meanwhile_is_drawn_once_more(bench: Bench) -> None:
    await bench.records()
    (under_way,) = await bench.outbox.stale_cards()
    await bench.unnamed.poll()
    await bench.shown(under_way)
    (card,) = await bench.outbox.stale_cards()
    assert card.queue_name == "Billing"


async def test_only_the_cards_that_show_the_name_are_drawn_anew(bench: Bench) -> None:
    await bench.records(OTHER_CALL, replace(AGENT, user_id="user-2", queue_id="queue-2"))
    mine = await bench.records()
    await bench.show_all()
    await bench.unnamed.poll()
    assert list(await bench.show_all()) == [mine.id]


@pytest.mark.parametrize("fault", [PermissionMissing(), CallNotFound()])
async def test_what_is_refused_is_not_asked_for_again_for_an_hour(bench: Bench, fault: GenesysError) -> None:
    bench.directory.fault, bench.directory.faulty = fault, frozenset({"queue"})
    await bench.records()
    for _ in range(12):
        await bench.unnamed.poll()
        bench.harness.clock.advance(290)
    assert sorted(bench.directory.asked) == [QUEUES, USERS]
    (card,) = (await bench.show_all()).values()
    assert (card.agent_name, card.queue_name) == ("Priya Nair", None)

    bench.directory.fault = None
    bench.harness.clock.advance(200)
    await bench.unnamed.poll()
    assert len(bench.directory.asked) == 3
    (card,) = (await bench.show_all()).values()
    assert card.queue_name == "Billing"


async def test_an_id_that_nobody_knows_is_asked_for_once_an_hour(bench: Bench) -> None:
    bench.directory.known.clear()
    await bench.records()
    await bench.show_all()
    for _ in range(3):
        await bench.unnamed.poll()
    assert sorted(bench.directory.asked) == [QUEUES, USERS]
    assert await bench.outbox.stale_cards() == ()
    bench.harness.clock.advance(3601)
    await bench.unnamed.poll()
    assert len(bench.directory.asked) == 4


async def test_after_an_outage_it_is_asked_again(bench: Bench) -> None:
    bench.directory.fault = GenesysUnavailable()
    await bench.records()
    await bench.unnamed.poll()
    bench.directory.fault = None
    bench.harness.clock.advance(61)
    await bench.unnamed.poll()
    (card,) = await bench.outbox.stale_cards()
    assert card.queue_name == "Billing"


async def test_what_could_not_be_kept_is_looked_up_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_self: SqlNames, _news: dict[tuple[str, str], str], _at: datetime) -> None:
        raise AuditUnavailable

    await bench.records()
    with monkeypatch.context() as disk:
        disk.setattr(SqlNames, "remember", full)
        await bench.unnamed.poll()
    (card,) = await bench.outbox.stale_cards()
    assert card.queue_name is None

    bench.harness.clock.advance(61)
    await bench.unnamed.poll()
    (card,) = await bench.outbox.stale_cards()
    assert card.queue_name == "Billing"


async def test_a_name_that_has_changed_is_changed_on_the_card(bench: Bench) -> None:
    await bench.records(agent=AGENT)
    await bench.show_all()
    names = SqlNames(bench.harness.store)
    await names.remember({("queue", "queue-1"): "Billing"}, bench.harness.clock.now())
    assert await bench.outbox.stale_cards() == ()
    await names.remember({("queue", "queue-1"): "Invoices"}, bench.harness.clock.now())
    (card,) = await bench.outbox.stale_cards()
    assert card.queue_name == "Invoices"
