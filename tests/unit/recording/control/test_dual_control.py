"""Stops that need two supervisors: asked for by one, confirmed by another, withdrawn, run out of time, overtaken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from uuid_utils.compat import uuid7

from bot.database.queries.outbox import SqlOutbox
from bot.database.store import SqlStore
from bot.errors import ApprovalClosed, Duplicate, NothingToStop, NotPermitted, OutOfScope, WrongState
from bot.recording.call import CallRecording
from bot.recording.caller import Role, Scope
from bot.recording.models import ApprovalOutcome, RecordingState, Verb
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.reconciler import silent
from bot.recording.policy import DualControl
from bot.recording.requests import Accepted, AwaitsConfirmation
from tests.support.control import AGENT
from tests.support.postgres import on_both
from tests.support.service import ADA, CALL, GRACE, OTHER_CALL, Shop, asked, at_once, opened_shop
from tests.support.trail import entries, rows, story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from bot.recording.models import Recording
    from bot.recording.requests import Asked
    from tests.support.postgres import Database

RULE = DualControl(queues=frozenset({"queue-1"}), within=timedelta(minutes=2))
TERMINAL = "cli:root"
ACTION = "recording:stop_approval"
BOTH_STARTED = ["requested recording:start", "succeeded recording:start"]


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database, dual_control=RULE) as shop:
        yield shop


async def start(shop: Shop, call: str = CALL) -> None:
    settled = await shop.service.carry_out(await shop.service.intake.start(asked(), call, None))
    assert settled.recording.state is RecordingState.ACTIVE


async def ask(shop: Shop, who: Asked | None = None) -> AwaitsConfirmation:
    answer = await shop.service.intake.change(Verb.STOP, who or asked(ADA), typed_id=CALL)
    assert isinstance(answer, AwaitsConfirmation)
    return answer


async def waiting(shop: Shop) -> AwaitsConfirmation:
    await start(shop)
    return await ask(shop)


def approvals(shop: Shop) -> list[tuple[str, str | None, str | None]]:
    found = rows(shop.file, "SELECT asked_by, closed_by, outcome FROM approvals ORDER BY asked_at")
    return [(row["asked_by"], row["closed_by"], row["outcome"]) for row in found]


@on_both
async def test_a_stop_waits_for_a_second_supervisor_and_nothing_is_sent(shop: Shop) -> None:
    await start(shop)
    before = (await shop.store.live_recordings())[0]
    answer = await ask(shop)
    assert (answer.approval.asked_by, answer.again) == (ADA, False)
    assert answer.approval.expires_at - answer.approval.asked_at == timedelta(minutes=2)
    assert answer.recording.state is RecordingState.ACTIVE
    assert answer.recording.version > before.version
    assert shop.control.calls == ["start"]
    entry = entries(shop.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("requested", ACTION, ADA)
    assert (entry["conversation_id"], entry["recording_id"]) == (CALL, str(before.id))
    assert entry["attempt_id"] == str(answer.approval.id)
    assert answer.audit_seq == answer.recording.audit_seq == entry["seq"]


async def test_the_card_shows_what_it_waits_for_until_that_is_over(shop: Shop) -> None:
    answer = await waiting(shop)
    outbox = SqlOutbox(shop.engines)
    (card,) = await outbox.stale_cards()
    assert card.approval == answer.approval
    await shop.service.intake.withdraw(asked(ADA), answer.approval.id)
    (card,) = await outbox.stale_cards()
    assert card.approval is not None
    assert (card.approval.outcome, card.approval.closed_by) == (ApprovalOutcome.WITHDRAWN, ADA)
    assert card.recording.version > answer.recording.version


@pytest.mark.parametrize("by", [GRACE, TERMINAL])
@on_both
async def test_a_second_supervisor_confirms(shop: Shop, by: str) -> None:
    answer = await waiting(shop)
    accepted = await shop.service.intake.confirm(asked(by), answer.approval.id)
    settled = await shop.service.carry_out(accepted)
    assert (settled.recording.state, settled.recording.ended_by) == (RecordingState.STOPPED, by)
    assert story(shop.file)[2:] == [
        f"requested {ACTION}",
        f"succeeded {ACTION}",
        "requested recording:stop",
        "succeeded recording:stop",
    ]
    confirmed, requested = entries(shop.file)[3:5]
    assert (confirmed["actor"], confirmed["attempt_id"]) == (by, str(answer.approval.id))
    assert confirmed["outcome"] == {"approval_id": str(answer.approval.id), "asked_by": ADA, "confirmed_by": by}
    assert requested["actor"] == by
    assert (requested["origin"]["asked_by"], requested["origin"]["confirmed_by"]) == (ADA, by)
    assert approvals(shop) == [(ADA, by, "confirmed")]
    assert shop.control.calls == ["start", "stop"]


@pytest.mark.parametrize("by", [GRACE, TERMINAL])
async def test_anothers_stop_is_the_confirmation(shop: Shop, by: str) -> None:
    answer = await waiting(shop)
    accepted = at_once(await shop.service.intake.change(Verb.STOP, asked(by), recording_id=answer.recording.id))
    assert (await shop.service.carry_out(accepted)).recording.state is RecordingState.STOPPED
    assert approvals(shop) == [(ADA, by, "confirmed")]
    assert shop.control.calls == ["start", "stop"]


@on_both
async def test_nobody_confirms_what_they_asked_for(shop: Shop) -> None:
    answer = await waiting(shop)
    with pytest.raises(NotPermitted) as caught:
        await shop.service.intake.confirm(asked(ADA), answer.approval.id)
    assert caught.value.cause == "own_request"
    entry = entries(shop.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("denied", ACTION, ADA)
    assert entry["outcome"] == {"error": "not_permitted", "cause": "own_request"}
    assert entry["conversation_id"] == CALL
    assert approvals(shop) == [(ADA, None, None)]
    assert shop.control.calls == ["start"]


async def test_ones_own_second_stop_only_tells_who_is_awaited(shop: Shop) -> None:
    answer = await waiting(shop)
    shop.clock.advance(30)
    again = await ask(shop)
    assert again.again
    assert again.approval == answer.approval
    entry = entries(shop.file)[-1]
    assert (entry["seq"], entry["phase"], entry["action"]) == (again.audit_seq, "failed", ACTION)
    assert entry["outcome"] == {"error": "already_waiting", "approval_id": str(answer.approval.id)}
    assert len(approvals(shop)) == 1
    assert shop.control.calls == ["start"]


@on_both
async def test_who_may_not_control_the_call_confirms_nothing(shop: Shop) -> None:
    answer = await waiting(shop)
    elsewhere = Scope(everything=False, queues=frozenset({"queue-2"}))
    with pytest.raises(OutOfScope):
        await shop.service.intake.confirm(asked(GRACE, scope=elsewhere), answer.approval.id)
    with pytest.raises(OutOfScope):
        await shop.service.intake.change(Verb.STOP, asked(GRACE, scope=elsewhere), typed_id=CALL)
    with pytest.raises(NotPermitted):
        await shop.service.intake.confirm(asked(GRACE, roles=frozenset({Role.COMPLIANCE})), answer.approval.id)
    assert [row["phase"] for row in entries(shop.file)[-3:]] == ["denied"] * 3
    assert approvals(shop) == [(ADA, None, None)]
    assert shop.control.calls == ["start"]


async def test_the_one_who_asked_withdraws_and_nobody_else(shop: Shop) -> None:
    answer = await waiting(shop)
    with pytest.raises(NotPermitted) as caught:
        await shop.service.intake.withdraw(asked(GRACE), answer.approval.id)
    assert caught.value.cause == "not_own_request"
    withdrawn = await shop.service.intake.withdraw(asked(ADA), answer.approval.id)
    assert withdrawn.recording.state is RecordingState.ACTIVE
    entry = entries(shop.file)[-1]
    assert (entry["phase"], entry["action"], entry["outcome"]) == ("failed", ACTION, {"error": "withdrawn"})
    assert approvals(shop) == [(ADA, ADA, "withdrawn")]
    for late in (
        shop.service.intake.confirm(asked(GRACE), answer.approval.id),
        shop.service.intake.withdraw(asked(ADA), answer.approval.id),
    ):
        with pytest.raises(ApprovalClosed) as closed:
            await late
        assert closed.value.outcome == "withdrawn"
    assert (await ask(shop, asked(GRACE))).approval.asked_by == GRACE


@on_both
async def test_what_nobody_confirms_in_time_lapses(shop: Shop) -> None:
    answer = await waiting(shop)
    shop.clock.advance(119)
    await shop.approvals.close_lapsed()
    assert approvals(shop) == [(ADA, None, None)]
    shop.clock.advance(1)
    await shop.approvals.close_lapsed()
    await shop.approvals.close_lapsed()
    assert approvals(shop) == [(ADA, "bot", "expired")]
    entry = entries(shop.file)[-1]
    assert (entry["phase"], entry["action"], entry["actor"]) == ("observed", ACTION, "bot")
    assert entry["outcome"] == {"in_effect": False, "error": "approval_expired", "asked_by": ADA}
    assert story(shop.file) == [*BOTH_STARTED, f"requested {ACTION}", f"observed {ACTION}"]
    (recording,) = await shop.store.live_recordings()
    assert (recording.state, recording.audit_seq) == (RecordingState.ACTIVE, entry["seq"])
    with pytest.raises(ApprovalClosed) as closed:
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert closed.value.outcome == "expired"
    assert shop.control.calls == ["start"]


@on_both
async def test_too_late_is_too_late_before_any_loop_has_seen_it(shop: Shop) -> None:
    answer = await waiting(shop)
    shop.clock.advance(120)
    with pytest.raises(ApprovalClosed):
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(shop) == [(ADA, "bot", "expired")]
    assert story(shop.file)[-2:] == [f"observed {ACTION}", f"failed {ACTION}"]


async def test_a_stop_after_the_time_is_a_new_request(shop: Shop) -> None:
    await waiting(shop)
    shop.clock.advance(120)
    answer = await ask(shop, asked(GRACE))
    assert not answer.again
    assert approvals(shop) == [(ADA, "bot", "expired"), (GRACE, None, None)]
    assert shop.control.calls == ["start"]


@on_both
async def test_a_clock_that_was_set_back_gives_nobody_more_time(shop: Shop) -> None:
    answer = await waiting(shop)
    shop.clock.advance(-3600)
    with pytest.raises(ApprovalClosed):
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)


@on_both
async def test_a_restart_changes_nothing(database: Database) -> None:
    async with opened_shop(database, dual_control=RULE) as shop:
        answer = await waiting(shop)
        await start(shop, OTHER_CALL)
        other = await shop.service.intake.change(Verb.STOP, asked(GRACE), typed_id=OTHER_CALL)
        assert isinstance(other, AwaitsConfirmation)
        clock = shop.clock
    async with opened_shop(database, dual_control=RULE, clock=clock, owner="serve:2") as shop:
        await shop.service.carry_out(await shop.service.intake.confirm(asked(GRACE), answer.approval.id))
        clock.advance(121)
        await shop.approvals.close_lapsed()
        assert [row[1:] for row in approvals(shop)] == [(GRACE, "confirmed"), ("bot", "expired")]
        assert shop.control.calls == ["stop"]


async def test_the_call_that_ends_meanwhile_closes_it(shop: Shop) -> None:
    answer = await waiting(shop)
    assert await Observations(shop.store, shop.clock).call_ended(answer.recording)
    await shop.approvals.close_lapsed()
    assert approvals(shop) == [(ADA, "bot", "over")]
    assert entries(shop.file)[-1]["outcome"] == {"in_effect": False, "error": "recording_over", "asked_by": ADA}
    with pytest.raises(ApprovalClosed) as closed:
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert closed.value.outcome == "over"
    with pytest.raises(NothingToStop):
        await shop.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL)
    assert shop.control.calls == ["start"]


async def test_a_call_that_ended_unseen_closes_it_at_the_confirmation(shop: Shop) -> None:
    answer = await waiting(shop)
    await Observations(shop.store, shop.clock).call_ended(answer.recording)
    with pytest.raises(ApprovalClosed):
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(shop) == [(ADA, "bot", "over")]


async def test_while_another_action_runs_it_waits_on(shop: Shop) -> None:
    answer = await waiting(shop)
    pausing = at_once(await shop.service.intake.change(Verb.PAUSE, asked(GRACE), typed_id=CALL))
    with pytest.raises(WrongState):
        await shop.service.intake.confirm(asked(GRACE), answer.approval.id)
    assert approvals(shop) == [(ADA, None, None)]
    await shop.service.carry_out(pausing)
    await shop.service.carry_out(await shop.service.intake.confirm(asked(GRACE), answer.approval.id))
    assert shop.control.calls == ["start", "pause", "stop"]


@on_both
async def test_fifty_confirmations_at_once_are_one_stop(shop: Shop) -> None:
    answer = await waiting(shop)
    intake, recording_id = shop.service.intake, answer.recording.id
    results = await asyncio.gather(
        *(
            intake.confirm(asked(GRACE), answer.approval.id)
            if number % 2
            else intake.change(Verb.STOP, asked(TERMINAL), recording_id=recording_id)
            for number in range(50)
        ),
        return_exceptions=True,
    )
    (accepted,) = [one for one in results if isinstance(one, Accepted)]
    refused = [one for one in results if one is not accepted]
    assert all(isinstance(one, (ApprovalClosed, WrongState)) for one in refused)
    await shop.service.carry_out(accepted)
    assert shop.control.calls == ["start", "stop"]
    assert [line for line in story(shop.file) if line.startswith("requested recording:stop")] == [
        f"requested {ACTION}",
        "requested recording:stop",
    ]


@on_both
async def test_fifty_stops_of_two_people_at_once_are_one_stop(shop: Shop) -> None:
    await start(shop)
    results = await asyncio.gather(
        *(
            shop.service.intake.change(Verb.STOP, asked(GRACE if number % 2 else ADA), typed_id=CALL)
            for number in range(50)
        ),
        return_exceptions=True,
    )
    (accepted,) = [one for one in results if isinstance(one, Accepted)]
    opened = [one for one in results if isinstance(one, AwaitsConfirmation) and not one.again]
    assert len(opened) == 1
    assert accepted.asked.caller.actor != opened[0].approval.asked_by
    await shop.service.carry_out(accepted)
    assert shop.control.calls == ["start", "stop"]


@on_both
async def test_the_same_delivery_twice_is_one_request(shop: Shop) -> None:
    await start(shop)
    twice = asked(ADA)
    answer = await ask(shop, twice)
    with pytest.raises(Duplicate):
        await ask(shop, twice)
    confirming = asked(GRACE)
    await shop.service.intake.confirm(confirming, answer.approval.id)
    with pytest.raises(Duplicate):
        await shop.service.intake.confirm(confirming, answer.approval.id)
    assert len(approvals(shop)) == 1


async def test_a_request_that_is_not_there_is_refused(shop: Shop) -> None:
    with pytest.raises(ApprovalClosed) as closed:
        await shop.service.intake.confirm(asked(GRACE), uuid7())
    assert closed.value.outcome == "unknown"
    assert story(shop.file) == [f"failed {ACTION}"]


@on_both
async def test_an_open_request_that_was_written_too_late_is_closed(shop: Shop) -> None:
    answer = await waiting(shop)
    expire = shop.service.intake.expire
    assert expire is not None
    await expire(answer)
    await expire(answer)
    assert approvals(shop) == [(ADA, "bot", "expired")]
    assert entries(shop.file)[-1]["outcome"] == {"error": "too_late"}
    assert story(shop.file)[-2:] == [f"requested {ACTION}", f"failed {ACTION}"]


async def test_calls_that_are_not_flagged_stop_at_once(database: Database) -> None:
    elsewhere = DualControl(queues=frozenset({"queue-2"}), agents=frozenset({"user-2"}))
    async with opened_shop(database, dual_control=elsewhere) as shop:
        await start(shop)
        accepted = at_once(await shop.service.intake.change(Verb.STOP, asked(), typed_id=CALL))
        assert (await shop.service.carry_out(accepted)).recording.state is RecordingState.STOPPED


async def test_a_flagged_agent_and_a_call_of_which_nothing_is_known_take_two(database: Database) -> None:
    async with opened_shop(database, dual_control=DualControl(agents=frozenset({"user-1"}))) as shop:
        await start(shop)
        assert isinstance(await ask(shop), AwaitsConfirmation)
        shop.control.agents[OTHER_CALL] = None
        await start(shop, OTHER_CALL)
        answer = await shop.service.intake.change(Verb.STOP, asked(), typed_id=OTHER_CALL)
        assert isinstance(answer, AwaitsConfirmation)


async def test_the_bots_own_corrections_wait_for_nobody(shop: Shop) -> None:
    await start(shop)
    (recording,) = await shop.store.live_recordings()
    await Observations(shop.store, shop.clock).call_ended(recording)
    over = await shop.store.recording(recording.id)
    assert over is not None
    seen = await shop.control.look(recording.target, deadline=0, progress=silent)
    accepted = await Observations(shop.store, shop.clock).took_effect_late(over, seen, owner="serve:1")
    assert accepted is not None
    await shop.service.carry_out(accepted)
    assert shop.control.recordings[CALL] is CallRecording.NONE
    assert approvals(shop) == []


def test_the_outcomes_are_those_that_the_table_takes() -> None:
    assert {one.value for one in ApprovalOutcome} == {"confirmed", "withdrawn", "expired", "over"}


@on_both
async def test_a_second_request_that_was_written_too_late_leaves_the_first_one_open(shop: Shop) -> None:
    first = await waiting(shop)
    again = await ask(shop)
    assert again.again
    expire = shop.service.intake.expire
    assert expire is not None
    await expire(again)
    assert approvals(shop) == [(ADA, None, None)]
    await shop.service.intake.confirm(asked(GRACE), first.approval.id)


async def test_a_clock_that_is_a_little_behind_the_others_closes_nothing(shop: Shop) -> None:
    answer = await waiting(shop)
    shop.clock.advance(-2)
    await shop.approvals.close_lapsed()
    assert approvals(shop) == [(ADA, None, None)]
    await shop.service.intake.confirm(asked(GRACE), answer.approval.id)


async def test_a_reading_that_lacks_the_queue_lifts_nothing(shop: Shop) -> None:
    await start(shop)
    shop.control.agents[CALL] = replace(AGENT, queue_id=None, queue_name=None, user_id="")
    await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.PAUSE, asked(), typed_id=CALL)))
    (recording,) = await shop.store.live_recordings()
    assert (recording.agent_user_id, recording.queue_id) == ("user-1", "queue-1")
    await ask(shop)


async def test_one_that_can_not_be_closed_keeps_no_other_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await waiting(shop)
    shop.clock.advance(1)
    await start(shop, OTHER_CALL)
    await shop.service.intake.change(Verb.STOP, asked(), typed_id=OTHER_CALL)
    shop.clock.advance(200)
    first = (await shop.store.open_approvals())[0].recording_id
    read = SqlStore.recording

    async def broken(store: SqlStore, recording_id: UUID) -> Recording | None:
        if recording_id == first:
            raise ValueError
        return await read(store, recording_id)

    monkeypatch.setattr(SqlStore, "recording", broken)
    await shop.approvals.close_lapsed()
    assert approvals(shop) == [(ADA, None, None), (ADA, "bot", "expired")]
