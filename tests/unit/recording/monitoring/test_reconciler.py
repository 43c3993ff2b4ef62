"""What is in doubt is settled from the call's real state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import CallEnded, GenesysUnavailable, OutcomeUnknown
from bot.recording.call import CallRecording, Participant
from bot.recording.handover import AgentLeg
from bot.recording.models import ConfirmedChange, Conversation, Mechanism, RecordingState, Target, Verb
from bot.recording.monitoring.reconciler import PATIENCE
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, trail_lines
from tests.support.recording.fake_control import AGENT
from tests.support.recording.service import ADA, CALL, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases.postgres import Database


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def state(harness: Harness) -> RecordingState:
    recording = await harness.store.newest_recording(CALL)
    assert recording is not None
    return recording.state


async def in_doubt(harness: Harness, verb: Verb, *, took_effect: bool) -> None:
    """Leave an attempt whose outcome nobody knows."""
    if not verb.begins:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    accepted = await harness.request(verb)
    if took_effect:
        harness.control.late_fault = OutcomeUnknown()
    else:
        harness.control.fault = OutcomeUnknown()
    await harness.service.carry_out(accepted)
    harness.control.fault = harness.control.late_fault = None
    harness.control.calls.clear()


@pytest.mark.parametrize(("verb", "reached"), [(Verb.START, "active"), (Verb.STOP, "stopped"), (Verb.PAUSE, "paused")])
@on_both
async def test_what_took_effect_is_observed_without_another_write(harness: Harness, verb: Verb, reached: str) -> None:
    await in_doubt(harness, verb, took_effect=True)
    await harness.patience()
    assert await state(harness) == reached
    assert trail_lines(harness.file)[-1] == f"observed {verb.action}"
    assert entries(harness.file)[-1]["actor"] == "bot"
    assert harness.control.calls == ["look"]


async def test_a_start_that_did_not_take_effect_fails_and_is_not_repeated(harness: Harness) -> None:
    await in_doubt(harness, Verb.START, took_effect=False)
    await harness.patience()
    assert await state(harness) is RecordingState.FAILED
    assert harness.control.calls == ["look"]
    assert entries(harness.file)[-1]["outcome"]["in_effect"] is False


@pytest.mark.parametrize(("verb", "reached"), [(Verb.STOP, "stopped"), (Verb.PAUSE, "paused")])
async def test_a_stop_or_a_pause_is_driven_again_after_a_look(harness: Harness, verb: Verb, reached: str) -> None:
    await in_doubt(harness, verb, took_effect=False)
    await harness.patience()
    assert await state(harness) == reached
    assert harness.control.calls == ["look", verb.value]


async def test_nothing_is_settled_while_the_write_may_still_land(harness: Harness) -> None:
    await in_doubt(harness, Verb.START, took_effect=False)
    await harness.reconciler.settle_all()
    assert await state(harness) is RecordingState.STARTING
    assert harness.control.calls == []


async def test_what_cannot_be_read_stays_in_doubt(harness: Harness) -> None:
    await in_doubt(harness, Verb.STOP, took_effect=True)
    harness.control.fault = GenesysUnavailable()
    await harness.patience()
    assert await state(harness) is RecordingState.STOPPING
    harness.control.fault = None
    await harness.reconciler.settle_all()
    assert await state(harness) is RecordingState.STOPPED


async def test_a_call_that_ended_meanwhile(harness: Harness) -> None:
    await in_doubt(harness, Verb.STOP, took_effect=False)
    harness.control.fault = CallEnded()
    await harness.patience()
    assert await state(harness) is RecordingState.ENDED
    assert trail_lines(harness.file)[-1] == "observed recording:stop"


@on_both
async def test_what_a_dead_process_left_is_settled_at_once(database: Database) -> None:
    async with open_harness(database, owner="serve:dead") as dead:
        await dead.service.intake.start(asked(ADA), CALL, None)
    async with open_harness(database, owner="serve:new") as harness:
        await harness.reconciler.settle_all()
        assert await state(harness) is RecordingState.FAILED
        assert harness.control.calls == ["look"]
    assert trail_lines(database) == ["requested recording:start", "observed recording:start"]


async def test_a_clock_set_back_an_hour_delays_nothing(harness: Harness) -> None:
    await in_doubt(harness, Verb.STOP, took_effect=True)
    harness.clock.begin -= timedelta(hours=1)
    await harness.patience()
    assert await state(harness) is RecordingState.STOPPED
    assert [row["seq"] for row in entries(harness.file)] == list(range(1, 6))


@on_both
async def test_what_a_terminal_is_still_doing_is_left_alone(database: Database) -> None:
    async with open_harness(database, owner="cli:1") as terminal, open_harness(database, owner="serve:1") as harness:
        accepted = await terminal.service.intake.start(asked(ADA), CALL, None)
        await harness.reconciler.settle_all()
        assert await state(harness) is RecordingState.STARTING
        harness.clock.advance(PATIENCE)
        harness.control.recordings[CALL] = CallRecording.ACTIVE
        await harness.reconciler.settle_all()
        assert await state(harness) is RecordingState.ACTIVE
        late = await terminal.service.carry_out(accepted)
        assert late.recording.state is RecordingState.ACTIVE
    assert trail_lines(database) == ["requested recording:start", "observed recording:start"]


@on_both
async def test_a_stale_owner_cannot_write_the_outcome(harness: Harness) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    attempt = accepted.attempt
    assert await harness.store.write(lambda transaction: transaction.claim_attempt(attempt, "serve:2"))
    outcomes = harness.service.outcomes
    await outcomes.unknown(accepted, OutcomeUnknown())
    await outcomes.succeeded(attempt, ConfirmedChange(Mechanism.ADHOC))
    assert trail_lines(harness.file) == ["requested recording:start"]
    assert await state(harness) is RecordingState.STARTING


async def look_shows(harness: Harness, recording: CallRecording, *, on_hold: bool = False) -> None:
    """Have the next looks show this, whatever was written."""

    async def look(*_: object, **__: object) -> Conversation:
        return Conversation(CALL, connected=True, recording=recording, agents=(AGENT,), on_hold=on_hold)

    harness.control.read_call = look  # type: ignore[method-assign]


@pytest.mark.parametrize("verb", list(Verb))
async def test_nothing_is_concluded_from_a_state_that_is_not_said(harness: Harness, verb: Verb) -> None:
    if verb is Verb.RESUME:
        await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
        await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.PAUSE, asked())))
        harness.control.late_fault = OutcomeUnknown()
        await harness.service.carry_out(at_once(await harness.service.intake.change(verb, asked())))
        harness.control.late_fault = None
    else:
        await in_doubt(harness, verb, took_effect=True)
    await look_shows(harness, CallRecording.UNKNOWN)
    await harness.patience()
    assert len(await harness.store.open_attempts()) == 1


async def test_a_hold_is_no_secure_pause(harness: Harness) -> None:
    await in_doubt(harness, Verb.PAUSE, took_effect=False)
    await look_shows(harness, CallRecording.PAUSED, on_hold=True)
    await harness.patience()
    assert harness.control.calls == ["pause"]


async def test_a_start_that_nobody_saw_begin_says_between_when(harness: Harness) -> None:
    asked_at = harness.clock.now()
    await in_doubt(harness, Verb.START, took_effect=True)
    await harness.patience()
    recording = await harness.store.live_recording(CALL)
    assert recording is not None
    assert (recording.started_at, recording.seen_at) == (asked_at, harness.clock.now())
    assert harness.clock.now() > asked_at
    assert entries(harness.file)[-1]["outcome"]["began_between"] == [
        asked_at.isoformat(),
        harness.clock.now().isoformat(),
    ]


async def test_a_policys_recording_that_a_doubtful_start_finds_is_taken_over_and_not_begun(harness: Harness) -> None:
    """It may have run before the request: an entry must not say that it began after it."""
    harness.control.mechanism = Mechanism.POLICY
    await in_doubt(harness, Verb.START, took_effect=True)
    agents, mechanism = (AGENT,), Mechanism.POLICY
    seen = Conversation(CALL, connected=True, recording=CallRecording.ACTIVE, agents=agents, mechanism=mechanism)

    async def look(*_: object, **__: object) -> Conversation:
        return seen

    harness.control.read_call = look  # type: ignore[method-assign]
    await harness.patience()
    recording = await harness.store.live_recording(CALL)
    assert recording is not None
    assert (recording.adopted, recording.seen_at) == (True, None)
    assert entries(harness.file)[-1]["outcome"] == {"mechanism": "policy", "created": False}


async def test_a_doubtful_start_among_several_agents_is_known_by_its_recorder(harness: Harness) -> None:
    """Without the participant, its transfer could not be told from a stop in Genesys."""
    await in_doubt(harness, Verb.START, took_effect=True)
    other = Participant("participant-2", "user-2", "Tom Becker")
    legs = tuple(
        AgentLeg(one, connected=True, over=False, recording=state, adhoc=state)
        for one, state in ((AGENT, CallRecording.NONE), (other, CallRecording.ACTIVE))
    )
    call = Conversation(CALL, True, CallRecording.ACTIVE, (AGENT, other), Mechanism.ADHOC, legs=legs)

    async def look(*_: object, **__: object) -> Conversation:
        return call

    harness.control.read_call = look  # type: ignore[method-assign]
    await harness.patience()
    recording = await harness.store.live_recording(CALL)
    assert recording is not None
    assert (recording.participant_id, recording.agent_user_id) == (other.id, other.user_id)


async def test_a_pause_of_what_does_not_run_any_more_is_not_driven_again(harness: Harness) -> None:
    await in_doubt(harness, Verb.PAUSE, took_effect=False)
    harness.control.recordings[CALL] = CallRecording.NONE
    await harness.patience()
    assert harness.control.calls == ["look"]
    assert await state(harness) is RecordingState.ACTIVE


async def test_a_start_during_a_hold_has_taken_effect(harness: Harness) -> None:
    await in_doubt(harness, Verb.START, took_effect=True)
    await look_shows(harness, CallRecording.PAUSED, on_hold=True)
    await harness.patience()
    assert await state(harness) is RecordingState.ACTIVE


async def test_one_attempt_that_cannot_be_settled_keeps_no_other_waiting(harness: Harness) -> None:
    await in_doubt(harness, Verb.START, took_effect=True)
    harness.control.late_fault = OutcomeUnknown()
    await harness.service.carry_out(await harness.service.intake.start(asked(), OTHER_CALL, None))
    harness.control.late_fault = None
    real = harness.control.read_call

    async def look(target: Target, **options: Any) -> Conversation:
        if target.conversation_id == CALL:
            raise ZeroDivisionError
        return await real(target, **options)

    harness.control.read_call = look  # type: ignore[method-assign]
    await harness.patience()
    assert await state(harness) is RecordingState.STARTING
    other = await harness.store.newest_recording(OTHER_CALL)
    assert other is not None
    assert other.state is RecordingState.ACTIVE


@on_both
async def test_what_is_expiring_is_not_carried_out(harness: Harness) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    harness.service.intake.log.expiring.add(accepted.attempt.id)
    await harness.patience()
    assert harness.control.calls == []
    harness.service.intake.log.expiring.clear()
    await harness.patience()
    assert await state(harness) is RecordingState.FAILED
