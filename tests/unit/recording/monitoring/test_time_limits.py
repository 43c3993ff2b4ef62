"""Pauses and recordings that end by themselves: at their time, once, whatever else happens at that moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.audit.entry import timestamp
from bot.errors import (
    AlreadyExtended,
    AuditUnavailable,
    Duplicate,
    GenesysUnavailable,
    MalformedLength,
    NotPermitted,
    OutcomeUnknown,
    OutOfScope,
    PermissionMissing,
    RateLimited,
    WrongState,
)
from bot.recording.call import CallRecording
from bot.recording.caller import GUARD, Role, Scope
from bot.recording.models import Mechanism, RecordingState, Verb
from bot.recording.monitoring.observations import Drift, Observations
from bot.recording.monitoring.time_limits import TimeLimitGuard
from bot.recording.policy import DualControl
from bot.recording.requests import Extended
from bot.recording.time_limits.limits import Limit, TimeLimits
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.recording.service import ADA, CALL, GRACE, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from bot.recording.models import Recording
    from bot.recording.requests import Request
    from tests.support.databases.postgres import Database

NOTICES = (
    "SELECT kind, person, occasion FROM notices WHERE kind LIKE '%ends' OR kind = 'limit_failed' ORDER BY noted_at"
)


@dataclass
class Watch:
    """A guard, and what it runs beside itself."""

    guard: TimeLimitGuard
    tasks: list[asyncio.Task[object]] = field(default_factory=list)

    async def step(self) -> None:
        await self.guard.check_all()
        await asyncio.gather(*self.tasks)
        self.tasks.clear()


def watch(harness: Harness) -> Watch:
    def start(coroutine: Coroutine[object, object, object]) -> None:
        watched.tasks.append(asyncio.ensure_future(coroutine))

    watched = Watch(TimeLimitGuard(harness.service, harness.clock, start))
    return watched


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def recorded(harness: Harness) -> Recording:
    return (await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))).recording


async def paused(harness: Harness, length: str | None = "90s", *, by: str = ADA) -> Recording:
    if await harness.store.live_recording(CALL) is None:
        await recorded(harness)
    answer = await harness.service.intake.change(Verb.PAUSE, asked(by), typed_id=CALL, typed_length=length)
    return (await harness.service.carry_out(at_once(answer))).recording


async def extends(harness: Harness, who: Request, **about: Any) -> Extended:
    done = await harness.service.intake.extend(who, **about)
    assert isinstance(done, Extended)
    return done


async def current(harness: Harness) -> Recording:
    found = await harness.store.newest_recording(CALL)
    assert found is not None
    return found


def notices(harness: Harness) -> list[tuple[str, str]]:
    return [(row["kind"], row["person"]) for row in rows(harness.file, NOTICES)]


async def test_a_pause_ends_by_itself_at_its_time_and_the_trail_says_why(harness: Harness) -> None:
    before, guard = await paused(harness), watch(harness)
    assert before.paused_at is not None
    assert before.pause_until == before.paused_at + timedelta(seconds=90)
    harness.clock.advance(89)
    await guard.step()
    assert (await current(harness)).state is RecordingState.PAUSED
    harness.clock.advance(1)
    await guard.step()
    after = await current(harness)
    assert (after.state, after.pause_until, after.paused_by, after.paused_seconds) == (
        RecordingState.ACTIVE,
        None,
        None,
        90,
    )
    requested, succeeded = entries(harness.file)[-2:]
    assert (requested["phase"], requested["action"], requested["actor"]) == ("requested", "recording:resume", GUARD)
    assert requested["origin"]["source"] == "guard"
    assert requested["origin"]["limit"] == "pause"
    assert (succeeded["phase"], succeeded["actor"]) == ("succeeded", GUARD)
    assert harness.control.calls == ["start", "pause", "resume"]
    await guard.step()
    assert harness.control.calls == ["start", "pause", "resume"]


@on_both
async def test_its_end_is_announced_once_to_the_person_who_paused(harness: Harness) -> None:
    await paused(harness, by=GRACE)
    guard = watch(harness)
    harness.clock.advance(74)
    await guard.step()
    assert notices(harness) == []
    harness.clock.advance(1)
    await guard.step()
    await watch(harness).step()  # another process that has just become the leader
    assert notices(harness) == [("pause_ends", GRACE)]


async def test_the_time_of_the_settings_counts_and_a_typed_one_only_if_it_is_shorter(database: Database) -> None:
    async with open_harness(database, limits=TimeLimits(pause=timedelta(minutes=5))) as harness:
        assert (await paused(harness, None)).pause_seconds == 300
        await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.RESUME, asked())))
        assert (await paused(harness, "10m")).pause_seconds == 300
        await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.RESUME, asked())))
        assert (await paused(harness, "30s")).pause_seconds == 30


async def test_without_a_length_and_a_setting_a_pause_has_no_end(harness: Harness) -> None:
    assert (await paused(harness, None)).pause_until is None
    harness.clock.advance(86_400)
    await watch(harness).step()
    assert (await current(harness)).state is RecordingState.PAUSED


@pytest.mark.parametrize(
    "typed", ["90x", "0s", "-5s", "10h", "9s", "1e3s", "s", "\u0669\u0660s", "9" * 40 + "s", "90 90s"]
)
async def test_nonsense_is_refused_with_an_entry_and_nothing_is_paused(harness: Harness, typed: str) -> None:
    await recorded(harness)
    with pytest.raises(MalformedLength) as refused:
        await harness.service.intake.change(Verb.PAUSE, asked(), typed_id=CALL, typed_length=typed)
    assert (await current(harness)).state is RecordingState.ACTIVE
    entry = entries(harness.file)[-1]
    assert (entry["phase"], entry["outcome"], entry["seq"]) == (
        "failed",
        {"error": "malformed_length"},
        refused.value.audit_seq,
    )


async def test_an_extension_adds_the_same_length_and_is_in_the_trail(harness: Harness) -> None:
    before = await paused(harness)
    assert before.pause_until is not None
    done = await extends(harness, asked(GRACE), recording_id=before.id, limit=Limit.PAUSE, until=before.pause_until)
    assert done.until == before.pause_until + timedelta(seconds=90)
    assert done.recording.version == before.version + 1  # the card is drawn again
    entry = entries(harness.file)[-1]
    assert (entry["action"], entry["phase"], entry["actor"]) == ("recording:extend", "succeeded", GRACE)
    assert entry["outcome"] == {"limit": "pause", "until": done.until.isoformat()}
    harness.clock.advance(90)
    guard = watch(harness)
    await guard.step()
    assert (await current(harness)).state is RecordingState.PAUSED
    harness.clock.advance(90)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


async def test_two_people_who_answer_the_same_message_extend_once(harness: Harness) -> None:
    before = await paused(harness)
    request: dict[str, Any] = {"recording_id": before.id, "limit": Limit.PAUSE, "until": before.pause_until}
    done = await extends(harness, asked(GRACE), **request)
    with pytest.raises(AlreadyExtended) as refused:
        await extends(harness, asked(ADA), **request)
    assert refused.value.until == done.until
    assert (await current(harness)).pause_until == done.until


async def test_a_click_that_slack_delivers_twice_extends_once(harness: Harness) -> None:
    before = await paused(harness)
    request: dict[str, Any] = {"recording_id": before.id, "limit": Limit.PAUSE, "until": before.pause_until}
    click = asked(ADA, trigger="same")
    await extends(harness, click, **request)
    with pytest.raises(Duplicate):
        await extends(harness, click, **request)
    assert trail_lines(harness.file).count("succeeded recording:extend") == 1


@pytest.mark.parametrize(
    ("roles", "scope", "error"),
    [
        (frozenset[Role](), None, NotPermitted),
        (frozenset({Role.COMPLIANCE}), None, NotPermitted),
        (None, Scope(everything=False, queues=frozenset({"queue-2"})), OutOfScope),
    ],
    ids=["stranger", "compliance", "another scope"],
)
async def test_who_may_not_resume_may_not_extend(
    harness: Harness, roles: frozenset[Role] | None, scope: Scope | None, error: type[Exception]
) -> None:
    before = await paused(harness)
    with pytest.raises(error):
        await extends(harness, asked(GRACE, roles=roles, scope=scope), typed_id=CALL)
    assert (await current(harness)).pause_until == before.pause_until
    assert trail_lines(harness.file)[-1] == "denied recording:extend"


async def test_a_limited_supervisor_extends_what_is_in_their_scope(harness: Harness) -> None:
    before = await paused(harness)
    scope = Scope(everything=False, queues=frozenset({"queue-1"}))
    done = await extends(harness, asked(GRACE, scope=scope), typed_id=CALL)
    assert before.pause_until is not None
    assert done.until == before.pause_until + timedelta(seconds=90)


async def test_what_does_not_end_by_itself_cannot_be_extended(harness: Harness) -> None:
    await paused(harness, None)
    with pytest.raises(WrongState):
        await extends(harness, asked(), typed_id=CALL)


@on_both
async def test_an_extension_at_the_moment_of_the_end_is_either_before_or_after_it(harness: Harness) -> None:
    before = await paused(harness)
    assert before.pause_until is not None
    harness.clock.advance(90)
    intake = harness.service.intake
    ended, extended = await asyncio.gather(
        intake.end_by_itself(before.id, Limit.PAUSE, before.pause_until),
        intake.extend(asked(), recording_id=before.id, limit=Limit.PAUSE, until=before.pause_until),
        return_exceptions=True,
    )
    state = (await current(harness)).state
    if ended is None:
        assert not isinstance(extended, BaseException)
        assert state is RecordingState.PAUSED
    else:
        assert isinstance(extended, WrongState)
        assert state is RecordingState.RESUMING


async def test_after_an_extension_the_older_end_does_nothing_and_writes_nothing(harness: Harness) -> None:
    before = await paused(harness)
    assert before.pause_until is not None
    await extends(harness, asked(), typed_id=CALL)
    said = len(entries(harness.file))
    assert await harness.service.intake.end_by_itself(before.id, Limit.PAUSE, before.pause_until) is None
    assert len(entries(harness.file)) == said


async def test_a_pause_that_began_since_has_its_own_end(harness: Harness) -> None:
    await paused(harness)
    guard = watch(harness)
    await guard.step()
    harness.clock.advance(60)
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.RESUME, asked())))
    harness.clock.advance(10)
    await paused(harness)
    harness.clock.advance(30)  # here the first one would have ended
    await guard.step()
    assert (await current(harness)).state is RecordingState.PAUSED
    harness.clock.advance(60)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


@on_both
async def test_two_processes_end_it_once(harness: Harness) -> None:
    await paused(harness)
    harness.clock.advance(90)
    await asyncio.gather(watch(harness).step(), watch(harness).step())
    assert trail_lines(harness.file).count("requested recording:resume") == 1
    assert harness.control.calls.count("resume") == 1


@on_both
async def test_a_process_that_starts_later_ends_it_at_once(database: Database) -> None:
    async with open_harness(database) as harness:
        await paused(harness)
        clock = harness.clock
    clock.advance(3600)
    async with open_harness(database, clock=clock, owner="serve:2") as later:
        later.control.recordings[CALL] = CallRecording.PAUSED
        await watch(later).step()
        assert (await current(later)).state is RecordingState.ACTIVE


async def test_a_clock_that_is_set_back_makes_no_pause_longer(harness: Harness) -> None:
    await paused(harness)
    guard = watch(harness)
    await guard.step()
    harness.clock.begin -= timedelta(hours=1)
    harness.clock.advance(89)
    await guard.step()
    assert (await current(harness)).state is RecordingState.PAUSED
    harness.clock.advance(1)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE
    assert (await current(harness)).paused_seconds >= 0


async def test_a_clock_that_is_set_forward_makes_no_pause_shorter(harness: Harness) -> None:
    await paused(harness)
    guard = watch(harness)
    await guard.step()
    harness.clock.begin += timedelta(hours=1)
    await guard.step()
    assert (await current(harness)).state is RecordingState.PAUSED
    harness.clock.advance(90)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


async def test_after_a_restart_with_the_clock_set_back_it_waits_no_longer_than_its_length(harness: Harness) -> None:
    await paused(harness)
    harness.clock.begin -= timedelta(hours=1)
    guard = watch(harness)
    await guard.step()
    harness.clock.advance(90)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


async def test_a_database_that_is_away_at_the_end_is_tried_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await paused(harness)
    guard = watch(harness)
    await guard.step()
    harness.clock.advance(90)

    async def away(*_: object, **__: object) -> None:
        raise AuditUnavailable(cause="disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(type(harness.store), "write", away)
        await guard.step()
    assert harness.control.calls == ["start", "pause"]
    harness.clock.advance(1)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


@pytest.mark.parametrize(
    "fault", [RateLimited(retry_after=60), GenesysUnavailable(), PermissionMissing()], ids=["429", "away", "403"]
)
async def test_what_genesys_refuses_is_tried_again_and_said_once(harness: Harness, fault: Exception) -> None:
    await paused(harness)
    guard = watch(harness)
    harness.clock.advance(90)
    harness.control.fault = fault
    for _ in range(4):
        await guard.step()
        harness.clock.advance(5)
    refused = await current(harness)
    assert (refused.state, refused.in_doubt) == (RecordingState.PAUSED, False)
    assert refused.error is not None
    assert notices(harness) == [("limit_failed", ADA)]
    tried = harness.control.calls.count("resume")
    assert 2 <= tried <= 3  # the gaps double
    harness.control.fault = None
    harness.clock.advance(60)
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE


@on_both
@pytest.mark.parametrize("applied", ["applied", ""])
async def test_an_answer_that_is_lost_is_unknown_until_a_reading_settles_it(harness: Harness, applied: str) -> None:
    await paused(harness)
    guard = watch(harness)
    harness.clock.advance(90)
    harness.control.late_fault = OutcomeUnknown()
    await guard.step()
    assert (await current(harness)).in_doubt
    assert trail_lines(harness.file)[-1] == "unknown recording:resume"
    await guard.step()
    assert harness.control.calls.count("resume") == 1  # nothing is sent while nobody knows
    harness.control.late_fault = None
    if not applied:
        harness.control.recordings[CALL] = CallRecording.PAUSED
    await harness.reconciler.settle_all()
    harness.clock.advance(60)
    await harness.reconciler.settle_all()
    if applied:
        assert (await current(harness)).state is RecordingState.ACTIVE
        assert harness.control.calls.count("resume") == 1
        return
    assert (await current(harness)).state is RecordingState.PAUSED
    await guard.step()
    assert (await current(harness)).state is RecordingState.ACTIVE
    assert harness.control.calls.count("resume") == 2


async def test_a_recording_that_was_started_by_hand_stops_by_itself(database: Database) -> None:
    async with open_harness(database, limits=TimeLimits(recording=timedelta(hours=1))) as harness:
        began, guard = await recorded(harness), watch(harness)
        assert began.started_at is not None
        assert began.run_until == began.started_at + timedelta(hours=1)
        assert entries(harness.file)[-1]["outcome"]["until"] == began.run_until.isoformat()
        harness.clock.advance(3585)
        await guard.step()
        assert notices(harness) == [("recording_ends", ADA)]
        done = await extends(harness, asked(), typed_id=CALL)
        assert done.until == began.run_until + timedelta(hours=1)
        harness.clock.advance(15)
        await guard.step()
        assert (await current(harness)).state is RecordingState.ACTIVE
        harness.clock.advance(3600)
        await guard.step()
        stopped = await current(harness)
        assert (stopped.state, stopped.ended_by, stopped.error) == (RecordingState.STOPPED, GUARD, None)


async def test_a_paused_one_stops_as_well(database: Database) -> None:
    async with open_harness(database, limits=TimeLimits(recording=timedelta(minutes=1))) as harness:
        await paused(harness, None)
        harness.clock.advance(60)
        await watch(harness).step()
        assert (await current(harness)).state is RecordingState.STOPPED


async def test_what_a_policy_began_does_not_stop_by_itself(database: Database) -> None:
    async with open_harness(database, limits=TimeLimits(recording=timedelta(minutes=1))) as harness:
        harness.control.mechanism = Mechanism.POLICY
        assert (await recorded(harness)).run_until is None


async def test_where_a_stop_takes_two_the_bot_is_neither_of_them(database: Database) -> None:
    limits, rule = TimeLimits(recording=timedelta(minutes=1)), DualControl(queues=frozenset({"queue-1"}))
    async with open_harness(database, limits=limits) as harness:
        began = await recorded(harness)
        clock = harness.clock
        assert began.run_until is not None
    clock.advance(60)
    async with open_harness(database, limits=limits, dual_control=rule, clock=clock) as later:  # a rule that is new
        guard = watch(later)
        await guard.step()
        assert (await current(later)).state is RecordingState.ACTIVE
        assert trail_lines(later.file)[-1] == "succeeded recording:start"


async def test_a_pause_made_in_genesys_is_not_the_bots_to_end(database: Database) -> None:
    async with open_harness(database, limits=TimeLimits(pause=timedelta(seconds=30))) as harness:
        began = await recorded(harness)
        observations = Observations(harness.store, harness.clock)
        await observations.changed_outside(began, Drift("recording:pause", RecordingState.PAUSED))
        harness.clock.advance(60)
        await watch(harness).step()
        assert (await current(harness)).state is RecordingState.PAUSED


def test_the_end_is_written_as_the_database_writes_it(harness: Harness) -> None:
    now = harness.clock.now()
    assert len(timestamp(now)) == 27
    assert timestamp(now) < timestamp(now + timedelta(microseconds=1))
