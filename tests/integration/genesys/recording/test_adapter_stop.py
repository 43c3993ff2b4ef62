"""A stop undoes what the start did; a secure pause can be begun and ended whatever records the call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import CallEnded, GenesysError, GenesysUnavailable, NotFound, OutcomeUnknown, UserContextNeeded
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


@pytest.mark.parametrize("how", ["endpoint", "transfer"])
async def test_a_stop_after_the_agent_has_left_is_done_while_the_call_goes_on(desk: Desk, how: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.agent_joins(call.id, "Tom Becker")
    desk.simulator.agent_leaves(call.id, target.participant_id, how=how)

    effect = await desk.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, False)
    assert effect.departure is not None
    assert (effect.departure.disconnect_type, effect.departure.transferred) == (how, how == "transfer")
    assert [agent.name for agent in effect.departure.successors] == ["Tom Becker"]
    assert effect.evidence.code == "conversation.error.participant.no.active.conversations"
    assert desk.asked() == ["PATCH 400", "GET 200"]


async def test_whether_a_stop_is_done_stays_open_where_the_call_cannot_be_read(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.agent_joins(call.id, "Tom Becker")
    desk.simulator.agent_leaves(call.id, target.participant_id)
    desk.simulator.faults.switch_on("server_error", only="read")

    with pytest.raises(OutcomeUnknown):
        await desk.stop(target)


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "resume"])
@pytest.mark.parametrize(("fault", "error"), [("not_on_the_call", UserContextNeeded), ("not_found", NotFound)])
async def test_a_refusal_that_is_not_about_the_call_ends_nothing(
    desk: Desk, fault: str, error: type[GenesysError], verb: str
) -> None:
    call = desk.simulator.add_call()
    target = call.id if verb == "start" else await desk.started(call.id)
    desk.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(error) as refused:
        await getattr(desk, verb)(target)

    assert type(refused.value) is error
    assert desk.writes() == 1
    assert desk.asked()[-1].startswith("GET 200") is (
        error is NotFound
    )  # a code that names its subject needs no reading


async def test_a_stop_that_finds_nothing_ends_the_recording_only_with_the_call(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("not_found", only="write")
    desk.simulator.hang_up(call.id)

    with pytest.raises(CallEnded):
        await desk.stop(target)
    assert desk.asked() == ["PATCH 404", "GET 200"]


async def test_an_ad_hoc_stop_settles_although_a_policy_records_the_same_leg(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.policy_takes_hold(call.id)

    effect = await desk.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, True)
    assert effect.recorders == frozenset({"policy"})
    assert desk.asked() == ["PATCH 202", "GET 200"]
    assert (call.adhoc, desk.simulator.effective_recording(call.id)) == (False, "active")

    effect = await desk.stop(Target(call.id, mechanism=Mechanism.ADHOC))  # whose side it was is not known any more
    assert (effect.created, desk.asked()[2:]) == (False, ["GET 200"])


async def test_an_ad_hoc_start_is_not_confirmed_by_a_policy_that_sets_in(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.on_write(lambda _: desk.simulator.policy_takes_hold(call.id))
    desk.simulator.faults.switch_on("write_ignored")

    with pytest.raises(OutcomeUnknown):
        await desk.start(call.id)


async def test_a_snippet_is_no_recording_and_is_left_alone(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.snippet(call.id)

    started = await desk.start(call.id)
    assert (started.mechanism, started.created, started.recorders) == (Mechanism.ADHOC, True, frozenset({"snippet"}))
    await desk.stop(Target(call.id, participant_id=call.agents[0].id, mechanism=Mechanism.ADHOC))
    assert (call.adhoc, call.agents[0].snippet) == (False, True)
    assert (await desk.look(call.id)).recorders == frozenset({"snippet"})


async def test_of_an_agent_who_dialed_again_the_connected_leg_counts(desk: Desk) -> None:
    call = desk.simulator.add_call(direction="outbound")
    target = await desk.started(call.id)
    desk.simulator.transfers.redial(call)

    effect = await desk.start(replace(target, mechanism=None))
    assert effect.created
    assert [leg.adhoc for leg in call.participants if leg.id == target.participant_id] == [False, True]
    await desk.stop(target)
    assert not call.adhoc


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
