"""What is in doubt is settled from the call's real state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import CallEnded, GenesysUnavailable, OutcomeUnknown
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import AgentLeg
from bot.recording.models import Conversation, Effect, Mechanism, RecordingState, Target, Verb
from bot.recording.monitoring.reconciler import PATIENCE
from tests.support.control import AGENT
from tests.support.postgres import on_both
from tests.support.service import ADA, CALL, OTHER_CALL, Shop, asked, at_once, opened_shop
from tests.support.trail import entries, story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.postgres import Database


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database) as shop:
        yield shop


async def state(shop: Shop) -> RecordingState:
    recording = await shop.store.newest_recording(CALL)
    assert recording is not None
    return recording.state


async def patience(shop: Shop) -> None:
    """Let the reconciler see what is open, and see it again after its patience."""
    await shop.reconciler.settle_all()
    shop.clock.advance(PATIENCE)
    await shop.reconciler.settle_all()


async def in_doubt(shop: Shop, verb: Verb, *, took_effect: bool) -> None:
    """Leave an attempt whose outcome nobody knows."""
    if not verb.begins:
        await shop.service.carry_out(await shop.service.intake.start(asked(), CALL, None))
    accepted = (
        await shop.service.intake.start(asked(), CALL, None, verb=verb)
        if verb.begins
        else at_once(await shop.service.intake.change(verb, asked()))
    )
    if took_effect:
        shop.control.late_fault = OutcomeUnknown()
    else:
        shop.control.fault = OutcomeUnknown()
    await shop.service.carry_out(accepted)
    shop.control.fault = shop.control.late_fault = None
    shop.control.calls.clear()


@pytest.mark.parametrize(("verb", "reached"), [(Verb.START, "active"), (Verb.STOP, "stopped"), (Verb.PAUSE, "paused")])
@on_both
async def test_what_took_effect_is_observed_without_another_write(shop: Shop, verb: Verb, reached: str) -> None:
    await in_doubt(shop, verb, took_effect=True)
    await patience(shop)
    assert await state(shop) == reached
    assert story(shop.file)[-1] == f"observed {verb.action}"
    assert entries(shop.file)[-1]["actor"] == "bot"
    assert shop.control.calls == ["look"]


@on_both
async def test_a_start_that_did_not_take_effect_fails_and_is_not_repeated(shop: Shop) -> None:
    await in_doubt(shop, Verb.START, took_effect=False)
    await patience(shop)
    assert await state(shop) is RecordingState.FAILED
    assert shop.control.calls == ["look"]
    assert entries(shop.file)[-1]["outcome"]["in_effect"] is False


@pytest.mark.parametrize(("verb", "reached"), [(Verb.STOP, "stopped"), (Verb.PAUSE, "paused")])
async def test_a_stop_or_a_pause_is_driven_again_after_a_look(shop: Shop, verb: Verb, reached: str) -> None:
    await in_doubt(shop, verb, took_effect=False)
    await patience(shop)
    assert await state(shop) == reached
    assert shop.control.calls == ["look", verb.value]


async def test_nothing_is_settled_while_the_write_may_still_land(shop: Shop) -> None:
    await in_doubt(shop, Verb.START, took_effect=False)
    await shop.reconciler.settle_all()
    assert await state(shop) is RecordingState.STARTING
    assert shop.control.calls == []


async def test_what_cannot_be_read_stays_in_doubt(shop: Shop) -> None:
    await in_doubt(shop, Verb.STOP, took_effect=True)
    shop.control.fault = GenesysUnavailable()
    await patience(shop)
    assert await state(shop) is RecordingState.STOPPING
    shop.control.fault = None
    await shop.reconciler.settle_all()
    assert await state(shop) is RecordingState.STOPPED


async def test_a_call_that_ended_meanwhile(shop: Shop) -> None:
    await in_doubt(shop, Verb.STOP, took_effect=False)
    shop.control.fault = CallEnded()
    await patience(shop)
    assert await state(shop) is RecordingState.ENDED
    assert story(shop.file)[-1] == "observed recording:stop"


@on_both
async def test_what_a_dead_process_left_is_settled_at_once(database: Database) -> None:
    async with opened_shop(database, owner="serve:dead") as dead:
        await dead.service.intake.start(asked(ADA), CALL, None)
    async with opened_shop(database, owner="serve:new") as shop:
        await shop.reconciler.settle_all()
        assert await state(shop) is RecordingState.FAILED
        assert shop.control.calls == ["look"]
    assert story(database) == ["requested recording:start", "observed recording:start"]


@on_both
async def test_a_clock_set_back_an_hour_delays_nothing(shop: Shop) -> None:
    await in_doubt(shop, Verb.STOP, took_effect=True)
    shop.clock.begin -= timedelta(hours=1)
    await patience(shop)
    assert await state(shop) is RecordingState.STOPPED
    assert [row["seq"] for row in entries(shop.file)] == list(range(1, 6))


@on_both
async def test_what_a_terminal_is_still_doing_is_left_alone(database: Database) -> None:
    async with opened_shop(database, owner="cli:1") as terminal, opened_shop(database, owner="serve:1") as shop:
        accepted = await terminal.service.intake.start(asked(ADA), CALL, None)
        await shop.reconciler.settle_all()
        assert await state(shop) is RecordingState.STARTING
        shop.clock.advance(PATIENCE)
        shop.control.recordings[CALL] = CallRecording.ACTIVE
        await shop.reconciler.settle_all()
        assert await state(shop) is RecordingState.ACTIVE
        late = await terminal.service.carry_out(accepted)
        assert late.recording.state is RecordingState.ACTIVE
    assert story(database) == ["requested recording:start", "observed recording:start"]


@on_both
async def test_a_stale_owner_cannot_write_the_outcome(shop: Shop) -> None:
    accepted = await shop.service.intake.start(asked(), CALL, None)
    attempt = accepted.attempt
    assert await shop.store.write(lambda transaction: transaction.claim_attempt(attempt, "serve:2"))
    settlement = shop.service.settlement
    await settlement.unknown(accepted, OutcomeUnknown())
    await settlement.succeeded(attempt, Effect(Mechanism.ADHOC))
    assert story(shop.file) == ["requested recording:start"]
    assert await state(shop) is RecordingState.STARTING


async def look_shows(shop: Shop, recording: CallRecording, *, on_hold: bool = False) -> None:
    """Have the next looks show this, whatever was written."""

    async def look(*_: object, **__: object) -> Conversation:
        return Conversation(CALL, connected=True, recording=recording, agents=(AGENT,), on_hold=on_hold)

    shop.control.look = look  # type: ignore[method-assign]


@pytest.mark.parametrize("verb", list(Verb))
async def test_nothing_is_concluded_from_a_state_that_is_not_said(shop: Shop, verb: Verb) -> None:
    if verb is Verb.RESUME:
        await shop.service.carry_out(await shop.service.intake.start(asked(), CALL, None))
        await shop.service.carry_out(at_once(await shop.service.intake.change(Verb.PAUSE, asked())))
        shop.control.late_fault = OutcomeUnknown()
        await shop.service.carry_out(at_once(await shop.service.intake.change(verb, asked())))
        shop.control.late_fault = None
    else:
        await in_doubt(shop, verb, took_effect=True)
    await look_shows(shop, CallRecording.UNKNOWN)
    await patience(shop)
    assert len(await shop.store.open_attempts()) == 1


async def test_a_hold_is_no_secure_pause(shop: Shop) -> None:
    await in_doubt(shop, Verb.PAUSE, took_effect=False)
    await look_shows(shop, CallRecording.PAUSED, on_hold=True)
    await patience(shop)
    assert shop.control.calls == ["pause"]


async def test_a_start_that_nobody_saw_begin_says_between_when(shop: Shop) -> None:
    asked_at = shop.clock.now()
    await in_doubt(shop, Verb.START, took_effect=True)
    await patience(shop)
    recording = await shop.store.live_recording(CALL)
    assert recording is not None
    assert (recording.started_at, recording.seen_at) == (asked_at, shop.clock.now())
    assert shop.clock.now() > asked_at
    assert entries(shop.file)[-1]["outcome"]["began_between"] == [asked_at.isoformat(), shop.clock.now().isoformat()]


async def test_a_policys_recording_that_a_doubtful_start_finds_is_taken_over_and_not_begun(shop: Shop) -> None:
    """It may have run before the request: an entry must not say that it began after it."""
    shop.control.mechanism = Mechanism.POLICY
    await in_doubt(shop, Verb.START, took_effect=True)
    agents, mechanism = (AGENT,), Mechanism.POLICY
    seen = Conversation(CALL, connected=True, recording=CallRecording.ACTIVE, agents=agents, mechanism=mechanism)

    async def look(*_: object, **__: object) -> Conversation:
        return seen

    shop.control.look = look  # type: ignore[method-assign]
    await patience(shop)
    recording = await shop.store.live_recording(CALL)
    assert recording is not None
    assert (recording.adopted, recording.seen_at) == (True, None)
    assert entries(shop.file)[-1]["outcome"] == {"mechanism": "policy", "created": False}


async def test_a_doubtful_start_among_several_agents_is_known_by_its_recorder(shop: Shop) -> None:
    """Without the participant, its transfer could not be told from a stop in Genesys."""
    await in_doubt(shop, Verb.START, took_effect=True)
    other = Participant("participant-2", "user-2", "Tom Becker")
    legs = tuple(
        AgentLeg(one, connected=True, over=False, recording=state, adhoc=state)
        for one, state in ((AGENT, CallRecording.NONE), (other, CallRecording.ACTIVE))
    )
    call = Conversation(CALL, True, CallRecording.ACTIVE, (AGENT, other), Mechanism.ADHOC, legs=legs)

    async def look(*_: object, **__: object) -> Conversation:
        return call

    shop.control.look = look  # type: ignore[method-assign]
    await patience(shop)
    recording = await shop.store.live_recording(CALL)
    assert recording is not None
    assert (recording.participant_id, recording.agent_user_id) == (other.id, other.user_id)


async def test_a_pause_of_what_does_not_run_any_more_is_not_driven_again(shop: Shop) -> None:
    await in_doubt(shop, Verb.PAUSE, took_effect=False)
    shop.control.recordings[CALL] = CallRecording.NONE
    await patience(shop)
    assert shop.control.calls == ["look"]
    assert await state(shop) is RecordingState.ACTIVE


async def test_a_start_during_a_hold_has_taken_effect(shop: Shop) -> None:
    await in_doubt(shop, Verb.START, took_effect=True)
    await look_shows(shop, CallRecording.PAUSED, on_hold=True)
    await patience(shop)
    assert await state(shop) is RecordingState.ACTIVE


async def test_one_attempt_that_cannot_be_settled_keeps_no_other_waiting(shop: Shop) -> None:
    await in_doubt(shop, Verb.START, took_effect=True)
    shop.control.late_fault = OutcomeUnknown()
    await shop.service.carry_out(await shop.service.intake.start(asked(), OTHER_CALL, None))
    shop.control.late_fault = None
    real = shop.control.look

    async def look(target: Target, **options: Any) -> Conversation:
        if target.conversation_id == CALL:
            raise ZeroDivisionError
        return await real(target, **options)

    shop.control.look = look  # type: ignore[method-assign]
    await patience(shop)
    assert await state(shop) is RecordingState.STARTING
    other = await shop.store.newest_recording(OTHER_CALL)
    assert other is not None
    assert other.state is RecordingState.ACTIVE


@on_both
async def test_what_is_expiring_is_not_carried_out(shop: Shop) -> None:
    accepted = await shop.service.intake.start(asked(), CALL, None)
    shop.service.intake.expiring.add(accepted.attempt.id)
    await patience(shop)
    assert shop.control.calls == []
    shop.service.intake.expiring.clear()
    await patience(shop)
    assert await state(shop) is RecordingState.FAILED
