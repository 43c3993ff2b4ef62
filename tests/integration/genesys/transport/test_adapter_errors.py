"""Each row of the design's table of errors: the error's class, its evidence, and what was sent meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import (
    Conflict,
    GenesysError,
    GenesysUnavailable,
    LoginRefused,
    OutcomeUnknown,
    PermissionMissing,
    RecordingNotSaid,
    UserContextNeeded,
)

if TYPE_CHECKING:
    from tests.integration.genesys.desk import Desk

BROKEN = ["server_error", "drop_before", "hang", "junk"]
SILENT_ON_WRITES = ["server_error", "drop_before", "hang"]


# --- reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*BROKEN, "drop_after", "hang_after", "slow"])
async def test_a_read_is_repeated_twice_at_most(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()

    desk.simulator.faults.switch_on(fault, times=2, only="read")
    assert (await desk.look(call.id)).connected
    assert len(desk.asked()) == 3

    desk.simulator.faults.switch_on(fault, only="read")
    with pytest.raises(GenesysUnavailable):
        await desk.start(call.id)
    assert len(desk.asked()) == 6
    assert desk.writes() == 0


async def test_an_unavailable_genesys_leaves_its_evidence(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("server_error")

    with pytest.raises(GenesysUnavailable) as unavailable:
        await desk.look(call.id)

    last = desk.simulator.requests[-1]
    evidence = unavailable.value.evidence
    assert (evidence.http_status, evidence.code) == (503, "service.unavailable")
    assert evidence.correlation_id == last.correlation_id
    assert evidence.context_id


async def test_a_read_stops_at_its_deadline(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("server_error")
    desk.patience = 0.3

    with pytest.raises(GenesysUnavailable):
        await desk.look(call.id)

    assert len(desk.asked()) == 2


@pytest.mark.parametrize("verb", ["start", "stop", "look"])
async def test_nothing_is_sent_after_the_deadline(desk: Desk, verb: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.patience = 0.0

    with pytest.raises(GenesysUnavailable):
        await getattr(desk, verb)(target)

    assert desk.asked() == []


async def test_time_outs_shrink_with_the_time_that_is_left(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.client.login()
    desk.simulator.faults.switch_on("hang", only="read")
    desk.patience = 0.05  # of real time as well, though the client may wait 60 s for an answer

    async with asyncio.timeout(5):
        with pytest.raises(GenesysUnavailable):
            await desk.look(call.id)

    await desk.simulator.wait_until(lambda: len(desk.asked()) == 1)


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("forbidden", PermissionMissing, "missing.permissions"),
        ("not_a_user", UserContextNeeded, "not.a.user"),
        ("unauthorised", LoginRefused, "bad.credentials"),
        ("conflict", Conflict, "request.conflict"),
    ],
)
async def test_a_refused_write_is_a_plain_error(desk: Desk, fault: str, error: type[GenesysError], code: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(error) as refused:
        await desk.start(call.id)

    assert type(refused.value) is error
    evidence = refused.value.evidence
    assert evidence.code == code
    assert evidence.correlation_id in {write.correlation_id for write in desk.simulator.writes()}
    assert desk.simulator.recording_starts(call.id) == 0


async def test_a_missing_permission_is_named(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("forbidden", only="write")

    with pytest.raises(PermissionMissing) as missing:
        await desk.start(call.id)

    assert missing.value.permission == "conversation:call:record"
    assert "conversation:call:record" in str(missing.value)
    assert desk.asked() == ["GET 200", "PATCH 403"]


@pytest.mark.parametrize("only", ["read", "write"])
async def test_an_expired_token_costs_one_login_and_one_repeat(desk: Desk, only: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("unauthorised", times=1, only=only)

    effect = await desk.start(call.id)

    assert effect.created
    assert desk.simulator.logins.count == 2
    assert len(desk.asked()) == 4
    assert desk.simulator.recording_starts(call.id) == 1


async def test_a_token_that_stays_refused_is_tried_twice(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("unauthorised")

    with pytest.raises(LoginRefused):
        await desk.look(call.id)

    assert desk.asked() == ["GET 401", "GET 401"]
    assert not desk.client.health().usable


# --- conflicts ----------------------------------------------------------------------------------------------------


async def test_a_conflict_is_settled_by_one_more_try(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("conflict", times=1)

    effect = await desk.start(call.id)

    assert effect.created
    assert desk.asked() == ["GET 200", "PATCH 409", "GET 200", "PATCH 202", "GET 200"]


async def test_a_conflict_that_stays_is_an_error_after_two_tries(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("conflict")

    with pytest.raises(Conflict):
        await desk.stop(target)

    assert desk.asked() == ["PATCH 409", "GET 200", "PATCH 409", "GET 200"]
    assert desk.simulator.effective_recording(call.id) == "active"


async def test_a_conflict_with_somebody_who_wanted_the_same_is_success(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("conflict")
    desk.simulator.on_write(lambda _: desk.simulator.set_recording(call.id))

    effect = await desk.start(call.id)

    assert not effect.created
    assert effect.evidence.http_status == 409
    assert desk.asked() == ["GET 200", "PATCH 409", "GET 200"]


# --- writes whose outcome is open -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_write_that_took_effect_without_an_answer_is_found_by_reading(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, only="write")

    effect = await desk.start(call.id)

    assert effect.created
    assert desk.writes() == 1
    assert len(desk.asked()) == 3
    assert desk.simulator.recording_starts(call.id) == 1


@pytest.mark.parametrize("fault", SILENT_ON_WRITES)
@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_a_write_without_answer_or_effect_is_never_repeated(desk: Desk, fault: str, verb: str) -> None:
    call = desk.simulator.add_call(recording=verb == "stop")
    target = await desk.started(call.id) if verb == "stop" else call.id
    began = desk.clock.monotonic()
    desk.clock.slept.clear()
    desk.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(OutcomeUnknown):
        await getattr(desk, verb)(target)

    assert desk.writes() == 1
    assert desk.clock.slept == pytest.approx([0.1, 0.15, 0.35, 0.9, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    assert desk.clock.monotonic() - began < desk.patience


async def test_an_unknown_outcome_carries_the_evidence_of_the_write(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("server_error", only="write")

    with pytest.raises(OutcomeUnknown) as unknown:
        await desk.start(call.id)

    evidence = unknown.value.evidence
    assert (evidence.http_status, evidence.code) == (503, "service.unavailable")
    assert evidence.correlation_id == desk.simulator.writes()[0].correlation_id


async def test_an_accepted_change_that_never_comes_is_unknown(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("write_ignored")

    with pytest.raises(OutcomeUnknown) as unknown:
        await desk.start(call.id)

    assert unknown.value.evidence.http_status == 202
    assert desk.writes() == 1


async def test_a_change_that_comes_late_is_waited_for(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("write_ignored")
    desk.simulator.effects.delay = 60

    async def land(seconds: float) -> None:
        if len(desk.clock.slept) == 2:
            desk.simulator.set_recording(call.id)
        desk.clock.slept.append(seconds)
        desk.clock.advance(seconds)

    desk.clock.sleep = land  # type: ignore[method-assign]

    effect = await desk.start(call.id)

    assert effect.created
    assert desk.clock.slept == pytest.approx([0.1, 0.15, 0.35])
    assert desk.writes() == 1


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_confirmation_that_can_not_be_read_is_tried_until_the_deadline(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on(fault, times=3, only="read")

    effect = await desk.stop(target)
    assert effect.created
    assert len(desk.asked()) == 5

    target = await desk.started(call.id)
    desk.simulator.faults.switch_on(fault, only="read")
    desk.patience = 4.0
    with pytest.raises(OutcomeUnknown):
        await desk.stop(target)
    assert desk.asked().count("PATCH 202") == 1
    assert len(desk.asked()) > 4


@pytest.mark.parametrize("fault", ["forbidden", "unauthorised", "not_a_user"])
async def test_a_confirmation_that_is_refused_leaves_the_outcome_unknown(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on(fault, only="read")

    with pytest.raises(OutcomeUnknown) as unknown:
        await desk.stop(target)

    assert isinstance(unknown.value.__cause__, GenesysError)
    assert desk.writes() == 1


async def test_a_refused_connection_is_tried_again_and_never_called_unknown(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    await desk.simulator.stop()

    with pytest.raises(GenesysUnavailable):
        await desk.stop(target)

    assert [seen.error for seen in desk.seen[-3:]] == ["not_connected"] * 3


# --- states that are not said ----------------------------------------------------------------------------------------


async def test_a_start_waits_for_a_state_that_is_not_said(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("null_state", times=1)

    assert (await desk.start(call.id)).created
    assert desk.asked() == ["GET 200", "GET 200", "PATCH 202", "GET 200"]


async def test_a_start_sends_nothing_where_the_state_is_never_said(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("null_state")

    with pytest.raises(RecordingNotSaid) as open_question:
        await desk.start(call.id)
    assert open_question.value.kind == "recording_not_said"  # "unavailable" would not be true: it answers
    assert desk.asked() == ["GET 200"] * 3


async def test_a_state_that_is_not_said_confirms_nothing(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("null_state")

    with pytest.raises(OutcomeUnknown):
        await desk.stop(target)
    assert desk.writes() == 1
