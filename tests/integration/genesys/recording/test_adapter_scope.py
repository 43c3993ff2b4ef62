"""A start asks whether it is permitted once it has read the call, and before it sends anything that changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import OutOfScope
from bot.recording.caller import Principal, Role, Scope
from bot.recording.models import Target
from bot.recording.permissions import require_agent

if TYPE_CHECKING:
    from bot.recording.models import ConfirmedChange
    from bot.recording.ports import Permit
    from tests.integration.genesys.bench import Bench

SOMEBODY_ELSES = Scope(everything=False, queues=frozenset({"another-queue"}), agents=frozenset({"another-user"}))


def permit_within(scope: Scope) -> Permit:
    caller = Principal("slack:T0SANDBOX:U0GRACE", frozenset({Role.SUPERVISOR}), scope=scope)
    return lambda agent: require_agent(caller, agent)


async def start(bench: Bench, target: Target, scope: Scope) -> ConfirmedChange:
    return await bench.control.start(target, bench.how, reason_code=None, permit=permit_within(scope))


@pytest.mark.parametrize("policy", [None, "active", "paused"])
async def test_a_call_outside_is_read_and_left_alone(bench: Bench, policy: str | None) -> None:
    secure = {} if policy is None else {"policy_recording": policy, "secure_pause": policy == "paused"}
    call = bench.simulator.add_call(**secure)
    with pytest.raises(OutOfScope):
        await start(bench, Target(call.id), SOMEBODY_ELSES)
    assert bench.simulator.writes() == []


@pytest.mark.parametrize("policy", [None, "active", "paused"])
async def test_a_call_of_ones_own_queue_is_recorded(bench: Bench, policy: str | None) -> None:
    secure = {} if policy is None else {"policy_recording": policy, "secure_pause": policy == "paused"}
    call = bench.simulator.add_call(**secure)
    own = Scope(everything=False, queues=frozenset({str(call.agents[0].queue_id)}))
    effect = await start(bench, Target(call.id), own)
    assert effect.agent is not None
    assert bench.simulator.effective_recording(call.id) == "active"


async def test_of_two_agents_only_ones_own_is_recorded(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2)
    mine, other = call.agents
    own = Scope(everything=False, agents=frozenset({str(mine.user_id)}))
    with pytest.raises(OutOfScope):
        await start(bench, Target(call.id, participant_id=other.id), own)
    with pytest.raises(OutOfScope):
        await start(bench, Target(call.id), SOMEBODY_ELSES)
    assert bench.simulator.writes() == []
    effect = await start(bench, Target(call.id, agent_user_id=mine.user_id), own)
    assert effect.agent is not None
    assert effect.agent.user_id == mine.user_id


async def test_a_policy_recording_of_which_nobody_can_tell_whose_it_is(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=2, policy_recording="active")
    own = Scope(everything=False, agents=frozenset({str(call.agents[0].user_id)}))
    with pytest.raises(OutOfScope) as refused:
        await start(bench, Target(call.id), own)
    assert refused.value.cause == "scope_unknown"


async def test_sessions_know_no_queue_so_only_the_unlimited_start_them(bench: Bench) -> None:
    sessions = bench.on_sessions()
    call = bench.simulator.add_call()
    own = Scope(everything=False, queues=frozenset({str(call.agents[0].queue_id)}))
    with pytest.raises(OutOfScope):
        await start(sessions, Target(call.id), own)
    assert bench.simulator.writes() == []
    assert (await start(sessions, Target(call.id), Scope())).created
