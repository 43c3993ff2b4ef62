"""Rules of the policy file: what the bot does by itself when a call connects, once for each call."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.database.queries.policy import SqlRules
from bot.errors import CallEnded, GenesysUnavailable, OutcomeUnknown, PermissionMissing, RateLimited
from bot.recording.call import CallRecording, LiveCall, LiveList, Participant
from bot.recording.handover import AgentLeg
from bot.recording.keeping.keep import KeepVerb
from bot.recording.models import Conversation, Verb
from bot.recording.monitoring.rules import LATE_SECONDS, LIST_EVERY_SECONDS, RuleMonitor
from bot.recording.policy import DualControl, Rule, RuleAction
from bot.recording.ports import Priority
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import rows
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, OTHER_CALL, Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from datetime import datetime
    from pathlib import Path

    from tests.support.databases.postgres import Database

START = Rule("Sales", RuleAction.START, "Quality review", queues=frozenset({"queue-1"}))
KEEP = Rule("Claims", RuleAction.KEEP, "Legal", agents=frozenset({"user-1"}))
COLLEAGUE = Participant("participant-2", "user-2", "Tom Weir", "queue-1", "Billing")
ELSEWHERE = Participant("participant-3", "user-3", "Ola Berg", "queue-3", "Support")


@dataclass
class Floor:
    """The list of live calls."""

    calls: list[LiveCall] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        assert deadline > 0
        self.priorities.append(priority)
        return LiveList(tuple(self.calls))

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        assert (deadline > 0, priority in Priority) == (True, True)
        return seen


@dataclass
class Replica:
    """One process with rules, which it has had for a while."""

    harness: Harness
    rules: tuple[Rule, ...] = (START,)
    floor: Floor = field(default_factory=Floor)
    running: list[asyncio.Task[object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.noted = SqlRules(self.harness.store)
        self.monitor = self.restarted()

    async def serves(self, *rules: Rule) -> None:
        """Start again with these rules of the policy file."""
        self.rules = rules or self.rules
        await self.noted.note(DualControl(), self.harness.clock.now(), always=self.rules)
        self.monitor = self.restarted()

    def restarted(self) -> RuleMonitor:
        harness = self.harness
        since = self.noted.acting_since
        return RuleMonitor(self.rules, harness.service, self.floor, since, self.start, harness.clock)

    def start(self, work: Coroutine[object, object, object]) -> None:
        self.running.append(asyncio.ensure_future(work))

    async def hears(self, call: str = CALL, agent: Participant | None = AGENT, *, ago: float | None = 0.0) -> None:
        """Take the notification of a call that connected so many seconds ago; None: that its last party has left."""
        seen = None if agent is None else self.seen(call, agent, ago)
        await self.monitor.on_news(call, seen)
        await asyncio.gather(*self.running)

    def seen(self, call: str, agent: Participant, ago: float | None = 0.0) -> Conversation:
        at = None if ago is None else self.ago(ago)
        leg = AgentLeg(agent, connected=True, over=False, connected_at=at)
        return Conversation(call, connected=True, recording=CallRecording.NONE, agents=(agent,), legs=(leg,))

    def ago(self, seconds: float) -> datetime:
        return self.harness.clock.now() - timedelta(seconds=seconds)

    def is_on(self, call: str = CALL, *, ago: float | None = 0.0) -> None:
        """Have the list of live calls show a call that connected so many seconds ago."""
        since = None if ago is None else self.ago(ago)
        if since is not None:
            self.harness.control.connected_at[call] = since
        self.floor.calls.append(LiveCall(call, (replace(AGENT, queue_id=None),), queue_id="queue-1", since=since))

    async def polls(self, *, later: float = LIST_EVERY_SECONDS) -> None:
        self.harness.clock.advance(later)
        await self.monitor.poll()
        await asyncio.gather(*self.running)

    def entries(self) -> list[tuple[str, str, str]]:
        query = "SELECT action, phase, actor FROM audit_entries WHERE action LIKE 'recording:%' ORDER BY seq"
        return [(one["action"], one["phase"], one["actor"]) for one in rows(self.harness.file, query)]

    async def stops(self) -> None:
        """Have a person stop the recording of the call."""
        service = self.harness.service
        change = await service.intake.change(Verb.STOP, asked(), typed_id=CALL)
        await service.carry_out(change)  # type: ignore[arg-type]

    async def ends_with_its_agent(self) -> None:
        """Have the agent hand the call over, which ends the recording."""
        recording = await self.harness.store.live_recording(CALL)
        assert recording is not None
        over = recording.call_ended(self.harness.clock.now())
        await self.harness.store.write(lambda transaction: transaction.save(over, was=recording))

    def states(self) -> list[str]:
        return [one["state"] for one in rows(self.harness.file, "SELECT state FROM recordings ORDER BY requested_seq")]

    def origins(self) -> list[dict[str, Any]]:
        query = "SELECT origin FROM audit_entries WHERE phase = 'requested' ORDER BY seq"
        return [json.loads(one["origin"]) for one in rows(self.harness.file, query)]

    def starts(self) -> int:
        return self.harness.control.calls.count("start")


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with open_harness(tmp_path / "record-bot.db") as harness:
        replica = Replica(harness)
        await replica.serves()
        harness.clock.advance(3600)
        yield replica


async def test_a_call_of_the_queue_is_recorded_as_the_rule(replica: Replica) -> None:
    await replica.hears(OTHER_CALL, ELSEWHERE)
    assert replica.entries() == []
    await replica.hears()
    rule = "bot:rule:Sales"
    assert replica.entries() == [("recording:start", "requested", rule), ("recording:start", "succeeded", rule)]
    (recording,) = rows(replica.harness.file, "SELECT started_by, reason, run_until FROM recordings")
    assert recording == {"started_by": rule, "reason": "Quality review", "run_until": None}
    assert replica.harness.control.start_priorities == [Priority.LOOP]
    assert rows(replica.harness.file, "SELECT * FROM cards") == []
    (origin,) = replica.origins()
    assert origin == {"source": "rule", "trigger": f"Sales:{CALL}"}


async def test_events_restarts_and_a_transfer_within_the_queue_are_one_call(replica: Replica) -> None:
    for _ in range(2):
        await replica.hears()
    replica.monitor = replica.restarted()
    await replica.hears()
    replica.is_on()
    await replica.polls()
    replica.harness.control.agents[CALL] = COLLEAGUE
    await replica.hears(CALL, COLLEAGUE)
    assert replica.starts() == 1
    assert len(replica.entries()) == 2


async def test_a_person_who_stops_the_recording_has_the_last_word(replica: Replica) -> None:
    await replica.hears()
    await replica.stops()
    written = len(replica.entries())
    replica.monitor = replica.restarted()
    await replica.hears(CALL, COLLEAGUE)
    replica.is_on()
    await replica.polls()
    await replica.serves(replace(START, label="Sales calls"))
    await replica.hears()
    assert (replica.starts(), replica.states(), len(replica.entries())) == (1, ["stopped"], written)


async def test_a_call_that_is_recorded_already_is_left_alone_without_an_entry(replica: Replica) -> None:
    service = replica.harness.service
    await service.carry_out(await service.intake.start(asked(), CALL, None))
    written = len(replica.entries())
    await replica.hears()
    assert (replica.starts(), len(replica.entries())) == (1, written)
    await replica.stops()
    await replica.hears()
    assert replica.states() == ["stopped"]


async def test_a_call_whose_recording_ended_with_another_agent_is_recorded_on_the_rules_queue(
    replica: Replica,
) -> None:
    service = replica.harness.service
    replica.harness.control.agents[CALL] = ELSEWHERE
    await service.carry_out(await service.intake.start(asked(), CALL, None))
    await replica.ends_with_its_agent()
    replica.harness.control.agents[CALL] = AGENT
    await replica.hears()
    assert replica.states() == ["ended", "active"]


async def test_a_recording_that_ended_with_its_agent_is_not_begun_again_by_the_rule(replica: Replica) -> None:
    await replica.hears()
    await replica.ends_with_its_agent()
    replica.monitor = replica.restarted()
    await replica.hears(CALL, COLLEAGUE)
    replica.is_on()
    await replica.polls()
    assert (replica.states(), replica.starts()) == (["ended"], 1)
    assert await replica.monitor.poll() == LIST_EVERY_SECONDS  # nothing is to be tried again


async def test_a_call_that_was_recorded_when_it_connected_stays_a_persons(replica: Replica) -> None:
    service = replica.harness.service
    await service.carry_out(await service.intake.start(asked(), CALL, None))
    await replica.hears()
    await replica.ends_with_its_agent()
    replica.monitor = replica.restarted()
    await replica.hears(CALL, COLLEAGUE)
    assert replica.states() == ["ended"]


async def test_a_lost_event_is_made_up_for_by_the_list_which_goes_behind_people(replica: Replica) -> None:
    replica.is_on(ago=5)
    await replica.polls()
    assert replica.states() == ["active"]
    assert set(replica.floor.priorities) == {Priority.LOOP}
    listed = len(replica.floor.priorities)
    await replica.polls(later=1)
    assert len(replica.floor.priorities) == listed
    replica.monitor.missed_news(frozenset({"user-9"}))
    await replica.polls(later=1)
    assert len(replica.floor.priorities) == listed
    replica.monitor.missed_news(frozenset({"queue:queue-1"}))
    await replica.polls(later=1)
    assert len(replica.floor.priorities) == listed + 1


async def test_what_comes_of_the_start_itself_is_no_reason_for_a_list(replica: Replica) -> None:
    await replica.monitor.poll()
    gate = replica.harness.control.gate = asyncio.Event()
    await replica.monitor.on_news(CALL, replica.seen(CALL, AGENT))
    await replica.monitor.on_news(CALL, replica.seen(CALL, AGENT))  # the effect, while the start is under way
    gate.set()
    await asyncio.gather(*replica.running)
    assert await replica.monitor.poll() == LIST_EVERY_SECONDS
    assert (replica.states(), replica.starts()) == (["active"], 1)


async def test_a_late_request_says_so(replica: Replica) -> None:
    replica.is_on(ago=47)
    await replica.polls(later=LIST_EVERY_SECONDS)
    (origin,) = replica.origins()
    assert origin["late_seconds"] == 47 + LIST_EVERY_SECONDS
    await replica.hears(OTHER_CALL, ago=LATE_SECONDS - 1)
    assert "late_seconds" not in replica.origins()[1]


async def test_calls_from_before_the_rule_are_left_alone(replica: Replica) -> None:
    await replica.serves(START, replace(KEEP, queues=frozenset({"queue-9"})))
    replica.harness.clock.advance(60)
    replica.is_on(ago=100)
    replica.is_on(OTHER_CALL, ago=None)
    replica.harness.control.connected_at[OTHER_CALL] = replica.ago(7200)  # the list doesn't say it, the reading does
    await replica.polls(later=1)
    # the rule Sales has been there for an hour
    assert [actor for _, phase, actor in replica.entries() if phase == "requested"] == ["bot:rule:Sales"]
    await replica.serves(replace(START, queues=frozenset({"queue-1", "queue-2"})))  # what was there counts on
    replica.monitor = replica.restarted()
    second = "5d7e1f20-9b3c-4a64-8f1d-2c0a9e8b7d61"
    await replica.hears(second, replace(AGENT, queue_id="queue-2"), ago=30)
    assert replica.starts() == 1
    await replica.hears(second, COLLEAGUE, ago=30)
    assert replica.starts() == 2


@pytest.mark.parametrize("error", [RateLimited(retry_after=5), GenesysUnavailable()])
async def test_a_start_that_could_not_be_sent_is_made_late_and_told(replica: Replica, error: Exception) -> None:
    replica.harness.control.start_fault = error
    await replica.hears()
    assert replica.states() == ["failed"]
    replica.harness.control.start_fault = None
    await replica.hears(ago=1)  # too soon
    assert replica.starts() == 1
    replica.is_on(ago=0)
    replica.monitor = replica.restarted()
    await replica.polls(later=30)
    assert replica.states() == ["failed", "active"]
    assert replica.origins()[1]["late_seconds"] == 30
    phases = [phase for _, phase, _ in replica.entries()]
    assert phases == ["requested", "failed", "requested", "succeeded"]


async def test_what_stays_wrong_is_tried_ever_less_often_and_a_refusal_not_again(replica: Replica) -> None:
    replica.harness.control.start_fault = GenesysUnavailable()
    await replica.hears()
    replica.is_on(ago=0)
    for _ in range(20):
        await replica.polls()
    assert replica.starts() == 6  # within 20 minutes: at once, then after 60, 120, 240, 480 and 960 s
    replica.harness.control.start_fault = PermissionMissing("conversation:call:record")
    await replica.hears(OTHER_CALL)
    replica.is_on(OTHER_CALL)
    replica.floor.calls = replica.floor.calls[1:]
    for _ in range(3):
        await replica.polls()
    assert replica.starts() == 7


async def test_a_start_that_took_no_effect_is_made_again_while_the_call_goes_on(replica: Replica) -> None:
    harness = replica.harness
    harness.control.fault = OutcomeUnknown()
    await replica.hears()
    harness.control.fault = None
    harness.clock.advance(60)
    await harness.reconciler.settle_all()
    harness.clock.advance(60)
    await harness.reconciler.settle_all()
    assert replica.states() == ["failed"]
    await replica.hears(ago=120)
    assert replica.states() == ["failed", "active"]


async def test_the_door_is_closed_at_shutdown(replica: Replica) -> None:
    replica.harness.shutdown_gate.open = False
    await replica.hears()
    assert replica.entries() == []
    replica.harness.shutdown_gate.open = True
    await replica.hears()
    assert replica.states() == ["active"]


@on_both
async def test_of_two_replicas_one_acts(database: Database) -> None:
    async with open_harness(database) as first, open_harness(database, owner="serve:2", clock=first.clock) as second:
        replicas = [Replica(one, (START, KEEP)) for one in (first, second)]
        for one in replicas:
            await one.serves()
        await asyncio.gather(*(one.hears() for one in replicas))
        assert sum(one.starts() for one in replicas) == 1
        requested = [(action, actor) for action, phase, actor in replicas[0].entries() if phase == "requested"]
        assert sorted(requested) == [("recording:keep", "bot:rule:Claims"), ("recording:start", "bot:rule:Sales")]


class TestKeep:
    @pytest.fixture
    async def replica(self, tmp_path: Path) -> AsyncIterator[Replica]:
        async with open_harness(tmp_path / "record-bot.db") as harness:
            replica = Replica(harness, (KEEP,))
            await replica.serves()
            harness.clock.advance(3600)
            yield replica

    async def test_the_files_are_kept_once_the_call_is_over_and_nothing_is_read_before(self, replica: Replica) -> None:
        harness = replica.harness
        await replica.hears()
        await replica.hears(CALL, AGENT)
        await harness.keeps_step()
        assert harness.control.calls == []
        harness.files.store(CALL, "available")
        await replica.hears(CALL, None)
        harness.clock.advance(5)
        await harness.keeps_step()
        rule = "bot:rule:Claims"
        assert replica.entries() == [("recording:keep", "requested", rule), ("recording:keep", "succeeded", rule)]
        assert "look" not in harness.control.calls
        assert harness.files.annotations == [("file-0", "Legal")]
        await replica.hears(CALL, AGENT)
        assert len(replica.entries()) == 2

    async def test_the_end_of_a_call_whose_event_is_lost_is_found_by_a_reading(self, replica: Replica) -> None:
        harness = replica.harness
        await replica.hears()
        harness.clock.advance(299)
        await harness.keeps_step()
        assert harness.control.calls == []
        harness.control.fault = CallEnded()
        harness.files.store(CALL, "available")
        harness.clock.advance(1)
        await harness.keeps_step()
        harness.clock.advance(10)
        await harness.keeps_step()
        assert replica.entries()[-1][:2] == ("recording:keep", "succeeded")
        assert set(harness.control.priorities) == {Priority.LOOP}

    async def test_what_somebody_asked_for_stands(self, replica: Replica) -> None:
        keeper = replica.harness.keeper
        await keeper.ask(KeepVerb.KEEP, asked(), typed_id=CALL)
        await replica.hears()
        assert [actor for _, _, actor in replica.entries()] == [ADA]

    async def test_a_start_by_a_person_does_not_keep_a_rule_from_keeping(self, replica: Replica) -> None:
        service = replica.harness.service
        await service.carry_out(await service.intake.start(asked(), CALL, None))
        await replica.hears()
        (keep,) = rows(replica.harness.file, "SELECT asked_by, next_at, recording_id FROM keeps")
        assert (keep["asked_by"], keep["next_at"]) == ("bot:rule:Claims", None)
        assert keep["recording_id"] is not None
