"""Waiting for an agent's next call: asked for once, started once, and for someone who may record it at that moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.admin.checks.database import check_database, waited_for
from bot.config.settings import DatabaseSettings
from bot.database.outbox.next_calls import SqlNextCalls
from bot.errors import AlreadyWaitingForCall, NoCallEvents, NotPermitted, NotWaiting, OutOfScope
from bot.recording.agents.next_call import NextCall, NextCallOutcome
from bot.recording.agents.people import AgentStatus, PeopleFound
from bot.recording.call import CallRecording, LiveCall, LiveList
from bot.recording.caller import Principal, Role, Scope
from bot.recording.control.agents.next_calls import NextCalls
from bot.recording.models import Conversation, RecordingState
from bot.recording.monitoring.next_calls import UNCONFIRMED_SECONDS, NextCallMonitor
from bot.recording.ports import Priority
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import rows
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from tests.support.databases.postgres import Database

EVENING = timedelta(hours=8)
SUPERVISOR = frozenset({Role.SUPERVISOR})


@dataclass
class Floor:
    """Genesys as the monitor sees it: which calls the agent is on, and whether they are at work."""

    calls: list[str] = field(default_factory=list)
    status_of: AgentStatus = field(default_factory=lambda: AgentStatus("idle", "on queue"))
    denied: str | None = None

    def denies(self, _user_id: str, /) -> str | None:
        return self.denied

    async def live_calls_of(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        assert (user_id, deadline > 0, priority in Priority) == (AGENT.user_id, True, True)
        return LiveList(tuple(LiveCall(call, (AGENT,), queue_id=AGENT.queue_id) for call in self.calls))

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        return await self.live_calls_of(AGENT.user_id, deadline=deadline, priority=priority)

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        assert (deadline > 0, priority in Priority) == (True, True)
        return seen

    async def find(self, words: str, *, deadline: float, priority: Priority = Priority.PERSON) -> PeopleFound:
        assert (words, deadline > 0, priority in Priority) == ("", True, True)
        return PeopleFound(())

    async def status(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> AgentStatus:
        assert (user_id, deadline > 0, priority in Priority) == (AGENT.user_id, True, True)
        return self.status_of


@dataclass
class Replica:
    """One process that may start what people wait for."""

    harness: Harness
    floor: Floor
    people: dict[str, Principal]
    running: list[asyncio.Task[object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        log = self.harness.service.intake.log
        self.next_calls = NextCalls(log, self.floor, self.floor, EVENING)
        self.store = SqlNextCalls(self.harness.engines)
        self.monitor = self.restarted()

    def restarted(self) -> NextCallMonitor:
        """Return a monitor that remembers nothing."""
        clock = self.harness.clock
        return NextCallMonitor(
            self.harness.service, self.next_calls, self.store, self.floor, self.authorize, self.start, clock
        )

    async def authorize(self, actor: str) -> Principal:
        return self.people.get(actor, Principal(actor, SUPERVISOR))

    def start(self, work: Coroutine[object, object, object]) -> None:
        self.running.append(asyncio.ensure_future(work))

    async def hears(self, call: str) -> None:
        """Take the notification that the agent's call has connected, and wait for what comes of it."""
        seen = Conversation(call, connected=True, recording=CallRecording.NONE, agents=(AGENT,))
        await self.monitor.on_news(call, seen)
        await asyncio.gather(*self.running)

    async def polls(self) -> float | None:
        seconds = await self.monitor.poll()
        await asyncio.gather(*self.running)
        return seconds

    async def waits(self, actor: str = ADA, scope: Scope | None = None) -> NextCall:
        waiting = await self.next_calls.wait_for(asked(actor, scope=scope), AGENT.user_id, reason="a complaint")
        await self.polls()
        return waiting

    async def outcomes(self) -> list[tuple[str, str | None]]:
        found = rows(self.harness.file, "SELECT asked_by, outcome FROM next_calls ORDER BY audit_seq, id")
        return [(one["asked_by"], one["outcome"]) for one in found]

    async def told(self) -> int:
        return len(await self.store.due())

    async def states(self) -> list[str]:
        return [one["state"] for one in rows(self.harness.file, "SELECT state FROM recordings")]

    async def entries(self) -> list[tuple[str, str]]:
        query = "SELECT action, phase FROM audit_entries WHERE action LIKE 'next:%' ORDER BY seq"
        return [(one["action"], one["phase"]) for one in rows(self.harness.file, query)]


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with open_harness(tmp_path / "record-bot.db") as harness:
        yield Replica(harness, Floor(), {})


async def test_a_call_that_is_on_already_is_not_the_next_one(replica: Replica) -> None:
    replica.floor.calls = [CALL]
    await replica.waits()
    await replica.hears(CALL)
    assert await replica.states() == []
    await replica.hears(OTHER_CALL)
    assert await replica.states() == ["active"]
    (recording,) = rows(replica.harness.file, "SELECT conversation_id, reason, started_by FROM recordings")
    assert recording == {"conversation_id": OTHER_CALL, "reason": "a complaint", "started_by": ADA}
    assert await replica.entries() == [("next:armed", "succeeded"), ("next:started", "succeeded")]


async def test_an_event_that_comes_twice_counts_once(replica: Replica) -> None:
    await replica.waits()
    for _ in range(2):
        await replica.hears(CALL)
    await replica.hears(OTHER_CALL)
    assert replica.harness.control.calls.count("start") == 1
    assert await replica.outcomes() == [(ADA, "started")]
    assert await replica.told() == 1


async def test_two_people_get_one_recording_and_are_both_told(replica: Replica) -> None:
    await replica.waits()
    await replica.waits(GRACE)
    await replica.hears(CALL)
    assert replica.harness.control.calls.count("start") == 1
    assert sorted(await replica.outcomes()) == [(ADA, "started"), (GRACE, "started")]
    assert await replica.told() == 2


async def test_after_a_kill_the_call_that_is_live_now_is_recorded_if_it_began_since(replica: Replica) -> None:
    replica.floor.calls = [CALL]
    await replica.waits()
    replica.floor.calls = [CALL, OTHER_CALL]  # the process died between the event and the write
    replica.monitor = replica.restarted()
    await replica.polls()
    (recording,) = rows(replica.harness.file, "SELECT conversation_id, state FROM recordings")
    assert recording == {"conversation_id": OTHER_CALL, "state": "active"}


async def test_a_lost_event_is_made_up_for_when_events_flow_again(replica: Replica) -> None:
    await replica.waits()
    replica.floor.calls = [CALL]
    replica.monitor.missed_news(frozenset({AGENT.user_id}))
    await replica.polls()
    assert await replica.states() == ["active"]


async def test_the_rights_of_the_moment_decide(replica: Replica) -> None:
    await replica.waits()
    await replica.waits(GRACE)
    replica.people = {ADA: Principal(ADA)}  # no supervisor any more
    await replica.hears(CALL)
    assert sorted(await replica.outcomes()) == [(ADA, "denied"), (GRACE, "started")]
    (recording,) = rows(replica.harness.file, "SELECT started_by FROM recordings")
    assert recording == {"started_by": GRACE}
    assert ("next:started", "denied") in await replica.entries()


async def test_a_person_whom_slack_cannot_confirm_is_asked_about_again_for_a_while(replica: Replica) -> None:
    await replica.waits()
    replica.people = {ADA: Principal(ADA, denial_reason="unconfirmed")}
    replica.floor.calls = [CALL]
    await replica.hears(CALL)
    assert await replica.outcomes() == [(ADA, None)]
    replica.people = {}
    await replica.polls()
    assert await replica.outcomes() == [(ADA, "started")]
    await replica.waits(GRACE)
    replica.people = {GRACE: Principal(GRACE, denial_reason="unconfirmed")}
    await replica.hears(OTHER_CALL)
    replica.harness.clock.advance(UNCONFIRMED_SECONDS)
    await replica.hears(OTHER_CALL)
    assert (GRACE, "denied") in await replica.outcomes()


async def test_who_asks_is_authorized_and_asks_once(replica: Replica) -> None:
    await replica.waits()
    with pytest.raises(AlreadyWaitingForCall):
        await replica.waits()
    with pytest.raises(NotPermitted):
        await replica.next_calls.wait_for(asked(GRACE, roles=frozenset()), AGENT.user_id)
    elsewhere = Scope(everything=False, agents=frozenset({"somebody-else"}))
    with pytest.raises(OutOfScope):
        await replica.waits(GRACE, elsewhere)
    replica.floor.denied = "grant conversation:call:view"
    with pytest.raises(NoCallEvents):
        await replica.waits(GRACE)
    phases = [phase for action, phase in await replica.entries() if action == "next:armed"]
    assert phases == ["succeeded", "failed", "denied", "denied", "failed"]


async def test_only_the_person_who_waits_ends_it(replica: Replica) -> None:
    waiting = await replica.waits()
    with pytest.raises(NotPermitted):
        await replica.next_calls.cancel(asked(GRACE), next_call_id=waiting.id)
    await replica.next_calls.cancel(asked(), next_call_id=waiting.id)
    with pytest.raises(NotWaiting):
        await replica.next_calls.cancel(asked(), next_call_id=waiting.id)
    await replica.hears(CALL)
    assert await replica.states() == []
    assert await replica.told() == 0


async def test_what_genesys_refuses_or_takes_too_long_ends_the_wait(replica: Replica) -> None:
    await replica.waits()
    replica.harness.clock.advance(EVENING.total_seconds())
    await replica.polls()
    await replica.waits(GRACE)
    replica.floor.denied = "grant conversation:call:view"
    await replica.polls()
    assert await replica.outcomes() == [(ADA, "expired"), (GRACE, "unavailable")]
    assert await replica.told() == 2
    assert (await replica.entries())[-1] == ("next:cancelled", "observed")


async def test_a_call_that_somebody_records_already_is_told_as_such(replica: Replica) -> None:
    await replica.waits(GRACE)
    service = replica.harness.service
    await service.carry_out(await service.intake.start(asked(), CALL, None))
    await replica.hears(CALL)
    assert replica.harness.control.calls.count("start") == 1
    (due,) = await replica.store.due()
    assert due.recording is not None
    assert (due.next_call.outcome, due.recording.started_by) == (NextCallOutcome.STARTED, ADA)


@on_both
async def test_of_two_replicas_one_starts_the_recording(database: Database) -> None:
    async with open_harness(database) as first, open_harness(database, owner="serve:2", clock=first.clock) as second:
        replicas = [Replica(one, Floor(), {}) for one in (first, second)]
        await replicas[0].waits()
        await replicas[1].waits(GRACE)
        for one in replicas:
            await one.polls()
        await asyncio.gather(*(one.hears(CALL) for one in replicas))
        assert first.control.calls.count("start") + second.control.calls.count("start") == 1
        assert await replicas[0].states() == [RecordingState.ACTIVE.value]
        assert sorted(await replicas[0].outcomes()) == [(ADA, "started"), (GRACE, "started")]


async def test_check_says_how_many_calls_are_waited_for(replica: Replica) -> None:
    file = replica.harness.file
    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{file}")
    assert waited_for((await check_database(settings)).next_calls) == ()
    await replica.waits()
    (part,) = waited_for((await check_database(settings)).next_calls)
    assert part.ok
    assert part.problem.startswith("Waiting for 1 call (/record next), the last until ")
