"""Stops that need two supervisors: asked for by one, confirmed by another, withdrawn, run out of time, overtaken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from uuid_utils.compat import uuid7

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.store import SqlStore
from bot.errors import ApprovalClosed, Duplicate, NothingToStop, NotPermitted, OutOfScope, WrongState
from bot.recording.call import CallRecording
from bot.recording.caller import Role, Scope
from bot.recording.models import ApprovalOutcome, RecordingState, Verb
from bot.recording.monitoring.observations import Observations
from bot.recording.policy import DualControl
from bot.recording.ports import tell_nobody
from bot.recording.requests import AwaitsConfirmation, PendingAction
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from bot.recording.models import Recording
    from bot.recording.requests import Request
    from tests.support.databases.postgres import Database

RULE = DualControl(queues=frozenset({"queue-1"}), within=timedelta(minutes=2))
TERMINAL = "cli:root"
ACTION = "recording:stop_approval"
BOTH_STARTED = ["requested recording:start", "succeeded recording:start"]


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database, dual_control=RULE) as harness:
        yield harness


async def start(harness: Harness, call: str = CALL) -> None:
    settled = await harness.service.carry_out(await harness.service.intake.start(asked(), call, None))
    assert settled.recording.state is RecordingState.ACTIVE


async def ask(harness: Harness, who: Request | None = None) -> AwaitsConfirmation:
    answer = await harness.service.intake.change(Verb.STOP, who or asked(ADA), typed_id=CALL)
    assert isinstance(answer, AwaitsConfirmation)
    return answer


async def waiting(harness: Harness) -> AwaitsConfirmation:
    await start(harness)
    return await ask(harness)


def approvals(harness: Harness) -> list[tuple[str, str | None, str | None]]:
    found = rows(harness.file, "SELECT asked_by, closed_by, outcome FROM approvals ORDER BY asked_at")
    return [(row["asked_by"], row["closed_by"], row["outcome"]) for row in found]


async def test_a_stop_waits_for_a_second_supervisor_and_nothing_is_sent(harness: Harness) -> None:
    await start(harness)
    before = (await harness.store.live_recordings())[0]
    answer = await ask(harness)
    assert (answer.approval.asked_by, answer.again) == (ADA, False)
    assert answer.approval.expires_at - answer.approval.asked_at == timedelta(minutes=2)
    assert answer.recording.state is RecordingState.ACTIVE
    assert answer.recording.version > before.version
    assert harness.control.calls == ["start"]
    entry = entries(harness.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("requested", ACTION, ADA)
    assert (entry["conversation_id"], entry["recording_id"]) == (CALL, str(before.id))
    assert entry["attempt_id"] == str(answer.approval.id)
    assert answer.audit_seq == answer.recording.audit_seq == entry["seq"]


async def test_the_card_shows_what_it_waits_for_until_that_is_over(harness: Harness) -> None:
    answer = await waiting(harness)
    outbox = SqlOutbox(harness.engines)
    (card,) = await outbox.stale_cards()
    assert card.approval == answer.approval
    await harness.service.intake.withdraw(asked(ADA), answer.approval.id)
    (card,) = await outbox.stale_cards()
    assert card.approval is not None
    assert (card.approval.outcome, card.approval.closed_by) == (ApprovalOutcome.WITHDRAWN, ADA)
    assert card.recording.version > answer.recording.version


@pytest.mark.parametrize("by", [GRACE, TERMINAL])
async def test_a_second_supervisor_confirms(harness: Harness, by: str) -> None:
    answer = await waiting(harness)
    accepted = at_once(await harness.service.intake.confirm(asked(by), answer.approval.id))
    settled = await harness.service.carry_out(accepted)
    assert (settled.recording.state, settled.recording.ended_by) == (RecordingState.STOPPED, by)
    assert trail_lines(harness.file)[2:] == [
        f"requested {ACTION}",
        f"succeeded {ACTION}",
        "requested recording:stop",
        "succeeded recording:stop",
    ]
    confirmed, requested = entries(harness.file)[3:5]
    assert (confirmed["actor"], confirmed["attempt_id"]) == (by, str(answer.approval.id))
    assert confirmed["outcome"] == {"approval_id": str(answer.approval.id), "asked_by": ADA, "confirmed_by": by}
    assert requested["actor"] == by
    assert (requested["origin"]["asked_by"], requested["origin"]["confirmed_by"]) == (ADA, by)
    assert approvals(harness) == [(ADA, by, "confirmed")]
    assert harness.control.calls == ["start", "stop"]


@pytest.mark.parametrize("by", [GRACE, TERMINAL])
async def test_anothers_stop_is_the_confirmation(harness: Harness, by: str) -> None:
    answer = await waiting(harness)
    accepted = at_once(await harness.service.intake.change(Verb.STOP, asked(by), recording_id=answer.recording.id))
    assert (await harness.service.carry_out(accepted)).recording.state is RecordingState.STOPPED
    assert approvals(harness) == [(ADA, by, "confirmed")]
    assert harness.control.calls == ["start", "stop"]


async def test_nobody_confirms_what_they_asked_for(harness: Harness) -> None:
    answer = await waiting(harness)
    with pytest.raises(NotPermitted) as caught:
        await harness.service.intake.confirm(asked(ADA), answer.approval.id)
    assert caught.value.cause == "own_request"
    entry = entries(harness.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("denied", ACTION, ADA)
    assert entry["outcome"] == {"error": "not_permitted", "cause": "own_request"}
    assert entry["conversation_id"] == CALL
    assert approvals(harness) == [(ADA, None, None)]
    assert harness.control.calls == ["start"]


async def test_ones_own_second_stop_only_tells_who_is_awaited(harness: Harness) -> None:
    answer = await waiting(harness)
    harness.clock.advance(30)
    again = await ask(harness)
    assert again.again
    assert again.approval == answer.approval
    entry = entries(harness.file)[-1]
    assert (entry["seq"], entry["phase"], entry["action"]) == (again.audit_seq, "failed", ACTION)
    assert entry["outcome"] == {"error": "already_waiting", "approval_id": str(answer.approval.id)}
    assert len(approvals(harness)) == 1
    assert harness.control.calls == ["start"]


async def test_who_may_not_control_the_call_confirms_nothing(harness: Harness) -> None:
    answer = await waiting(harness)
    elsewhere = Scope(everything=False, queues=frozenset({"queue-2"}))
    with pytest.raises(OutOfScope):
        await harness.service.intake.confirm(asked(GRACE, scope=elsewhere), answer.approval.id)
    with pytest.raises(OutOfScope):
        await harness.service.intake.change(Verb.STOP, asked(GRACE, scope=elsewhere), typed_id=CALL)
    with pytest.raises(NotPermitted):
        await harness.service.intake.confirm(asked(GRACE, roles=frozenset({Role.COMPLIANCE})), answer.approval.id)
    assert [row["phase"] for row in entries(harness.file)[-3:]] == ["denied"] * 3
    assert approvals(harness) == [(ADA, None, None)]
    assert harness.control.calls == ["start"]


async def test_the_one_who_asked_withdraws_and_nobody_else(harness: Harness) -> None:
    answer = await waiting(harness)
    with pytest.raises(NotPermitted) as caught:
        await harness.service.intake.withdraw(asked(GRACE), answer.approval.id)
    assert caught.value.cause == "not_own_request"
    withdrawn = await harness.service.intake.withdraw(asked(ADA), answer.approval.id)
    assert withdrawn.recording.state is RecordingState.ACTIVE
    entry = entries(harness.file)[-1]
    assert (entry["phase"], entry["action"], entry["outcome"]) == ("failed", ACTION, {"error": "withdrawn"})
    assert approvals(harness) == [(ADA, ADA, "withdrawn")]
    for late in (
        harness.service.intake.confirm(asked(GRACE), answer.approval.id),
        harness.service.intake.withdraw(asked(ADA), answer.approval.id),
    ):
        with pytest.raises(ApprovalClosed) as closed:
            await late
        assert closed.value.outcome == "withdrawn"
    assert (await ask(harness, asked(GRACE))).approval.asked_by == GRACE


async def test_what_nobody_confirms_in_time_lapses(harness: Harness) -> None:
    answer = await waiting(harness)
    harness.clock.advance(119)
    await harness.approvals.close_lapsed()
    assert approvals(harness) == [(ADA, None, None)]
    harness.clock.advance(1)
    await harness.approvals.close_lapsed()
    await harness.approvals.close_lapsed()
    assert approvals(harness) == [(ADA, "bot", "expired")]
    entry = entries(harness.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("observed", ACTION, "bot")
    assert entry["outcome"] == {"in_effect": False, "error": "approval_expired", "asked_by": ADA}
    assert trail_lines(harness.file) == [*BOTH_STARTED, f"requested {ACTION}", f"observed {ACTION}"]
    (recording,) = await harness.store.live_recordings()
    assert (recording.state, recording.audit_seq) == (RecordingState.ACTIVE, entry["seq"])
    with pytest.raises(ApprovalClosed) as closed:
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert closed.value.outcome == "expired"
    assert harness.control.calls == ["start"]


@on_both
async def test_too_late_is_too_late_before_any_loop_has_seen_it(harness: Harness) -> None:
    answer = await waiting(harness)
    harness.clock.advance(120)
    with pytest.raises(ApprovalClosed):
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(harness) == [(ADA, "bot", "expired")]
    assert trail_lines(harness.file)[-2:] == [f"observed {ACTION}", f"failed {ACTION}"]


async def test_a_stop_after_the_time_is_a_new_request(harness: Harness) -> None:
    await waiting(harness)
    harness.clock.advance(120)
    answer = await ask(harness, asked(GRACE))
    assert not answer.again
    assert approvals(harness) == [(ADA, "bot", "expired"), (GRACE, None, None)]
    assert harness.control.calls == ["start"]


async def test_a_clock_that_was_set_back_gives_nobody_more_time(harness: Harness) -> None:
    answer = await waiting(harness)
    harness.clock.advance(-3600)
    with pytest.raises(ApprovalClosed):
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)


@on_both
async def test_a_restart_changes_nothing(database: Database) -> None:
    async with open_harness(database, dual_control=RULE) as harness:
        answer = await waiting(harness)
        await start(harness, OTHER_CALL)
        other = await harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=OTHER_CALL)
        assert isinstance(other, AwaitsConfirmation)
        clock = harness.clock
    async with open_harness(database, dual_control=RULE, clock=clock, owner="serve:2") as harness:
        await harness.service.carry_out(at_once(await harness.service.intake.confirm(asked(GRACE), answer.approval.id)))
        clock.advance(121)
        await harness.approvals.close_lapsed()
        assert [row[1:] for row in approvals(harness)] == [(GRACE, "confirmed"), ("bot", "expired")]
        assert harness.control.calls == ["stop"]


async def test_the_call_that_ends_meanwhile_closes_it(harness: Harness) -> None:
    answer = await waiting(harness)
    assert await Observations(harness.store, harness.clock).call_ended(answer.recording)
    await harness.approvals.close_lapsed()
    assert approvals(harness) == [(ADA, "bot", "over")]
    assert entries(harness.file)[-1]["outcome"] == {"in_effect": False, "error": "recording_over", "asked_by": ADA}
    with pytest.raises(ApprovalClosed) as closed:
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert closed.value.outcome == "over"
    with pytest.raises(NothingToStop):
        await harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL)
    assert harness.control.calls == ["start"]


async def test_a_call_that_ended_unseen_closes_it_at_the_confirmation(harness: Harness) -> None:
    answer = await waiting(harness)
    await Observations(harness.store, harness.clock).call_ended(answer.recording)
    with pytest.raises(ApprovalClosed):
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(harness) == [(ADA, "bot", "over")]


async def test_while_another_action_runs_it_waits_on(harness: Harness) -> None:
    answer = await waiting(harness)
    pausing = at_once(await harness.service.intake.change(Verb.PAUSE, asked(GRACE), typed_id=CALL))
    with pytest.raises(WrongState):
        await harness.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(harness) == [(ADA, None, None)]
    await harness.service.carry_out(pausing)
    await harness.service.carry_out(at_once(await harness.service.intake.confirm(asked(GRACE), answer.approval.id)))
    assert harness.control.calls == ["start", "pause", "stop"]


@on_both
async def test_fifty_confirmations_at_once_are_one_stop(harness: Harness) -> None:
    answer = await waiting(harness)
    intake, recording_id = harness.service.intake, answer.recording.id
    results = await asyncio.gather(
        *(
            intake.confirm(asked(GRACE), answer.approval.id)
            if number % 2
            else intake.change(Verb.STOP, asked(TERMINAL), recording_id=recording_id)
            for number in range(50)
        ),
        return_exceptions=True,
    )
    (accepted,) = [one for one in results if isinstance(one, PendingAction)]
    refused = [one for one in results if one is not accepted]
    assert all(isinstance(one, (ApprovalClosed, WrongState)) for one in refused)
    await harness.service.carry_out(accepted)
    assert harness.control.calls == ["start", "stop"]
    assert [line for line in trail_lines(harness.file) if line.startswith("requested recording:stop")] == [
        f"requested {ACTION}",
        "requested recording:stop",
    ]


@on_both
async def test_fifty_stops_of_two_people_at_once_are_one_stop(harness: Harness) -> None:
    await start(harness)
    results = await asyncio.gather(
        *(
            harness.service.intake.change(Verb.STOP, asked(GRACE if number % 2 else ADA), typed_id=CALL)
            for number in range(50)
        ),
        return_exceptions=True,
    )
    (accepted,) = [one for one in results if isinstance(one, PendingAction)]
    opened = [one for one in results if isinstance(one, AwaitsConfirmation) and not one.again]
    assert len(opened) == 1
    assert accepted.request.caller.actor != opened[0].approval.asked_by
    await harness.service.carry_out(accepted)
    assert harness.control.calls == ["start", "stop"]


@on_both
async def test_the_same_delivery_twice_is_one_request(harness: Harness) -> None:
    await start(harness)
    twice = asked(ADA)
    answer = await ask(harness, twice)
    with pytest.raises(Duplicate):
        await ask(harness, twice)
    confirming = asked(GRACE)
    await harness.service.intake.confirm(confirming, answer.approval.id)
    with pytest.raises(Duplicate):
        await harness.service.intake.confirm(confirming, answer.approval.id)
    assert len(approvals(harness)) == 1


async def test_a_request_that_is_not_there_is_refused(harness: Harness) -> None:
    with pytest.raises(ApprovalClosed) as closed:
        await harness.service.intake.confirm(asked(GRACE), uuid7())
    assert closed.value.outcome == "unknown"
    assert trail_lines(harness.file) == [f"failed {ACTION}"]


@on_both
async def test_an_open_request_that_was_written_too_late_is_closed(harness: Harness) -> None:
    answer = await waiting(harness)
    expire = harness.service.intake.log.expire
    assert expire is not None
    await expire(answer)
    await expire(answer)
    assert approvals(harness) == [(ADA, "bot", "expired")]
    assert entries(harness.file)[-1]["outcome"] == {"error": "too_late"}
    assert trail_lines(harness.file)[-2:] == [f"requested {ACTION}", f"failed {ACTION}"]


async def test_calls_that_are_not_flagged_stop_at_once(database: Database) -> None:
    elsewhere = DualControl(queues=frozenset({"queue-2"}), agents=frozenset({"user-2"}))
    async with open_harness(database, dual_control=elsewhere) as harness:
        await start(harness)
        accepted = at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
        assert (await harness.service.carry_out(accepted)).recording.state is RecordingState.STOPPED


async def test_a_flagged_agent_and_a_call_of_which_nothing_is_known_take_two(database: Database) -> None:
    async with open_harness(database, dual_control=DualControl(agents=frozenset({"user-1"}))) as harness:
        await start(harness)
        assert isinstance(await ask(harness), AwaitsConfirmation)
        harness.control.agents[OTHER_CALL] = None
        await start(harness, OTHER_CALL)
        answer = await harness.service.intake.change(Verb.STOP, asked(), typed_id=OTHER_CALL)
        assert isinstance(answer, AwaitsConfirmation)


async def test_the_bots_own_corrections_wait_for_nobody(harness: Harness) -> None:
    await start(harness)
    (recording,) = await harness.store.live_recordings()
    await Observations(harness.store, harness.clock).call_ended(recording)
    over = await harness.store.recording(recording.id)
    assert over is not None
    seen = await harness.control.read_call(recording.target, deadline=0, progress=tell_nobody)
    accepted = await Observations(harness.store, harness.clock).took_effect_late(over, seen, owner="serve:1")
    assert accepted is not None
    await harness.service.carry_out(accepted)
    assert harness.control.recordings[CALL] is CallRecording.NONE
    assert approvals(harness) == []


def test_the_outcomes_are_those_that_the_table_takes() -> None:
    assert {one.value for one in ApprovalOutcome} == {"confirmed", "withdrawn", "expired", "over"}


@on_both
async def test_a_second_request_that_was_written_too_late_leaves_the_first_one_open(harness: Harness) -> None:
    first = await waiting(harness)
    again = await ask(harness)
    assert again.again
    expire = harness.service.intake.log.expire
    assert expire is not None
    await expire(again)
    assert approvals(harness) == [(ADA, None, None)]
    await harness.service.intake.confirm(asked(GRACE), first.approval.id)


async def test_a_clock_that_is_a_little_behind_the_others_closes_nothing(harness: Harness) -> None:
    answer = await waiting(harness)
    harness.clock.advance(-2)
    await harness.approvals.close_lapsed()
    assert approvals(harness) == [(ADA, None, None)]
    await harness.service.intake.confirm(asked(GRACE), answer.approval.id)


async def test_a_reading_that_lacks_the_queue_lifts_nothing(harness: Harness) -> None:
    await start(harness)
    harness.control.agents[CALL] = replace(AGENT, queue_id=None, queue_name=None, user_id="")
    await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.PAUSE, asked(), typed_id=CALL)))
    (recording,) = await harness.store.live_recordings()
    assert (recording.agent_user_id, recording.queue_id) == ("user-1", "queue-1")
    await ask(harness)


async def test_one_that_can_not_be_closed_keeps_no_other_open(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await waiting(harness)
    harness.clock.advance(1)
    await start(harness, OTHER_CALL)
    await harness.service.intake.change(Verb.STOP, asked(), typed_id=OTHER_CALL)
    harness.clock.advance(200)
    first = (await harness.store.open_approvals())[0].recording_id
    read = SqlStore.recording

    async def broken(store: SqlStore, recording_id: UUID) -> Recording | None:
        if recording_id == first:
            raise ValueError
        return await read(store, recording_id)

    monkeypatch.setattr(SqlStore, "recording", broken)
    await harness.approvals.close_lapsed()
    assert approvals(harness) == [(ADA, None, None), (ADA, "bot", "expired")]
