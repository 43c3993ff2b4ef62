"""The two transactions of an action, on a real SQLite file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import (
    AlreadyRecording,
    AuditUnavailable,
    CallEnded,
    CallNotFound,
    Duplicate,
    Evidence,
    MalformedId,
    NothingToStop,
    NotPermitted,
    OutcomeUnknown,
    PermissionMissing,
    ReasonRefused,
    SeveralRecordings,
    ShuttingDown,
    WrongState,
)
from bot.recording.caller import Role
from bot.recording.models import Mechanism, RecordingState, Verb
from bot.recording.requests import AwaitsConfirmation, PendingAction, ReasonRules
from tests.support.databases.postgres import on_both
from tests.support.databases.trail import entries, rows, trail_lines
from tests.support.databases.writer import open_transaction
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, Harness, asked, at_once, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.keeping.keep import PendingKeep
    from tests.support.databases.postgres import Database


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


async def start(harness: Harness, call: str = CALL, actor: str = ADA) -> RecordingState:
    settled = await harness.service.carry_out(await harness.service.intake.start(asked(actor), call, None))
    return settled.recording.state


async def test_a_start_and_a_stop_leave_four_entries_and_a_stopped_recording(harness: Harness) -> None:
    assert await start(harness) is RecordingState.ACTIVE
    accepted = at_once(await harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL))
    settled = await harness.service.carry_out(accepted)

    assert settled.recording.state is RecordingState.STOPPED
    assert (settled.recording.started_by, settled.recording.ended_by) == (ADA, GRACE)
    assert trail_lines(harness.file) == [
        "requested recording:start",
        "succeeded recording:start",
        "requested recording:stop",
        "succeeded recording:stop",
    ]
    trail = entries(harness.file)
    assert [row["actor"] for row in trail] == [ADA, ADA, GRACE, GRACE]
    assert trail[0]["attempt_id"] == trail[1]["attempt_id"] != trail[2]["attempt_id"]
    assert {row["recording_id"] for row in trail} == {str(settled.recording.id)}
    assert trail[1]["participant_id"] == "participant-1"
    assert trail[1]["outcome"] == {"mechanism": "adhoc", "created": True}


@on_both
async def test_the_request_is_on_disk_before_genesys_is_asked(harness: Harness) -> None:
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(trail_lines(harness.file))

    harness.control.before_write = look
    await start(harness)
    assert seen == [["requested recording:start"]]


@pytest.mark.parametrize(
    ("roles", "cause"), [(frozenset[Role](), "not_listed"), (frozenset({Role.COMPLIANCE}), "not_listed")]
)
async def test_the_unauthorised_are_refused_and_recorded(harness: Harness, roles: frozenset[Role], cause: str) -> None:
    with pytest.raises(NotPermitted) as caught:
        await harness.service.intake.start(asked(roles=roles), CALL, "let me in")
    assert caught.value.audit_seq == 1
    (entry,) = entries(harness.file)
    assert (entry["phase"], entry["action"], entry["conversation_id"]) == ("denied", "recording:start", CALL)
    assert entry["outcome"] == {"error": "not_permitted", "cause": cause}
    assert rows(harness.file, "SELECT * FROM recordings") == []
    assert harness.control.calls == []


async def test_what_was_typed_is_kept_beside_the_entry_and_not_in_it(harness: Harness) -> None:
    await harness.service.intake.start(asked(), CALL, "Mrs Miller, 0170 555")
    (entry,) = entries(harness.file)
    assert "Miller" not in str(entry)
    (text,) = rows(harness.file, "SELECT * FROM typed_texts")
    assert text["text"] == "Mrs Miller, 0170 555"
    assert len(entry["reason_digest"]) == 64
    assert entry["reason_digest"] not in {text["text"], text["salt"].hex()}


@pytest.mark.parametrize("typed", [None, "abc", "<@U0ADA>"])
async def test_a_malformed_id_is_refused_and_recorded(harness: Harness, typed: str | None) -> None:
    with pytest.raises(MalformedId):
        await harness.service.intake.start(asked(), typed, None)
    assert trail_lines(harness.file) == ["failed recording:start"]
    assert entries(harness.file)[0]["conversation_id"] is None


async def test_a_reason_that_is_too_long_is_refused_and_kept(harness: Harness) -> None:
    with pytest.raises(ReasonRefused):
        await harness.service.intake.start(asked(), CALL, "x" * 5000)
    assert trail_lines(harness.file) == ["failed recording:start"]
    assert rows(harness.file, "SELECT length(text) AS n FROM typed_texts") == [{"n": 5000}]


async def test_a_second_start_is_told_who_was_first(harness: Harness) -> None:
    await start(harness)
    with pytest.raises(AlreadyRecording) as caught:
        await harness.service.intake.start(asked(GRACE), CALL, None)
    assert (caught.value.actor, caught.value.state) == (ADA, "active")
    assert trail_lines(harness.file)[-1] == "failed recording:start"
    assert harness.control.calls == ["start"]


@on_both
async def test_fifty_starts_at_once_are_one_start(harness: Harness) -> None:
    results = await asyncio.gather(
        *(harness.service.intake.start(asked(GRACE if n % 2 else ADA), CALL, None) for n in range(50)),
        return_exceptions=True,
    )
    assert [isinstance(one, BaseException) for one in results].count(False) == 1
    assert all(isinstance(one, AlreadyRecording) for one in results if isinstance(one, BaseException))
    assert len(entries(harness.file)) == 50
    assert [row["seq"] for row in entries(harness.file)] == list(range(1, 51))


@on_both
async def test_the_same_delivery_twice_is_one_request(harness: Harness) -> None:
    twice = asked(trigger="1337.1")
    results = await asyncio.gather(
        *(harness.service.intake.start(twice, CALL, None) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, Duplicate) for one in results) == 4
    assert trail_lines(harness.file) == ["requested recording:start"]


@on_both
async def test_a_refusal_delivered_twice_is_recorded_once(harness: Harness) -> None:
    twice = asked(roles=frozenset(), trigger="1337.2")
    with pytest.raises(NotPermitted):
        await harness.service.intake.start(twice, CALL, None)
    with pytest.raises(Duplicate):
        await harness.service.intake.start(twice, CALL, None)
    assert trail_lines(harness.file) == ["denied recording:start"]


async def test_an_action_without_an_id_means_the_callers_only_recording(harness: Harness) -> None:
    with pytest.raises(NothingToStop):
        await harness.service.intake.change(Verb.STOP, asked())
    await start(harness)
    with pytest.raises(NothingToStop):
        await harness.service.intake.change(Verb.STOP, asked(GRACE))
    await start(harness, OTHER_CALL)
    with pytest.raises(SeveralRecordings):
        await harness.service.intake.change(Verb.STOP, asked())
    await harness.service.carry_out(
        at_once(await harness.service.intake.change(Verb.STOP, asked(), typed_id=OTHER_CALL))
    )
    accepted = at_once(await harness.service.intake.change(Verb.STOP, asked()))
    assert accepted.recording.conversation_id == CALL


async def test_pause_and_resume(harness: Harness) -> None:
    await start(harness)
    for verb, state in ((Verb.PAUSE, RecordingState.PAUSED), (Verb.RESUME, RecordingState.ACTIVE)):
        settled = await harness.service.carry_out(at_once(await harness.service.intake.change(verb, asked())))
        assert settled.recording.state is state
    with pytest.raises(WrongState):
        await harness.service.intake.change(Verb.RESUME, asked())


@on_both
async def test_two_stops_at_once_are_one_stop(harness: Harness) -> None:
    await start(harness)
    results = await asyncio.gather(
        harness.service.intake.change(Verb.STOP, asked(ADA), typed_id=CALL),
        harness.service.intake.change(Verb.STOP, asked(GRACE), typed_id=CALL),
        return_exceptions=True,
    )
    assert sum(isinstance(one, WrongState) for one in results) == 1


async def test_a_plain_failure_of_a_start_ends_it(harness: Harness) -> None:
    harness.control.fault = CallNotFound(evidence=Evidence(404, "not.found", "ctx-1", "corr-1"))
    assert await start(harness) is RecordingState.FAILED
    assert trail_lines(harness.file) == ["requested recording:start", "failed recording:start"]
    assert entries(harness.file)[1]["outcome"] == {
        "error": "call_not_found",
        "http_status": 404,
        "code": "not.found",
        "context_id": "ctx-1",
        "correlation_id": "corr-1",
    }
    harness.control.fault = None
    assert await start(harness) is RecordingState.ACTIVE


async def test_a_plain_failure_of_a_stop_leaves_the_recording_as_it_was(harness: Harness) -> None:
    await start(harness)
    harness.control.fault = PermissionMissing(permission="conversation:call:record")
    settled = await harness.service.carry_out(at_once(await harness.service.intake.change(Verb.STOP, asked())))
    assert (settled.recording.state, settled.recording.error) == (RecordingState.ACTIVE, "permission_missing")
    assert trail_lines(harness.file)[-1] == "failed recording:stop"


@pytest.mark.parametrize(
    ("verb", "phase"), [(Verb.STOP, "succeeded recording:stop"), (Verb.PAUSE, "failed recording:pause")]
)
async def test_a_call_that_is_over_closes_its_recording(harness: Harness, verb: Verb, phase: str) -> None:
    await start(harness)
    harness.control.fault = CallEnded()
    settled = await harness.service.carry_out(at_once(await harness.service.intake.change(verb, asked())))
    assert settled.recording.state is RecordingState.ENDED
    assert trail_lines(harness.file)[-1] == phase


@pytest.mark.parametrize("fault", [OutcomeUnknown(), ValueError("a fault of ours")])
async def test_an_unknown_outcome_is_never_called_a_failure(harness: Harness, fault: Exception) -> None:
    harness.control.late_fault = fault
    settled = await harness.service.carry_out(await harness.service.intake.start(asked(), CALL, None))
    assert settled.recording.state is RecordingState.STARTING
    assert settled.recording.in_doubt
    assert trail_lines(harness.file)[-1] == "unknown recording:start"
    assert len(await harness.store.open_attempts()) == 1


async def test_a_policy_recording_is_adopted(harness: Harness) -> None:
    harness.control.mechanism = Mechanism.POLICY
    await start(harness)
    (recording,) = await harness.store.live_recordings()
    assert recording.mechanism is Mechanism.POLICY


async def test_no_new_work_while_shutting_down(harness: Harness) -> None:
    harness.shutdown_gate.open = False
    with pytest.raises(ShuttingDown):
        await harness.service.intake.start(asked(), CALL, None)
    assert trail_lines(harness.file) == ["failed recording:start"]


async def test_reading_is_in_the_trail(harness: Harness) -> None:
    await start(harness)
    question = await harness.service.ask_status(asked(roles=frozenset({Role.COMPLIANCE})), CALL)
    status = await harness.service.status(question)
    assert status.recording is not None
    assert status.recording.state is RecordingState.ACTIVE
    assert trail_lines(harness.file)[2:] == ["requested recording:read", "succeeded recording:read"]
    with pytest.raises(NotPermitted):
        await harness.service.live(asked(roles=frozenset()))
    assert trail_lines(harness.file)[-1] == "denied recording:read"


@on_both
async def test_a_slow_database_means_nothing_was_done(database: Database) -> None:
    async with open_harness(database, write_limit=0.05) as harness:
        async with open_transaction(harness.engines):
            with pytest.raises(AuditUnavailable):
                await harness.service.intake.start(asked(), CALL, None)
        await harness.store.settled()
        assert trail_lines(harness.file) == []
        assert harness.control.calls == []


async def test_required_reasons(database: Database) -> None:
    async with open_harness(database, reasons=ReasonRules({"qa": "Quality"}, required=True)) as harness:
        accepted = await harness.service.intake.start(asked(), CALL, "qa")
        assert accepted.recording.reason_code == "qa"
        assert entries(harness.file)[0]["reason_code"] == "qa"


@on_both
async def test_a_commit_that_comes_late_is_closed_and_never_carried_out(harness: Harness) -> None:
    accepted = await harness.service.intake.start(asked(), CALL, None)
    tries: list[int] = []

    async def expire(late: PendingAction | AwaitsConfirmation | PendingKeep) -> None:
        assert isinstance(late, PendingAction)
        tries.append(1)
        if len(tries) < 3:
            raise AuditUnavailable
        await harness.service.outcomes.expired(late)

    writing: asyncio.Future[PendingAction] = asyncio.get_running_loop().create_future()
    writing.set_result(accepted)
    requests = replace(harness.service.intake.log, expire=expire)
    await requests._expire_if_written(accepted.attempt.id, writing)
    assert len(tries) == 3
    assert trail_lines(harness.file) == ["requested recording:start", "failed recording:start"]
    assert harness.control.calls == []


@on_both
async def test_a_look_that_is_delivered_twice_is_recorded_once(harness: Harness) -> None:
    twice = asked(trigger="1337.3")
    await harness.service.live(twice)
    with pytest.raises(Duplicate):
        await harness.service.live(twice)
    assert trail_lines(harness.file) == ["succeeded recording:read"]


async def test_a_look_that_breaks_has_an_outcome(harness: Harness) -> None:
    question = await harness.service.ask_status(asked(), CALL)
    harness.control.fault = ZeroDivisionError()
    status = await harness.service.status(question)
    assert status.error is not None
    assert trail_lines(harness.file) == ["requested recording:read", "failed recording:read"]
