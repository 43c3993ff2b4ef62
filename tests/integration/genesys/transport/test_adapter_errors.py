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
    from tests.integration.genesys.bench import Bench

BROKEN = ["server_error", "drop_before", "hang", "junk"]
SILENT_ON_WRITES = ["server_error", "drop_before", "hang"]


# --- reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*BROKEN, "drop_after", "hang_after", "slow"])
async def test_a_read_is_repeated_twice_at_most(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()

    bench.simulator.faults.switch_on(fault, times=2, only="read")
    assert (await bench.look(call.id)).connected
    assert len(bench.asked()) == 3

    bench.simulator.faults.switch_on(fault, only="read")
    with pytest.raises(GenesysUnavailable):
        await bench.start(call.id)
    assert len(bench.asked()) == 6
    assert bench.writes() == 0


async def test_an_unavailable_genesys_leaves_its_evidence(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("server_error")

    with pytest.raises(GenesysUnavailable) as unavailable:
        await bench.look(call.id)

    last = bench.simulator.requests[-1]
    evidence = unavailable.value.evidence
    assert (evidence.http_status, evidence.code) == (503, "service.unavailable")
    assert evidence.correlation_id == last.correlation_id
    assert evidence.context_id


async def test_a_read_stops_at_its_deadline(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("server_error")
    bench.patience = 0.3

    with pytest.raises(GenesysUnavailable):
        await bench.look(call.id)

    assert len(bench.asked()) == 2


@pytest.mark.parametrize("verb", ["start", "stop", "look"])
async def test_nothing_is_sent_after_the_deadline(bench: Bench, verb: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.patience = 0.0

    with pytest.raises(GenesysUnavailable):
        await getattr(bench, verb)(target)

    assert bench.asked() == []


async def test_time_outs_shrink_with_the_time_that_is_left(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.client.login()
    bench.simulator.faults.switch_on("hang", only="read")
    bench.patience = 0.05  # of real time as well, though the client may wait 60 s for an answer

    async with asyncio.timeout(5):
        with pytest.raises(GenesysUnavailable):
            await bench.look(call.id)

    await bench.simulator.wait_until(lambda: len(bench.asked()) == 1)


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
async def test_a_refused_write_is_a_plain_error(bench: Bench, fault: str, error: type[GenesysError], code: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(error) as refused:
        await bench.start(call.id)

    assert type(refused.value) is error
    evidence = refused.value.evidence
    assert evidence.code == code
    assert evidence.correlation_id in {write.correlation_id for write in bench.simulator.writes()}
    assert bench.simulator.recording_starts(call.id) == 0


async def test_a_missing_permission_is_named(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("forbidden", only="write")

    with pytest.raises(PermissionMissing) as missing:
        await bench.start(call.id)

    assert missing.value.permission == "conversation:call:record"
    assert "conversation:call:record" in str(missing.value)
    assert bench.asked() == ["GET 200", "PATCH 403"]


@pytest.mark.parametrize("only", ["read", "write"])
async def test_an_expired_token_costs_one_login_and_one_repeat(bench: Bench, only: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("unauthorised", times=1, only=only)

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.simulator.logins.count == 2
    assert len(bench.asked()) == 4
    assert bench.simulator.recording_starts(call.id) == 1


async def test_a_token_that_stays_refused_is_tried_twice(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("unauthorised")

    with pytest.raises(LoginRefused):
        await bench.look(call.id)

    assert bench.asked() == ["GET 401", "GET 401"]
    assert not bench.client.health().usable


# --- conflicts ----------------------------------------------------------------------------------------------------


async def test_a_conflict_is_settled_by_one_more_try(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("conflict", times=1)

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.asked() == ["GET 200", "PATCH 409", "GET 200", "PATCH 202", "GET 200"]


async def test_a_conflict_that_stays_is_an_error_after_two_tries(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("conflict")

    with pytest.raises(Conflict):
        await bench.stop(target)

    assert bench.asked() == ["PATCH 409", "GET 200", "PATCH 409", "GET 200"]
    assert bench.simulator.effective_recording(call.id) == "active"


async def test_a_conflict_with_somebody_who_wanted_the_same_is_success(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("conflict")
    bench.simulator.on_write(lambda _: bench.simulator.set_recording(call.id))

    effect = await bench.start(call.id)

    assert not effect.created
    assert effect.evidence.http_status == 409
    assert bench.asked() == ["GET 200", "PATCH 409", "GET 200"]


# --- writes whose outcome is open -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_write_that_took_effect_without_an_answer_is_found_by_reading(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, only="write")

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.writes() == 1
    assert len(bench.asked()) == 3
    assert bench.simulator.recording_starts(call.id) == 1


@pytest.mark.parametrize("fault", SILENT_ON_WRITES)
@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_a_write_without_answer_or_effect_is_never_repeated(bench: Bench, fault: str, verb: str) -> None:
    call = bench.simulator.add_call(recording=verb == "stop")
    target = await bench.started(call.id) if verb == "stop" else call.id
    began = bench.clock.monotonic()
    bench.clock.slept.clear()
    bench.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(OutcomeUnknown):
        await getattr(bench, verb)(target)

    assert bench.writes() == 1
    assert bench.clock.slept == pytest.approx([0.1, 0.15, 0.35, 0.9, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    assert bench.clock.monotonic() - began < bench.patience


async def test_an_unknown_outcome_carries_the_evidence_of_the_write(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("server_error", only="write")

    with pytest.raises(OutcomeUnknown) as unknown:
        await bench.start(call.id)

    evidence = unknown.value.evidence
    assert (evidence.http_status, evidence.code) == (503, "service.unavailable")
    assert evidence.correlation_id == bench.simulator.writes()[0].correlation_id


async def test_an_accepted_change_that_never_comes_is_unknown(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("write_ignored")

    with pytest.raises(OutcomeUnknown) as unknown:
        await bench.start(call.id)

    assert unknown.value.evidence.http_status == 202
    assert bench.writes() == 1


async def test_a_change_that_comes_late_is_waited_for(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("write_ignored")
    bench.simulator.effects.delay = 60

    async def land(seconds: float) -> None:
        if len(bench.clock.slept) == 2:
            bench.simulator.set_recording(call.id)
        bench.clock.slept.append(seconds)
        bench.clock.advance(seconds)

    bench.clock.sleep = land  # type: ignore[method-assign]

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.clock.slept == pytest.approx([0.1, 0.15, 0.35])
    assert bench.writes() == 1


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_confirmation_that_can_not_be_read_is_tried_until_the_deadline(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on(fault, times=3, only="read")

    effect = await bench.stop(target)
    assert effect.created
    assert len(bench.asked()) == 5

    target = await bench.started(call.id)
    bench.simulator.faults.switch_on(fault, only="read")
    bench.patience = 4.0
    with pytest.raises(OutcomeUnknown):
        await bench.stop(target)
    assert bench.asked().count("PATCH 202") == 1
    assert len(bench.asked()) > 4


@pytest.mark.parametrize("fault", ["forbidden", "unauthorised", "not_a_user"])
async def test_a_confirmation_that_is_refused_leaves_the_outcome_unknown(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on(fault, only="read")

    with pytest.raises(OutcomeUnknown) as unknown:
        await bench.stop(target)

    assert isinstance(unknown.value.__cause__, GenesysError)
    assert bench.writes() == 1


async def test_a_refused_connection_is_tried_again_and_never_called_unknown(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    await bench.simulator.stop()

    with pytest.raises(GenesysUnavailable):
        await bench.stop(target)

    assert [seen.error for seen in bench.seen[-3:]] == ["not_connected"] * 3


# --- states that are not said ----------------------------------------------------------------------------------------


async def test_a_start_waits_for_a_state_that_is_not_said(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("null_state", times=1)

    assert (await bench.start(call.id)).created
    assert bench.asked() == ["GET 200", "GET 200", "PATCH 202", "GET 200"]


async def test_a_start_sends_nothing_where_the_state_is_never_said(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("null_state")

    with pytest.raises(RecordingNotSaid) as open_question:
        await bench.start(call.id)
    assert open_question.value.kind == "recording_not_said"  # "unavailable" would not be true: it answers
    assert bench.asked() == ["GET 200"] * 3


async def test_a_state_that_is_not_said_confirms_nothing(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("null_state")

    with pytest.raises(OutcomeUnknown):
        await bench.stop(target)
    assert bench.writes() == 1
