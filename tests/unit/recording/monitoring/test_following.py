"""What happens to a call outside the bot is seen, recorded, and corrected where it was the bot's own doing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import CallEnded, GenesysUnavailable, OutcomeUnknown
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import AgentLeg
from bot.recording.models import Conversation, Mechanism, RecordingState, Verb
from bot.recording.monitoring.call_monitor import LOOK_AGAIN_SECONDS, LOOK_AT_MOST_EVERY, LOOK_WITH_NEWS_EVERY, Follower
from bot.recording.monitoring.late_effects import AFTER_SECONDS, LaterLooks
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.reconciler import PATIENCE
from bot.recording.ports import Priority
from tests.support.control import AGENT
from tests.support.postgres import on_both
from tests.support.service import CALL, OTHER_CALL, Shop, asked, at_once, opened_shop
from tests.support.trail import entries, story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.postgres import Database


@dataclass
class FakeNews:
    """Notes who is followed; news of those in ``flowing`` arrive."""

    followed: list[frozenset[str]] = field(default_factory=list)
    flowing: frozenset[str] = frozenset()

    async def follow(self, user_ids: frozenset[str]) -> None:
        self.followed.append(user_ids)


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database) as shop:
        yield shop


@pytest.fixture
def news() -> FakeNews:
    return FakeNews()


@pytest.fixture
def follower(shop: Shop, news: FakeNews) -> Follower:
    return Follower(shop.store, shop.control, Observations(shop.store, shop.clock), shop.clock, news)


@pytest.fixture
def later_looks(shop: Shop) -> LaterLooks:
    return LaterLooks(shop.service, Observations(shop.store, shop.clock), shop.clock)


async def start(shop: Shop, call: str = CALL) -> None:
    await shop.service.carry_out(await shop.service.intake.start(asked(), call, None))
    shop.control.calls.clear()


async def state(shop: Shop, call: str = CALL) -> RecordingState:
    recording = await shop.store.newest_recording(call)
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
    shop: Shop, follower: Follower, recording: CallRecording, reached: RecordingState, action: str
) -> None:
    await start(shop)
    shop.control.recordings[CALL] = recording
    await follower.on_news(CALL, seen(recording))
    assert await state(shop) is reached
    assert story(shop.file)[-1] == action
    assert entries(shop.file)[-1]["outcome"] == {"by": "outside"}
    assert shop.control.calls == ["look"]


async def test_old_news_is_not_believed(shop: Shop, follower: Follower) -> None:
    await start(shop)
    await follower.on_news(CALL, seen(CallRecording.NONE))
    assert await state(shop) is RecordingState.ACTIVE
    assert len(entries(shop.file)) == 2


async def test_news_that_agree_cost_nothing(shop: Shop, follower: Follower) -> None:
    await start(shop)
    await follower.on_news(CALL, seen(CallRecording.ACTIVE))
    await follower.on_news(CALL, seen(CallRecording.PAUSED, on_hold=True))
    await follower.on_news(OTHER_CALL, seen(CallRecording.ACTIVE))
    assert shop.control.calls == []
    assert len(entries(shop.file)) == 2


async def test_the_end_of_a_call_ends_its_recording(shop: Shop, follower: Follower) -> None:
    await start(shop)
    await follower.on_news(CALL, None)
    assert await state(shop) is RecordingState.ENDED
    assert story(shop.file)[-1] == "observed call:ended"
    await follower.on_news(CALL, None)
    assert len(entries(shop.file)) == 3


async def test_without_news_a_slow_look_finds_it(shop: Shop, follower: Follower) -> None:
    await start(shop)
    await follower.look_around()
    assert shop.control.calls == []
    shop.clock.advance(LOOK_AT_MOST_EVERY)
    shop.control.fault = CallEnded()
    await follower.look_around()
    assert await state(shop) is RecordingState.ENDED


@on_both
async def test_looks_come_one_by_one_and_those_who_wait_longest_first(shop: Shop, follower: Follower) -> None:
    await start(shop)
    await follower.look_around()
    shop.clock.advance(1)
    await start(shop, OTHER_CALL)
    await follower.look_around()
    shop.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.look_around()
    await follower.look_around()
    assert shop.control.calls == ["look"]
    shop.clock.advance(follower.look_gap)
    await follower.look_around()
    assert shop.control.calls == ["look", "look"]


@on_both
async def test_the_agents_of_live_recordings_are_followed(shop: Shop, follower: Follower, news: FakeNews) -> None:
    await start(shop)
    await follower.look_around()
    await follower.on_news(CALL, None)
    await follower.look_around()
    assert news.followed == [frozenset({AGENT.user_id}), frozenset()]


async def looked_after(shop: Shop, follower: Follower, seconds: float) -> int:
    """Let time pass and return how many looks it cost."""
    shop.control.calls.clear()
    for _ in range(int(seconds)):
        shop.clock.advance(1)
        await follower.look_around()
    return shop.control.calls.count("look")


async def test_while_news_flow_looks_are_rare(shop: Shop, follower: Follower, news: FakeNews) -> None:
    await start(shop)
    news.flowing = frozenset({AGENT.user_id})
    await follower.look_around()
    assert await looked_after(shop, follower, LOOK_WITH_NEWS_EVERY - 1) == 0
    assert await looked_after(shop, follower, 1) == 1
    news.flowing = frozenset()
    assert await looked_after(shop, follower, LOOK_AT_MOST_EVERY) == 1


async def test_what_news_may_have_missed_is_looked_at_once(shop: Shop, follower: Follower, news: FakeNews) -> None:
    await start(shop)
    news.flowing = frozenset({AGENT.user_id})
    await follower.look_around()
    follower.missed_news(frozenset({"somebody-else"}))
    assert await looked_after(shop, follower, 3) == 0
    follower.missed_news(news.flowing)
    assert await looked_after(shop, follower, 60) == 1


async def test_an_agent_who_has_left_brings_no_more_news(shop: Shop, follower: Follower, news: FakeNews) -> None:
    await start(shop)
    news.flowing = frozenset({AGENT.user_id})
    await follower.look_around()
    await follower.on_news(CALL, replace(seen(CallRecording.ACTIVE), agents=()))
    assert await looked_after(shop, follower, LOOK_AT_MOST_EVERY) == 1
    await follower.on_news(CALL, seen(CallRecording.ACTIVE))
    assert await looked_after(shop, follower, 2 * LOOK_AT_MOST_EVERY) == 0


@pytest.mark.parametrize(
    ("pushed", "reached"),
    [(None, RecordingState.ENDED), (seen(CallRecording.NONE), RecordingState.STOPPED)],
    ids=["ended", "stopped"],
)
async def test_news_that_come_during_a_change_are_compared_after_it(
    shop: Shop, follower: Follower, pushed: Conversation | None, reached: RecordingState
) -> None:
    accepted = await shop.service.intake.start(asked(), CALL, None)
    await follower.on_news(CALL, pushed)
    await follower.look_around()
    assert await state(shop) is RecordingState.STARTING

    await shop.service.carry_out(accepted)
    shop.control.recordings[CALL] = CallRecording.NONE
    shop.control.fault = CallEnded() if pushed is None else None
    await follower.look_around()
    assert await state(shop) is reached


async def test_an_end_pushed_during_a_start_is_not_believed_of_a_call_that_goes_on(
    shop: Shop, follower: Follower
) -> None:
    """Inside a callback the end of the first call may be told while the recording of the second one starts."""
    accepted = await shop.service.intake.start(asked(), CALL, None)
    await follower.on_news(CALL, None)
    await shop.service.carry_out(accepted)
    await follower.look_around()
    assert await state(shop) is RecordingState.ACTIVE
    assert story(shop.file)[-1] == "succeeded recording:start"


async def test_a_policys_recording_that_rests_between_two_agents_was_stopped_by_nobody(
    shop: Shop, follower: Follower
) -> None:
    shop.control.mechanism = Mechanism.POLICY
    await start(shop)
    shop.control.recordings[CALL] = CallRecording.NONE
    shop.control.agents[CALL] = None
    await follower.on_news(CALL, Conversation(CALL, connected=True, recording=CallRecording.NONE))
    shop.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.look_around()
    assert await state(shop) is RecordingState.ACTIVE


async def given_up_start(shop: Shop) -> None:
    """Leave a start that timed out and was settled as not in effect."""
    shop.control.fault = OutcomeUnknown()
    await shop.service.carry_out(await shop.service.intake.start(asked(), CALL, None))
    shop.control.fault = None
    await shop.reconciler.settle_all()
    shop.clock.advance(PATIENCE)
    await shop.reconciler.settle_all()
    assert await state(shop) is RecordingState.FAILED
    shop.control.calls.clear()


@on_both
async def test_a_start_that_lands_late_is_stopped_recorded_and_said(shop: Shop, later_looks: LaterLooks) -> None:
    await given_up_start(shop)
    shop.control.recordings[CALL] = CallRecording.ACTIVE
    shop.clock.advance(AFTER_SECONDS[0])
    await later_looks.look_around()
    recording = await shop.store.newest_recording(CALL)
    assert recording is not None
    assert (recording.state, recording.error) == (RecordingState.STOPPED, "took_effect_late")
    assert shop.control.calls == ["look", "stop"]
    assert story(shop.file)[-3:] == ["observed recording:start", "requested recording:stop", "succeeded recording:stop"]
    assert {row["actor"] for row in entries(shop.file)[-3:]} == {"bot"}


@on_both
async def test_the_later_looks_come_after_1_5_15_and_60_seconds(shop: Shop, later_looks: LaterLooks) -> None:
    await given_up_start(shop)
    looked_at = []
    for second in range(70):
        before = len(shop.control.calls)
        await later_looks.look_around()
        if len(shop.control.calls) > before:
            looked_at.append(second)
        shop.clock.advance(1)
    assert looked_at == [1, 5, 15, 60]


async def test_a_stop_that_fails_is_tried_again(shop: Shop, later_looks: LaterLooks) -> None:
    await given_up_start(shop)
    shop.control.recordings[CALL] = CallRecording.ACTIVE
    shop.control.fault = GenesysUnavailable()
    shop.clock.advance(1)
    await later_looks.look_around()
    shop.control.fault = None
    for _ in range(30):
        shop.clock.advance(1)
        await later_looks.look_around()
    assert await state(shop) is RecordingState.STOPPED


async def test_an_ad_hoc_recording_on_another_agents_side_is_left_alone(shop: Shop, later_looks: LaterLooks) -> None:
    """After a doubtful stop the agent hands over, and the next one records in Genesys: that is not the bot's."""
    await start(shop)
    shop.control.late_fault = OutcomeUnknown()
    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.STOP, asked())))
    shop.control.late_fault = None
    await shop.reconciler.settle_all()
    shop.clock.advance(PATIENCE)
    await shop.reconciler.settle_all()
    assert await state(shop) is RecordingState.STOPPED
    other = Participant("participant-2", "user-2", "Tom Becker")
    leg = AgentLeg(other, connected=True, over=False, recording=CallRecording.ACTIVE, adhoc=CallRecording.ACTIVE)
    theirs = Conversation(CALL, True, CallRecording.ACTIVE, (other,), Mechanism.ADHOC, legs=(leg,))
    shop.control.calls.clear()

    async def look(*_: object, **__: object) -> Conversation:
        shop.control.calls.append("look")
        return theirs

    shop.control.look = look  # type: ignore[method-assign]
    shop.clock.advance(AFTER_SECONDS[0])
    await later_looks.look_around()
    assert shop.control.calls == ["look"]
    assert await state(shop) is RecordingState.STOPPED


async def test_a_policy_recording_is_left_alone(shop: Shop, later_looks: LaterLooks) -> None:
    await given_up_start(shop)

    async def look(*_: object, **__: object) -> Conversation:
        return Conversation(CALL, connected=True, recording=CallRecording.ACTIVE, mechanism=Mechanism.POLICY)

    shop.control.look = look  # type: ignore[method-assign]
    shop.clock.advance(1)
    await later_looks.look_around()
    assert await state(shop) is RecordingState.FAILED


async def test_loops_stand_back_behind_people(shop: Shop, follower: Follower, later_looks: LaterLooks) -> None:
    await given_up_start(shop)
    shop.clock.advance(AFTER_SECONDS[0])
    await later_looks.look_around()
    assert set(shop.control.priorities) == {Priority.LOOP}  # the reconciler's looks, and the later one

    await start(shop)
    await follower.look_around()
    shop.clock.advance(LOOK_AT_MOST_EVERY)
    await follower.look_around()
    assert set(shop.control.priorities) == {Priority.LOOP}

    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.STOP, asked(), typed_id=CALL)))
    assert shop.control.priorities[-1] is Priority.PERSON


@on_both
async def test_a_clock_set_back_does_not_stop_the_looks(shop: Shop, later_looks: LaterLooks) -> None:
    await given_up_start(shop)
    shop.clock.begin = shop.clock.begin.replace(hour=shop.clock.begin.hour - 1)
    await later_looks.look_around()
    assert shop.control.calls == ["look"]


async def test_a_look_that_failed_is_made_again_soon(shop: Shop, follower: Follower) -> None:
    await start(shop)
    shop.control.fault = GenesysUnavailable()
    await follower.on_news(CALL, seen(CallRecording.PAUSED))
    shop.control.fault = None
    shop.control.recordings[CALL] = CallRecording.PAUSED
    shop.clock.advance(LOOK_AGAIN_SECONDS)
    await follower.look_around()
    assert await state(shop) is RecordingState.PAUSED
