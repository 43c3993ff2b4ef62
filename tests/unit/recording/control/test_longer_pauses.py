"""Pauses under dual control: on at once, and no longer than one supervisor may decide until a second one confirms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.errors import ApprovalClosed, ApprovalPending, NotPermitted, OutOfScope
from bot.recording.caller import Scope
from bot.recording.models import ApprovalOutcome, RecordingState, Verb
from bot.recording.policy import DualControl
from bot.recording.requests import AwaitsConfirmation, Extended, PendingAction
from bot.recording.time_limits.limits import TimeLimits
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.recording.service import ADA, CALL, GRACE, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import Recording
    from bot.recording.requests import Request
    from tests.support.databases.postgres import Database

ALONE = timedelta(minutes=5)
RULE = DualControl(queues=frozenset({"queue-1"}), within=timedelta(minutes=2), pause_longer_than=ALONE)
ACTION = "recording:pause_approval"
APPROVALS = "SELECT verb, asked_by, closed_by, outcome, pause_seconds FROM approvals ORDER BY asked_at"


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database, dual_control=RULE) as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        yield harness


async def pause(harness: Harness, length: str | None = None, who: Request | None = None) -> PendingAction:
    answer = await harness.service.intake.change(Verb.PAUSE, who or asked(ADA), typed_id=CALL, typed_length=length)
    accepted = at_once(answer)
    await harness.service.carry_out(accepted)
    return accepted


async def current(harness: Harness) -> Recording:
    found = await harness.store.newest_recording(CALL)
    assert found is not None
    return found


def lasts(recording: Recording) -> timedelta | None:
    assert recording.paused_at is not None
    return None if recording.pause_until is None else recording.pause_until - recording.paused_at


def approvals(harness: Harness) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows(harness.file, APPROVALS)]


@on_both
async def test_a_pause_without_an_end_is_on_at_once_and_bounded_until_a_second_supervisor_confirms(
    harness: Harness,
) -> None:
    accepted = await pause(harness)
    paused = await current(harness)
    assert (paused.state, lasts(paused)) == (RecordingState.PAUSED, ALONE)
    assert harness.control.calls == ["start", "pause"]
    assert approvals(harness) == [("pause", ADA, None, None, None)]
    assert accepted.longer is not None
    done = await harness.service.intake.confirm(asked(GRACE), accepted.longer.id)
    assert isinstance(done, Extended)
    assert done.until is None
    assert (await current(harness)).pause_until is None
    assert harness.control.calls == ["start", "pause"]  # it is on already
    assert approvals(harness) == [("pause", ADA, GRACE, "confirmed", None)]
    confirmed = entries(harness.file)[-1]
    assert (confirmed["phase"], confirmed["action"], confirmed["actor"]) == ("succeeded", ACTION, GRACE)
    assert (confirmed["outcome"]["asked_by"], confirmed["outcome"]["confirmed_by"]) == (ADA, GRACE)


@pytest.mark.parametrize("length", ["10s", "5m"])
async def test_one_supervisor_may_pause_for_as_long_as_the_rule_says(harness: Harness, length: str) -> None:
    accepted = await pause(harness, length)
    assert accepted.longer is None
    assert approvals(harness) == []


async def test_a_longer_one_lasts_as_long_as_it_was_to_once_it_is_confirmed(harness: Harness) -> None:
    accepted = await pause(harness, "10m")
    assert lasts(await current(harness)) == ALONE
    assert accepted.longer is not None
    await harness.service.intake.confirm(asked(GRACE), accepted.longer.id)
    assert lasts(await current(harness)) == timedelta(minutes=10)


async def test_a_confirmation_during_the_pausing_counts(harness: Harness) -> None:
    accepted = at_once(await harness.service.intake.change(Verb.PAUSE, asked(), typed_id=CALL, typed_length="10m"))
    assert accepted.longer is not None
    await harness.service.intake.confirm(asked(GRACE), accepted.longer.id)
    await harness.service.carry_out(accepted)
    assert lasts(await current(harness)) == timedelta(minutes=10)


@on_both
async def test_extending_again_and_again_does_not_get_around_the_rule(harness: Harness) -> None:
    await pause(harness, "2m")
    first = await harness.service.intake.extend(asked(), typed_id=CALL)
    assert isinstance(first, Extended)
    assert lasts(await current(harness)) == timedelta(minutes=4)
    second = await harness.service.intake.extend(asked(), typed_id=CALL)
    assert isinstance(second, AwaitsConfirmation)
    assert lasts(await current(harness)) == ALONE  # what one may decide is given at once
    assert second.approval.pause_seconds == 360
    third = await harness.service.intake.extend(asked(), typed_id=CALL)
    assert isinstance(third, AwaitsConfirmation)
    assert third.again
    assert lasts(await current(harness)) == ALONE
    confirmed = await harness.service.intake.extend(asked(GRACE), typed_id=CALL)
    assert isinstance(confirmed, Extended)
    assert lasts(await current(harness)) == timedelta(minutes=6)
    beyond = await harness.service.intake.extend(asked(GRACE), typed_id=CALL)
    assert isinstance(beyond, AwaitsConfirmation)  # the next one takes two again
    assert lasts(await current(harness)) == timedelta(minutes=6)


async def test_nobody_confirms_their_own(harness: Harness) -> None:
    accepted = await pause(harness)
    assert accepted.longer is not None
    with pytest.raises(NotPermitted):
        await harness.service.intake.confirm(asked(ADA), accepted.longer.id)
    again = await harness.service.intake.change(Verb.PAUSE, asked(ADA), typed_id=CALL)
    assert isinstance(again, AwaitsConfirmation)
    assert again.again
    assert lasts(await current(harness)) == ALONE
    assert trail_lines(harness.file)[-2:] == [f"denied {ACTION}", f"failed {ACTION}"]


async def test_who_may_not_control_the_call_confirms_nothing(harness: Harness) -> None:
    accepted = await pause(harness)
    assert accepted.longer is not None
    elsewhere = Scope(everything=False, queues=frozenset({"queue-2"}))
    with pytest.raises(OutOfScope):
        await harness.service.intake.confirm(asked(GRACE, scope=elsewhere), accepted.longer.id)
    with pytest.raises(NotPermitted):
        await harness.service.intake.confirm(asked(GRACE, roles=frozenset()), accepted.longer.id)
    assert lasts(await current(harness)) == ALONE


@pytest.mark.parametrize("by", [GRACE, "cli:root"])
async def test_anothers_pause_is_the_confirmation(harness: Harness, by: str) -> None:
    await pause(harness)
    done = await harness.service.intake.change(Verb.PAUSE, asked(by), typed_id=CALL)
    assert isinstance(done, Extended)
    assert (await current(harness)).pause_until is None


async def test_it_can_be_withdrawn_and_the_pause_stays_bounded(harness: Harness) -> None:
    accepted = await pause(harness)
    assert accepted.longer is not None
    with pytest.raises(NotPermitted):
        await harness.service.intake.withdraw(asked(GRACE), accepted.longer.id)
    withdrawn = await harness.service.intake.withdraw(asked(ADA), accepted.longer.id)
    assert withdrawn.verb is Verb.PAUSE
    assert lasts(await current(harness)) == ALONE
    with pytest.raises(ApprovalClosed):
        await harness.service.intake.confirm(asked(GRACE), accepted.longer.id)


async def test_it_expires_and_the_pause_ends_as_bounded(harness: Harness) -> None:
    accepted = await pause(harness)
    assert accepted.longer is not None
    harness.clock.advance(120)
    await harness.approvals.close_lapsed()
    assert approvals(harness)[0][3] == "expired"
    assert trail_lines(harness.file)[-1] == f"observed {ACTION}"
    assert lasts(await current(harness)) == ALONE


@on_both
async def test_it_is_over_with_its_pause_and_never_counts_for_another_one(harness: Harness) -> None:
    accepted = await pause(harness)
    assert accepted.longer is not None
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.RESUME, asked(), typed_id=CALL)))
    await pause(harness, "1m")  # before any loop has seen that the first one is over
    with pytest.raises(ApprovalClosed) as closed:
        await harness.service.intake.confirm(asked(GRACE), accepted.longer.id)
    assert closed.value.outcome == ApprovalOutcome.OVER
    assert lasts(await current(harness)) == timedelta(minutes=1)


async def test_a_stop_takes_the_place_of_a_longer_pause_that_waits(harness: Harness) -> None:
    await pause(harness)
    answer = await harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL)
    assert isinstance(answer, AwaitsConfirmation)
    assert answer.approval.verb is Verb.STOP
    assert [(one[0], one[3]) for one in approvals(harness)] == [("pause", "withdrawn"), ("stop", None)]
    superseded = entries(harness.file)[-2]
    assert (superseded["action"], superseded["outcome"]["error"]) == (ACTION, "superseded")


async def test_while_a_stop_waits_a_pause_is_on_at_once_and_bounded(harness: Harness) -> None:
    await harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL)
    accepted = await pause(harness)
    assert accepted.longer is None
    assert lasts(await current(harness)) == ALONE
    with pytest.raises(ApprovalPending):
        await harness.service.intake.extend(asked(), typed_id=CALL)


async def test_the_setting_and_the_rule_both_count(database: Database) -> None:
    limits = TimeLimits(pause=timedelta(minutes=3))
    async with open_harness(database, dual_control=RULE, limits=limits) as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        assert (await pause(harness)).longer is None
        assert lasts(await current(harness)) == timedelta(minutes=3)


async def test_without_the_rule_nothing_changes(database: Database) -> None:
    async with open_harness(database, dual_control=DualControl(queues=frozenset({"queue-1"}))) as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        assert (await pause(harness)).longer is None
        assert (await current(harness)).pause_until is None


async def test_resuming_for_a_moment_does_not_get_around_the_rule(harness: Harness) -> None:
    await pause(harness, "4m")
    harness.clock.advance(240)
    for begins, left in ((1, 60), (59, 30), (1, 30)):
        await harness.service.carry_out(
            at_once(await harness.service.intake.change(Verb.RESUME, asked(), typed_id=CALL))
        )
        harness.clock.advance(begins)
        accepted = await pause(harness, "4m")
        assert lasts(await current(harness)) == timedelta(seconds=left)  # half a minute is always there
        assert accepted.longer is not None
        await harness.service.intake.withdraw(asked(ADA), accepted.longer.id)
        harness.clock.advance(60)


async def test_a_pause_a_minute_later_is_another_one(harness: Harness) -> None:
    await pause(harness, "4m")
    harness.clock.advance(240)
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.RESUME, asked(), typed_id=CALL)))
    harness.clock.advance(60)
    assert (await pause(harness, "4m")).longer is None
    assert lasts(await current(harness)) == timedelta(minutes=4)
