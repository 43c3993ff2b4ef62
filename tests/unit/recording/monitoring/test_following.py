"""What happens to a call outside the bot is seen, recorded, and corrected where it was the bot's own doing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import AlreadyRecording, CallEnded, GenesysUnavailable, OutcomeUnknown
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import AgentLeg
from bot.recording.models import Conversation, Mechanism, RecordingState, Verb
from bot.recording.monitoring.call_monitor import (
    LOOK_AGAIN_SECONDS,
    LOOK_AT_MOST_EVERY,
    LOOK_WITH_NEWS_EVERY,
    MISSED_LASTS,
    Follower,
)
from bot.recording.monitoring.late_effects import AFTER_SECONDS, LaterLooks
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.reconciler import PATIENCE
from bot.recording.ports import Priority
from bot.recording.requests import PendingAction
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, trail_lines
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import CALL, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases.postgres import Database


@dataclass
class FakeNews:
    """Notes who is followed; news of those in ``flowing`` arrive."""

    followed: list[frozenset[str]] = field(default_factory=list)
    flowing: frozenset[str] = frozenset()

    async def follow(self, user_ids: frozenset[str]) -> None:
        self.followed.append(user_ids)


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


@pytest.fixture
def news() -> FakeNews:
    return FakeNews()


@pytest.fixture
def follower(harness: Harness, news: FakeNews) -> Follower:
    return Follower(harness.store, harness.control, Observations(harness.store, harness.clock), harness.clock, news)


@pytest.fixture
def later_looks(harness: Harness) -> LaterLooks:
    return LaterLooks(harness.service, Observations(harness.store, harness.clock), harness.clock)


async def start(harness: Harness, call: str = CALL) -> None:
    await harness.service.carry_out(await harness.service.intake.start(asked(), call, None))
    harness.control.calls.clear()


async def state(harness: Harness, call: str = CALL) -> RecordingState:
    recording = await harness.store.newest_recording(call)
    assert recording is not None
    return recording.state


def seen(recording: CallRecording, *, on_hold: bool = False) -> Conversation:
    return Conversation(CALL, connected=True, recording=recording, agents=(AGENT,), on_hold=on_hold)


@pytest.mark.parametrize(
    ("recording", "reached", "action"),
    [
        (CallRecording.PAUSED, RecordingState.PAUSED, "observed recording:pause"),
        (CallRecording.NONE, RecordingState.STOPPED, "observed recording:stop"),
    ],
)
async def test_a_change_outside_the_bot_is_recorded_after_one_look(
    harness: Harness, follower: Follower, recording: CallRecording, reached: RecordingState, action: str
) -> None:
    await start(harness)
    harness.control.recordings[CALL] = recording
    await follower.on_news(CALL, seen(recording))
    assert await state(harness) is reached
    assert trail_lines(harness.file)[-1] == action
    assert entries(harness.file)[-1]["outcome"] == {"by": "outside"}
    assert harness.control.calls == ["look"]


async def test_old_news_is_not_believed(harness: Harness, follower: Follower) -> None:
    await start(harness)
    await follower.on_news(CALL, seen(CallRecording.NONE))
    assert await state(harness) is RecordingState.ACTIVE
    assert len(entries(harness.file)) == 2


async def test_news_that_agree_cost_nothing(harness: Harness, follower: Follower) -> None:
    await start(harness)
    await follower.on_news(CALL, seen(CallRecording.ACTIVE))
    await follower.on_news(CALL, seen(CallRecording.PAUSED, on_hold=True))
    await follower.on_news(OTHER_CALL, seen(CallRecording.ACTIVE))
    assert harness.control.calls == []
    assert len(entries(harness.file)) == 2


async def test_the_end_of_a_call_ends_its_recording(harness: Harness, follower: Follower) -> None:
    await start(harness)
    await follower.on_news(CALL, None)
    assert await state(harness) is RecordingState.ENDED
    assert trail_lines(harness.file)[-1] == "observed call:ended"
    await follower.on_news(CALL, None)
    assert len(entries(harness.file)) == 3


async def test_without_news_a_slow_look_finds_it(harness: Harness, follower: Follower) -> None:
    await start(harness)
    await follower.poll()
    assert harness.control.calls == []
    harness.clock.advance(LOOK_AT_MOST_EVERY)
    harness.control.fault = CallEnded()
    await follower.poll()
    assert await state(harness) is RecordingState.ENDED


@on_both
async def test_looks_come_one_by_one_and_those_who_wait_longest_first(harness: Harness, follower: Follower) -> None:
    await start(harness)
    await follower.poll()
    harness.clock.advance(1)
    await start(harness, OTHER_CALL)
    await follower.poll()
    harness.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.poll()
    await follower.poll()
    assert harness.control.calls == ["look"]
    harness.clock.advance(follower.look_gap)
    await follower.poll()
    assert harness.control.calls == ["look", "look"]


async def test_the_agents_of_live_recordings_are_followed(harness: Harness, follower: Follower, news: FakeNews) -> None:
    await start(harness)
    await follower.poll()
    await follower.on_news(CALL, None)
    await follower.poll()
    assert news.followed == [frozenset({AGENT.user_id}), frozenset()]


async def looked_after(harness: Harness, follower: Follower, seconds: float) -> int:
    """Let time pass and return how many looks it cost."""
    harness.control.calls.clear()
    for _ in range(int(seconds)):
        harness.clock.advance(1)
        await follower.poll()
    return harness.control.calls.count("look")


async def test_while_news_flow_looks_are_rare(harness: Harness, follower: Follower, news: FakeNews) -> None:
    await start(harness)
    news.flowing = frozenset({AGENT.user_id})
    await follower.poll()
    assert await looked_after(harness, follower, LOOK_WITH_NEWS_EVERY - 1) == 0
    assert await looked_after(harness, follower, 1) == 1
    news.flowing = frozenset()
    assert await looked_after(harness, follower, LOOK_AT_MOST_EVERY) == 1


async def test_what_news_may_have_missed_is_looked_at_once(
    harness: Harness, follower: Follower, news: FakeNews
) -> None:
    await start(harness)
    news.flowing = frozenset({AGENT.user_id})
    await follower.poll()
    follower.missed_news(frozenset({"somebody-else"}))
    assert await looked_after(harness, follower, 3) == 0
    follower.missed_news(news.flowing)
    assert await looked_after(harness, follower, 60) == 1


async def test_what_news_may_have_missed_of_a_start_under_way_is_looked_at_once_it_runs(
    harness: Harness, follower: Follower, news: FakeNews
) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    follower.missed_news(frozenset({AGENT.user_id}))
    assert await looked_after(harness, follower, 3) == 0
    await harness.service.carry_out(accepted)
    news.flowing = frozenset({AGENT.user_id})
    harness.control.recordings[CALL] = CallRecording.PAUSED  # after the start was confirmed, before events flowed
    assert await looked_after(harness, follower, 60) == 1
    assert await state(harness) is RecordingState.PAUSED


async def test_what_news_missed_long_ago_costs_a_later_recording_nothing(
    harness: Harness, follower: Follower, news: FakeNews
) -> None:
    follower.missed_news(frozenset({AGENT.user_id}))
    assert await looked_after(harness, follower, MISSED_LASTS) == 0
    await start(harness)
    news.flowing = frozenset({AGENT.user_id})
    assert await looked_after(harness, follower, 60) == 0


async def test_an_agent_who_has_left_brings_no_more_news(harness: Harness, follower: Follower, news: FakeNews) -> None:
    await start(harness)
    news.flowing = frozenset({AGENT.user_id})
    await follower.poll()
    await follower.on_news(CALL, replace(seen(CallRecording.ACTIVE), agents=()))
    assert await looked_after(harness, follower, LOOK_AT_MOST_EVERY) == 1
    await follower.on_news(CALL, seen(CallRecording.ACTIVE))
    assert await looked_after(harness, follower, 2 * LOOK_AT_MOST_EVERY) == 0


@pytest.mark.parametrize(
    ("pushed", "reached"),
    [(None, RecordingState.ENDED), (seen(CallRecording.NONE), RecordingState.STOPPED)],
    ids=["ended", "stopped"],
)
async def test_news_that_come_during_a_change_are_compared_after_it(
    harness: Harness, follower: Follower, pushed: Conversation | None, reached: RecordingState
) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    await follower.on_news(CALL, pushed)
    await follower.poll()
    assert await state(harness) is RecordingState.STARTING

    await harness.service.carry_out(accepted)
    harness.control.recordings[CALL] = CallRecording.NONE
    harness.control.fault = CallEnded() if pushed is None else None
    await follower.poll()
    assert await state(harness) is reached


async def test_an_end_pushed_during_a_start_is_not_believed_of_a_call_that_goes_on(
    harness: Harness, follower: Follower
) -> None:
    """Inside a callback the end of the first call may be told while the recording of the second one starts."""
    accepted = await harness.service.intake.start(asked(), CALL, None)
    await follower.on_news(CALL, None)
    await harness.service.carry_out(accepted)
    await follower.poll()
    assert await state(harness) is RecordingState.ACTIVE
    assert trail_lines(harness.file)[-1] == "succeeded recording:start"


async def test_a_policys_recording_that_rests_between_two_agents_was_stopped_by_nobody(
    harness: Harness, follower: Follower
) -> None:
    harness.control.mechanism = Mechanism.POLICY
    await start(harness)
    harness.control.recordings[CALL] = CallRecording.NONE
    harness.control.agents[CALL] = None
    await follower.on_news(CALL, Conversation(CALL, connected=True, recording=CallRecording.NONE))
    harness.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.poll()
    assert await state(harness) is RecordingState.ACTIVE


async def given_up_start(harness: Harness) -> None:
    """Leave a start that timed out and was settled as not in effect."""
    harness.control.fault = OutcomeUnknown()
    await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    harness.control.fault = None
    await harness.reconciler.settle_all()
    harness.clock.advance(PATIENCE)
    await harness.reconciler.settle_all()
    assert await state(harness) is RecordingState.FAILED
    harness.control.calls.clear()


@on_both
async def test_an_older_recording_that_lives_again_refuses_another_start(harness: Harness) -> None:
    await given_up_start(harness)
    late = await harness.store.newest_recording(CALL)
    assert late is not None
    await start(harness)
    accepted = await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)
    assert isinstance(accepted, PendingAction)
    await harness.service.carry_out(accepted)
    seen = Conversation(CALL, connected=True, recording=CallRecording.ACTIVE)
    assert await Observations(harness.store, harness.clock).took_effect_late(late, seen, owner="serve:1") is not None
    with pytest.raises(AlreadyRecording):
        await harness.service.intake.start(asked(), CALL, None)


@on_both
async def test_a_start_that_lands_late_is_stopped_recorded_and_said(harness: Harness, later_looks: LaterLooks) -> None:
    await given_up_start(harness)
    harness.control.recordings[CALL] = CallRecording.ACTIVE
    harness.clock.advance(AFTER_SECONDS[0])
    await later_looks.poll()
    recording = await harness.store.newest_recording(CALL)
    assert recording is not None
    assert (recording.state, recording.error) == (RecordingState.STOPPED, "took_effect_late")
    assert harness.control.calls == ["look", "stop"]
    assert trail_lines(harness.file)[-3:] == [
        "observed recording:start",
        "requested recording:stop",
        "succeeded recording:stop",
    ]
    assert {row["actor"] for row in entries(harness.file)[-3:]} == {"bot"}


@on_both
async def test_the_later_looks_come_after_1_5_15_and_60_seconds(harness: Harness, later_looks: LaterLooks) -> None:
    await given_up_start(harness)
    looked_at = []
    for second in range(70):
        before = len(harness.control.calls)
        await later_looks.poll()
        if len(harness.control.calls) > before:
            looked_at.append(second)
        harness.clock.advance(1)
    assert looked_at == [1, 5, 15, 60]


async def test_a_stop_that_fails_is_tried_again(harness: Harness, later_looks: LaterLooks) -> None:
    await given_up_start(harness)
    harness.control.recordings[CALL] = CallRecording.ACTIVE
    harness.control.fault = GenesysUnavailable()
    harness.clock.advance(1)
    await later_looks.poll()
    harness.control.fault = None
    for _ in range(30):
        harness.clock.advance(1)
        await later_looks.poll()
    assert await state(harness) is RecordingState.STOPPED


async def test_an_ad_hoc_recording_on_another_agents_side_is_left_alone(
    harness: Harness, later_looks: LaterLooks
) -> None:
    """After a doubtful stop the agent hands over, and the next one records in Genesys: that is not the bot's."""
    await start(harness)
    harness.control.late_fault = OutcomeUnknown()
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked())))
    harness.control.late_fault = None
    await harness.reconciler.settle_all()
    harness.clock.advance(PATIENCE)
    await harness.reconciler.settle_all()
    assert await state(harness) is RecordingState.STOPPED
    other = Participant("participant-2", "user-2", "Tom Becker")
    leg = AgentLeg(other, connected=True, over=False, recording=CallRecording.ACTIVE, adhoc=CallRecording.ACTIVE)
    theirs = Conversation(CALL, True, CallRecording.ACTIVE, (other,), Mechanism.ADHOC, legs=(leg,))
    harness.control.calls.clear()

    async def look(*_: object, **__: object) -> Conversation:
        harness.control.calls.append("look")
        return theirs

    harness.control.read_call = look  # type: ignore[method-assign]
    harness.clock.advance(AFTER_SECONDS[0])
    await later_looks.poll()
    assert harness.control.calls == ["look"]
    assert await state(harness) is RecordingState.STOPPED


async def test_a_policy_recording_is_left_alone(harness: Harness, later_looks: LaterLooks) -> None:
    await given_up_start(harness)

    async def look(*_: object, **__: object) -> Conversation:
        return Conversation(CALL, connected=True, recording=CallRecording.ACTIVE, mechanism=Mechanism.POLICY)

    harness.control.read_call = look  # type: ignore[method-assign]
    harness.clock.advance(1)
    await later_looks.poll()
    assert await state(harness) is RecordingState.FAILED


async def test_loops_stand_back_behind_people(harness: Harness, follower: Follower, later_looks: LaterLooks) -> None:
    await given_up_start(harness)
    harness.clock.advance(AFTER_SECONDS[0])
    await later_looks.poll()
    assert set(harness.control.priorities) == {Priority.LOOP}  # the reconciler's looks, and the later one

    await start(harness)
    await follower.poll()
    harness.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.poll()
    assert set(harness.control.priorities) == {Priority.LOOP}

    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    assert harness.control.priorities[-1] is Priority.PERSON


async def test_a_clock_set_back_does_not_stop_the_looks(harness: Harness, later_looks: LaterLooks) -> None:
    await given_up_start(harness)
    harness.clock.begin = harness.clock.begin.replace(hour=harness.clock.begin.hour - 1)
    await later_looks.poll()
    assert harness.control.calls == ["look"]


async def test_a_look_that_failed_is_made_again_soon(harness: Harness, follower: Follower) -> None:
    await start(harness)
    harness.control.fault = GenesysUnavailable()
    await follower.on_news(CALL, seen(CallRecording.PAUSED))
    harness.control.fault = None
    harness.control.recordings[CALL] = CallRecording.PAUSED
    harness.clock.advance(LOOK_AGAIN_SECONDS)
    await follower.poll()
    assert await state(harness) is RecordingState.PAUSED
