"""A stop undoes what the start did; a secure pause can be begun and ended whatever records the call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.errors import CallEnded, GenesysError, GenesysUnavailable, NotFound, OutcomeUnknown, UserContextNeeded
from bot.recording.models import Mechanism, Target

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench


async def test_an_ad_hoc_recording_is_stopped_with_two_requests(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)

    effect = await bench.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, True)
    assert bench.asked() == ["PATCH 202", "GET 200"]
    assert bench.simulator.requests[0].body == {"recording": False}
    assert bench.simulator.effective_recording(call.id) == "none"


async def test_a_policy_recording_is_put_into_secure_pause(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="active")
    target = await bench.started(call.id)

    effect = await bench.stop(target)

    assert effect.mechanism is Mechanism.POLICY
    assert bench.asked() == ["PUT 202", "GET 200"]
    assert (bench.simulator.effective_recording(call.id), call.secure_pause) == ("paused", True)


async def test_only_the_chosen_side_has_to_be_quiet(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    one, other = call.agents
    call.record_adhoc(one, on=True)
    call.record_adhoc(other, on=True)

    await bench.stop(Target(call.id, participant_id=one.id, mechanism=Mechanism.ADHOC))

    assert (one.adhoc, other.adhoc) == (False, True)
    assert bench.asked() == ["PATCH 202", "GET 200"]


async def test_stopping_what_somebody_else_has_stopped_succeeds(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.set_recording(call.id, on=False)

    await bench.stop(target)

    assert bench.asked() == ["PATCH 202", "GET 200"]


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_stop_without_a_mechanism_reads_first(bench: Bench, policy: str | None) -> None:
    call = bench.simulator.add_call(policy_recording=policy, recording=policy is None)

    effect = await bench.stop(call.id)

    assert effect.mechanism is (Mechanism.ADHOC if policy is None else Mechanism.POLICY)
    assert effect.created
    assert len(bench.asked()) == 3
    assert bench.simulator.effective_recording(call.id) != "active"


async def test_a_stop_without_a_mechanism_guesses_nothing(bench: Bench) -> None:
    call = bench.simulator.add_call(recording=True)
    bench.simulator.faults.switch_on("null_state")
    with pytest.raises(GenesysUnavailable):
        await bench.stop(call.id)
    assert bench.writes() == 0

    del bench.simulator.calls[call.id]
    with pytest.raises(CallEnded):
        await bench.stop(call.id)


async def test_an_ad_hoc_recording_whose_agent_is_not_known_is_found(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2, recording=True)

    await bench.stop(Target(call.id, mechanism=Mechanism.ADHOC))

    assert bench.asked() == ["GET 200", "PATCH 202", "GET 200"]
    assert bench.simulator.effective_recording(call.id) == "none"


async def test_a_stop_where_nothing_is_recorded_sends_nothing(bench: Bench) -> None:
    call = bench.simulator.add_call()

    effect = await bench.stop(call.id)

    assert not effect.created
    assert bench.asked() == ["GET 200"]


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_stop_after_the_call_says_that_it_has_ended(bench: Bench, policy: str | None) -> None:
    call = bench.simulator.add_call(policy_recording=policy)
    target = await bench.started(call.id)
    bench.simulator.hang_up(call.id)

    with pytest.raises(CallEnded) as ended:
        await bench.stop(target)

    assert ended.value.evidence.http_status == 400
    assert bench.writes() == 1


@pytest.mark.parametrize("how", ["endpoint", "transfer"])
async def test_a_stop_after_the_agent_has_left_is_done_while_the_call_goes_on(bench: Bench, how: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.agent_joins(call.id, "Tom Becker")
    bench.simulator.agent_leaves(call.id, target.participant_id, how=how)

    effect = await bench.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, False)
    assert effect.departure is not None
    assert (effect.departure.disconnect_type, effect.departure.transferred) == (how, how == "transfer")
    assert [agent.name for agent in effect.departure.successors] == ["Tom Becker"]
    assert effect.evidence.code == "conversation.error.participant.no.active.conversations"
    assert bench.asked() == ["PATCH 400", "GET 200"]


async def test_whether_a_stop_is_done_stays_open_where_the_call_cannot_be_read(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.agent_joins(call.id, "Tom Becker")
    bench.simulator.agent_leaves(call.id, target.participant_id)
    bench.simulator.faults.switch_on("server_error", only="read")

    with pytest.raises(OutcomeUnknown):
        await bench.stop(target)


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "resume"])
@pytest.mark.parametrize(("fault", "error"), [("not_on_the_call", UserContextNeeded), ("not_found", NotFound)])
async def test_a_refusal_that_is_not_about_the_call_ends_nothing(
    bench: Bench, fault: str, error: type[GenesysError], verb: str
) -> None:
    call = bench.simulator.add_call()
    target = call.id if verb == "start" else await bench.started(call.id)
    bench.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(error) as refused:
        await getattr(bench, verb)(target)

    assert type(refused.value) is error
    assert bench.writes() == 1
    assert bench.asked()[-1].startswith("GET 200") is (
        error is NotFound
    )  # a code that names its subject needs no reading


async def test_a_stop_that_finds_nothing_ends_the_recording_only_with_the_call(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("not_found", only="write")
    bench.simulator.hang_up(call.id)

    with pytest.raises(CallEnded):
        await bench.stop(target)
    assert bench.asked() == ["PATCH 404", "GET 200"]


async def test_an_ad_hoc_stop_settles_although_a_policy_records_the_same_leg(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.policy_takes_hold(call.id)

    effect = await bench.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, True)
    assert effect.recorders == frozenset({"policy"})
    assert bench.asked() == ["PATCH 202", "GET 200"]
    assert (call.adhoc, bench.simulator.effective_recording(call.id)) == (False, "active")

    effect = await bench.stop(Target(call.id, mechanism=Mechanism.ADHOC))  # whose side it was is not known any more
    assert (effect.created, bench.asked()[2:]) == (False, ["GET 200"])


async def test_an_ad_hoc_start_is_not_confirmed_by_a_policy_that_sets_in(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.on_write(lambda _: bench.simulator.policy_takes_hold(call.id))
    bench.simulator.faults.switch_on("write_ignored")

    with pytest.raises(OutcomeUnknown):
        await bench.start(call.id)


async def test_a_snippet_is_no_recording_and_is_left_alone(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.snippet(call.id)

    started = await bench.start(call.id)
    assert (started.mechanism, started.created, started.recorders) == (Mechanism.ADHOC, True, frozenset({"snippet"}))
    await bench.stop(Target(call.id, participant_id=call.agents[0].id, mechanism=Mechanism.ADHOC))
    assert (call.adhoc, call.agents[0].snippet) == (False, True)
    assert (await bench.look(call.id)).recorders == frozenset({"snippet"})


async def test_of_an_agent_who_dialed_again_the_connected_leg_counts(bench: Bench) -> None:
    call = bench.simulator.add_call(direction="outbound")
    target = await bench.started(call.id)
    bench.simulator.transfers.redial(call)

    effect = await bench.start(replace(target, mechanism=None))
    assert effect.created
    assert [leg.adhoc for leg in call.participants if leg.id == target.participant_id] == [False, True]
    await bench.stop(target)
    assert not call.adhoc


async def test_a_stop_of_a_call_that_is_gone_says_that_it_has_ended(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    del bench.simulator.calls[call.id]

    with pytest.raises(CallEnded) as ended:
        await bench.stop(target)
    assert ended.value.evidence.http_status == 404


@pytest.mark.parametrize("policy", [None, "active"])
async def test_a_recording_is_paused_and_resumed_with_two_requests_each(bench: Bench, policy: str | None) -> None:
    call = bench.simulator.add_call(policy_recording=policy)
    target = await bench.started(call.id)

    paused = await bench.pause(target)
    assert (paused.mechanism, paused.created) == (target.mechanism, True)
    assert (bench.simulator.effective_recording(call.id), call.secure_pause) == ("paused", True)

    resumed = await bench.resume(target)
    assert resumed.mechanism is target.mechanism
    assert bench.simulator.effective_recording(call.id) == "active"
    assert bench.asked() == ["PUT 202", "GET 200", "PUT 202", "GET 200"]


async def test_a_pause_of_nothing_stays_unknown(bench: Bench) -> None:
    call = bench.simulator.add_call()

    with pytest.raises(OutcomeUnknown):
        await bench.pause(call.id)

    assert bench.writes() == 1


async def test_a_hold_is_not_taken_for_a_secure_pause(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="active")
    target = await bench.started(call.id)
    bench.simulator.hold(call.id)
    bench.simulator.faults.switch_on("write_ignored")

    for verb in (bench.pause, bench.stop):
        with pytest.raises(OutcomeUnknown):
            await verb(target)

    assert bench.simulator.effective_recording(call.id) == "paused"
    assert bench.writes() == 2
