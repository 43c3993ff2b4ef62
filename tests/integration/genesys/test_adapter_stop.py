"""A stop undoes what the start did; a secure pause can be begun and ended whatever records the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import CallEnded, GenesysUnavailable, OutcomeUnknown
from bot.recording.models import Mechanism, Target

if TYPE_CHECKING:
    from tests.integration.genesys.desk import Desk


async def test_an_ad_hoc_recording_is_stopped_with_two_requests(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)

    effect = await desk.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, True)
    assert desk.asked() == ["PATCH 202", "GET 200"]
    assert desk.simulator.requests[0].body == {"recording": False}
    assert desk.simulator.effective_recording(call.id) == "none"


async def test_a_policy_recording_is_put_into_secure_pause(desk: Desk) -> None:
    call = desk.simulator.add_call(policy_recording="active")
    target = await desk.started(call.id)

    effect = await desk.stop(target)

    assert effect.mechanism is Mechanism.POLICY
    assert desk.asked() == ["PUT 202", "GET 200"]
    assert (desk.simulator.effective_recording(call.id), call.secure_pause) == ("paused", True)


async def test_only_the_chosen_side_has_to_be_quiet(desk: Desk) -> None:
    call = desk.simulator.add_call(agents=2)
    one, other = call.agents
    call.record_adhoc(one, on=True)
    call.record_adhoc(other, on=True)

    await desk.stop(Target(call.id, participant_id=one.id, mechanism=Mechanism.ADHOC))

    assert (one.adhoc, other.adhoc) == (False, True)
    assert desk.asked() == ["PATCH 202", "GET 200"]


async def test_stopping_what_somebody_else_has_stopped_succeeds(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.set_recording(call.id, on=False)

    await desk.stop(target)

    assert desk.asked() == ["PATCH 202", "GET 200"]


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_stop_without_a_mechanism_reads_first(desk: Desk, policy: str | None) -> None:
    call = desk.simulator.add_call(policy_recording=policy, recording=policy is None)

    effect = await desk.stop(call.id)

    assert effect.mechanism is (Mechanism.ADHOC if policy is None else Mechanism.POLICY)
    assert effect.created
    assert len(desk.asked()) == 3
    assert desk.simulator.effective_recording(call.id) != "active"


async def test_a_stop_without_a_mechanism_guesses_nothing(desk: Desk) -> None:
    call = desk.simulator.add_call(recording=True)
    desk.simulator.faults.switch_on("null_state")
    with pytest.raises(GenesysUnavailable):
        await desk.stop(call.id)
    assert desk.writes() == 0

    del desk.simulator.calls[call.id]
    with pytest.raises(CallEnded):
        await desk.stop(call.id)


async def test_an_ad_hoc_recording_whose_agent_is_not_known_is_found(desk: Desk) -> None:
    call = desk.simulator.add_call(agents=2, recording=True)

    await desk.stop(Target(call.id, mechanism=Mechanism.ADHOC))

    assert desk.asked() == ["GET 200", "PATCH 202", "GET 200"]
    assert desk.simulator.effective_recording(call.id) == "none"


async def test_a_stop_where_nothing_is_recorded_sends_nothing(desk: Desk) -> None:
    call = desk.simulator.add_call()

    effect = await desk.stop(call.id)

    assert not effect.created
    assert desk.asked() == ["GET 200"]


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_stop_after_the_call_says_that_it_has_ended(desk: Desk, policy: str | None) -> None:
    call = desk.simulator.add_call(policy_recording=policy)
    target = await desk.started(call.id)
    desk.simulator.hang_up(call.id)

    with pytest.raises(CallEnded) as ended:
        await desk.stop(target)

    assert ended.value.evidence.http_status == 400
    assert desk.writes() == 1


async def test_a_stop_after_the_agent_has_left_says_that_the_call_has_ended(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.agent_joins(call.id, "Tom Becker")
    desk.simulator.agent_leaves(call.id, target.participant_id)

    with pytest.raises(CallEnded):
        await desk.stop(target)


async def test_a_stop_of_a_call_that_is_gone_says_that_it_has_ended(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    del desk.simulator.calls[call.id]

    with pytest.raises(CallEnded) as ended:
        await desk.stop(target)
    assert ended.value.evidence.http_status == 404


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_recording_is_paused_and_resumed_with_two_requests_each(desk: Desk, policy: str | None) -> None:
    call = desk.simulator.add_call(policy_recording=policy)
    target = await desk.started(call.id)

    paused = await desk.pause(target)
    assert (paused.mechanism, paused.created) == (target.mechanism, True)
    assert (desk.simulator.effective_recording(call.id), call.secure_pause) == ("paused", True)

    resumed = await desk.resume(target)
    assert resumed.mechanism is target.mechanism
    assert desk.simulator.effective_recording(call.id) == "active"
    assert desk.asked() == ["PUT 202", "GET 200", "PUT 202", "GET 200"]


async def test_a_pause_of_nothing_stays_unknown(desk: Desk) -> None:
    call = desk.simulator.add_call()

    with pytest.raises(OutcomeUnknown):
        await desk.pause(call.id)

    assert desk.writes() == 1


async def test_a_hold_is_not_taken_for_a_secure_pause(desk: Desk) -> None:
    call = desk.simulator.add_call(policy_recording="active")
    target = await desk.started(call.id)
    desk.simulator.hold(call.id)
    desk.simulator.faults.switch_on("write_ignored")

    for verb in (desk.pause, desk.stop):
        with pytest.raises(OutcomeUnknown):
            await verb(target)

    assert desk.simulator.effective_recording(call.id) == "paused"
    assert desk.writes() == 2
