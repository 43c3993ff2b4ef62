"""A start picks its mechanism by what the call shows, and believes only its last reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import (
    AgentLeft,
    CallEnded,
    CallNotFound,
    CallOnHold,
    GenesysError,
    NoAgentConnected,
    NotAVoiceCall,
    SeveralAgents,
)
from bot.genesys.effect_times import READ_AT
from bot.recording.call import CallRecording
from bot.recording.models import Mechanism, Target
from bot.sandbox.genesys.state import seed

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench

UNHEARD_OF = "9d1c7d9e-0f0f-4c55-9f32-0a7c2f6f2a11"


async def test_a_plain_call_is_recorded_ad_hoc_with_three_requests(bench: Bench) -> None:
    call = bench.simulator.add_call(agent="Priya Nair")

    effect = await bench.start(call.id, reason_code="complaint")

    assert (effect.mechanism, effect.created) == (Mechanism.ADHOC, True)
    assert effect.agent is not None
    assert (effect.agent.id, effect.agent.user_id) == (call.agents[0].id, call.agents[0].user_id)
    assert (effect.agent.name, effect.agent.queue_id) == ("Priya Nair", call.agents[0].queue_id)
    assert bench.asked() == ["GET 200", "PATCH 202", "GET 200"]
    assert effect.evidence.http_status == 202
    assert effect.evidence.correlation_id == bench.simulator.writes()[0].correlation_id
    assert bench.simulator.effective_recording(call.id) == "active"
    assert bench.clock.slept == pytest.approx([READ_AT[0]])


async def test_a_recorded_call_is_adopted_with_one_request(bench: Bench) -> None:
    by_policy = bench.simulator.add_call(policy_recording="active")
    ad_hoc = bench.simulator.add_call(recording=True, agents=2)

    adopted = await bench.start(by_policy.id)
    assert (adopted.mechanism, adopted.created) == (Mechanism.POLICY, False)
    assert adopted.agent is not None
    assert bench.asked() == ["GET 200"]

    adopted = await bench.start(ad_hoc.id)
    assert (adopted.mechanism, adopted.created) == (Mechanism.ADHOC, False)
    assert adopted.agent is not None
    assert adopted.agent.id == ad_hoc.agents[0].id
    assert bench.writes() == 0


async def test_a_secure_pause_is_ended(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="paused", secure_pause=True)

    effect = await bench.start(call.id)

    assert (effect.mechanism, effect.created) == (Mechanism.POLICY, True)
    assert bench.asked() == ["GET 200", "PUT 202", "GET 200"]
    assert bench.simulator.effective_recording(call.id) == "active"


@pytest.mark.parametrize(
    ("conversation_id", "error"),
    [
        (seed.ON_HOLD, CallOnHold),
        (seed.WAITING, NoAgentConnected),
        (seed.ENDED, CallEnded),
        (seed.CHAT, NotAVoiceCall),
        (UNHEARD_OF, CallNotFound),
    ],
)
async def test_what_cannot_be_recorded_is_refused_without_a_write(
    bench: Bench, conversation_id: str, error: type[GenesysError]
) -> None:
    bench.simulator.seed()

    with pytest.raises(error) as refused:
        await bench.start(conversation_id)

    assert type(refused.value) is error
    assert refused.value.evidence.correlation_id == bench.simulator.requests[0].correlation_id
    assert bench.writes() == 0


async def test_of_several_agents_one_has_to_be_chosen(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    first, second = (agent.id for agent in call.agents)

    with pytest.raises(SeveralAgents) as undecided:
        await bench.start(call.id)
    assert [(agent.id, agent.name) for agent in undecided.value.agents] == [
        (first, "Priya Nair"),
        (second, "Tom Becker"),
    ]

    effect = await bench.start(Target(call.id, participant_id=second))
    assert effect.agent is not None
    assert effect.agent.id == second
    assert [agent.adhoc for agent in call.agents] == [False, True]


async def test_an_agent_who_has_left_cannot_be_chosen(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    chosen = call.agents[0].id
    bench.simulator.agent_leaves(call.id, chosen)

    with pytest.raises(AgentLeft) as left:
        await bench.start(Target(call.id, participant_id=chosen))
    assert [agent.name for agent in left.value.agents] == ["Tom Becker"]
    assert bench.writes() == 0


async def test_an_agent_can_be_chosen_by_their_user_id(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    user_id = call.agents[1].user_id

    effect = await bench.start(Target(call.id, agent_user_id=user_id))

    assert effect.agent is not None
    assert effect.agent.user_id == user_id
    assert [agent.adhoc for agent in call.agents] == [False, True]
    with pytest.raises(AgentLeft):
        await bench.start(Target(bench.simulator.add_call(agents=1).id, agent_user_id=user_id))


async def test_a_chosen_agent_who_joined_again_is_still_the_chosen_one(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    first = call.agents[0]
    bench.simulator.agent_leaves(call.id, first.id)
    bench.simulator.agent_joins(call.id, first.name)

    effect = await bench.start(Target(call.id, participant_id=first.id, agent_user_id=first.user_id))

    assert effect.agent is not None
    assert (effect.agent.user_id, effect.agent.id == first.id) == (first.user_id, False)


async def test_who_was_chosen_is_no_matter_to_a_session(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    second = call.agents[1]

    effect = await bench.on_sessions().start(Target(call.id, agent_user_id=second.user_id))
    assert effect.agent is not None
    assert effect.agent.id == second.id

    other = bench.simulator.add_call(agents=2)
    assert (await bench.on_sessions().start(Target(other.id, agent_user_id="gone"))).agent is None


@pytest.mark.parametrize("role", ["monitor", "coach", "barge"])
async def test_a_supervisor_listening_in_is_no_agent(bench: Bench, role: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.agent_joins(call.id, "Sofie Lindqvist", role=role)

    effect = await bench.start(call.id)

    assert effect.agent is not None
    assert effect.agent.id == call.agents[0].id


async def test_a_call_that_ends_meanwhile_is_said_to_have_ended(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.on_write(lambda _: bench.simulator.hang_up(call.id))

    with pytest.raises(CallEnded) as ended:
        await bench.start(call.id)

    assert ended.value.evidence.code == "conversation.error.participant.no.active.conversations"
    assert bench.asked() == ["GET 200", "PATCH 400", "GET 200"]


async def test_an_agent_who_leaves_meanwhile_leaves_a_call_that_goes_on(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.on_write(lambda _: transfer())

    def transfer() -> None:
        bench.simulator.transfers.blind(call, "Tom Becker")

    with pytest.raises(AgentLeft) as left:
        await bench.start(call.id)

    assert [agent.name for agent in left.value.agents] == ["Tom Becker"]
    assert left.value.evidence.http_status == 400
    assert bench.asked() == ["GET 200", "PATCH 400", "GET 200"]


async def test_an_agent_who_leaves_before_the_recording_shows_is_not_waited_for(bench: Bench) -> None:
    """The write was accepted, and no reading will ever show its effect: that is said at once, not after 25 s."""
    call = bench.simulator.add_call()

    async def transfer(seconds: float) -> None:
        bench.clock.advance(seconds)
        if len(call.agents) == 1 and call.agents[0].name != "Tom Becker":
            bench.simulator.transfers.blind(call, "Tom Becker")

    bench.clock.sleep = transfer  # type: ignore[method-assign]

    with pytest.raises(AgentLeft) as left:
        await bench.start(call.id)
    assert [agent.name for agent in left.value.agents] == ["Tom Becker"]
    assert bench.asked() == ["GET 200", "PATCH 202", "GET 200", "GET 200"]


async def test_a_call_that_a_policy_records_as_well_is_adopted_with_both(bench: Bench) -> None:
    call = bench.simulator.add_call(recording=True)
    bench.simulator.policy_takes_hold(call.id)

    adopted = await bench.start(call.id)
    assert (adopted.mechanism, adopted.created, adopted.recorders) == (Mechanism.ADHOC, False, frozenset({"policy"}))


async def test_a_call_that_ends_before_its_recording_shows_has_ended(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("write_ignored")

    async def hang_up(seconds: float) -> None:
        bench.simulator.hang_up(call.id)
        bench.clock.advance(seconds)

    bench.clock.sleep = hang_up  # type: ignore[method-assign]

    with pytest.raises(CallEnded):
        await bench.start(call.id)
    assert bench.asked() == ["GET 200", "PATCH 202", "GET 200"]


async def test_a_call_that_only_rings_has_nobody_to_record(bench: Bench) -> None:
    call = bench.simulator.add_call()
    for participant in call.participants:
        participant.state = "alerting"

    with pytest.raises(NoAgentConnected):
        await bench.start(call.id)
    assert not (await bench.look(call.id)).connected


async def test_an_agent_going_on_hold_does_not_hide_a_start(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="paused", secure_pause=True)
    bench.simulator.on_write(lambda _: bench.simulator.hold(call.id))

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.asked() == ["GET 200", "PUT 202", "GET 200"]


async def test_a_look_takes_one_request(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="paused", secure_pause=True)

    seen = await bench.look(call.id)

    assert (seen.id, seen.connected, seen.recording) == (call.id, True, CallRecording.PAUSED)
    assert (seen.mechanism, seen.secure_pause, seen.on_hold) == (Mechanism.POLICY, True, False)
    assert [agent.id for agent in seen.agents] == [call.agents[0].id]
    assert bench.asked() == ["GET 200"]


async def test_a_look_says_when_there_is_nothing_to_see(bench: Bench) -> None:
    bench.simulator.seed()
    with pytest.raises(CallEnded):
        await bench.look(seed.ENDED)
    with pytest.raises(CallNotFound):
        await bench.look(UNHEARD_OF)
    assert bench.asked() == ["GET 200", "GET 404"]
