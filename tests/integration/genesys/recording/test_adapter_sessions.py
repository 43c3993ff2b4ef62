"""The tutorial's session API, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import (
    CallEnded,
    CallNotFound,
    Conflict,
    GenesysError,
    NoAgentConnected,
    NotAVoiceCall,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RequestRejected,
)
from bot.recording.call import CallRecording
from bot.recording.models import Mechanism, Target
from bot.sandbox.genesys.state import seed

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench

UNHEARD_OF = "9d1c7d9e-0f0f-4c55-9f32-0a7c2f6f2a11"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    return bench.on_sessions()


async def test_a_session_is_started_with_three_requests(bench: Bench) -> None:
    call = bench.simulator.add_call()

    effect = await bench.start(call.id, reason_code="complaint")

    assert (effect.mechanism, effect.created) == (Mechanism.SESSION, True)
    assert effect.session_id
    assert effect.agent is not None
    assert effect.agent.id == call.agents[0].id
    look, post, confirm = bench.simulator.requests
    assert (look.method, look.path) == ("GET", f"/api/v2/conversations/calls/{call.id}")
    assert (post.method, post.path) == ("POST", "/api/v2/recording/sessions")
    assert post.body == {"conversationId": call.id, "reasonCode": "complaint"}
    assert (confirm.method, confirm.path) == ("GET", f"/api/v2/recording/sessions/{effect.session_id}")
    assert effect.evidence.correlation_id == post.correlation_id


async def test_without_a_reason_the_body_has_none(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.start(call.id)
    assert bench.simulator.writes()[0].body == {"conversationId": call.id}


async def test_a_session_is_stopped_with_two_requests(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)

    effect = await bench.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.SESSION, True)
    assert bench.asked() == ["POST 200", "GET 200"]
    assert bench.simulator.requests[0].path == f"/api/v2/recording/sessions/{target.session_id}/stop"
    assert bench.simulator.requests[0].body is None
    assert bench.simulator.effective_recording(call.id) == "none"


async def test_a_session_that_is_there_is_adopted(bench: Bench) -> None:
    call = bench.simulator.add_call()
    first = await bench.started(call.id)

    effect = await bench.start(call.id)

    assert (effect.created, effect.session_id) == (False, first.session_id)
    assert bench.asked() == ["GET 200", "POST 409", "GET 200"]
    assert bench.simulator.requests[-1].query == {"conversationId": call.id}


@pytest.mark.parametrize(
    ("conversation_id", "error"),
    [(seed.ENDED, CallEnded), (seed.CHAT, NotAVoiceCall), (UNHEARD_OF, CallNotFound)],
)
async def test_what_is_no_live_call_is_refused_without_a_write(
    bench: Bench, conversation_id: str, error: type[GenesysError]
) -> None:
    bench.simulator.seed()
    with pytest.raises(error):
        await bench.start(conversation_id)
    assert bench.writes() == 0


async def test_a_call_where_nobody_is_connected_is_refused(bench: Bench) -> None:
    call = bench.simulator.add_call(agents=0)
    for participant in call.participants:
        participant.state = "alerting"
    with pytest.raises(NoAgentConnected):
        await bench.start(call.id)
    assert bench.writes() == 0


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_start_without_an_answer_is_found_by_its_conversation(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, only="write")

    effect = await bench.start(call.id)

    assert effect.created
    assert effect.session_id
    assert bench.writes() == 1
    assert bench.simulator.recording_starts(call.id) == 1


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "hang"])
async def test_a_start_without_effect_stays_unknown(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(OutcomeUnknown):
        await bench.start(call.id)

    assert bench.writes() == 1


@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_an_accepted_change_that_never_comes_is_unknown(bench: Bench, verb: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id) if verb == "stop" else call.id
    bench.simulator.faults.switch_on("write_ignored")
    with pytest.raises(OutcomeUnknown):
        await getattr(bench, verb)(target)
    assert bench.writes() == 1


async def test_a_session_that_somebody_else_stopped_is_as_wanted(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.set_recording(call.id, on=False)

    effect = await bench.stop(target)

    assert not effect.created
    assert bench.asked() == ["POST 409", "GET 200"]


async def test_a_conflict_that_stays_is_an_error_after_two_tries(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("conflict")
    with pytest.raises(Conflict):
        await bench.stop(target)
    assert bench.writes() == 2


async def test_a_session_that_is_gone_is_as_wanted_while_the_call_goes_on(bench: Bench) -> None:
    call = bench.simulator.add_call()

    effect = await bench.stop(Target(call.id, mechanism=Mechanism.SESSION, session_id=UNHEARD_OF))
    assert not effect.created
    assert effect.evidence.http_status == 404

    bench.simulator.hang_up(call.id)
    with pytest.raises(CallEnded):
        await bench.stop(Target(call.id, mechanism=Mechanism.SESSION, session_id=UNHEARD_OF))


async def test_a_stop_without_a_session_looks_for_it(bench: Bench) -> None:
    call = bench.simulator.add_call()
    nothing = await bench.stop(call.id)
    assert (nothing.created, nothing.session_id) == (False, None)

    target = await bench.started(call.id)
    effect = await bench.stop(call.id)
    assert (effect.created, effect.session_id) == (True, target.session_id)
    assert bench.asked() == ["GET 200", "POST 200", "GET 200"]

    again = await bench.stop(call.id)
    assert (again.created, again.session_id) == (False, target.session_id)


async def test_a_look_shows_the_call_and_its_session(bench: Bench) -> None:
    call = bench.simulator.add_call()
    before = await bench.look(call.id)
    assert (before.recording, before.session_id, before.mechanism) == (CallRecording.NONE, None, None)

    target = await bench.started(call.id)
    seen = await bench.look(target)
    assert (seen.recording, seen.mechanism) == (CallRecording.ACTIVE, Mechanism.SESSION)
    assert seen.session_id == target.session_id
    assert [agent.id for agent in seen.agents] == [call.agents[0].id]

    bench.simulator.set_recording(call.id, on=False)
    assert (await bench.look(target)).recording is CallRecording.NONE
    lost = await bench.look(Target(call.id, session_id=UNHEARD_OF))
    assert (lost.recording, lost.session_id) == (CallRecording.NONE, None)

    bench.simulator.hang_up(call.id)
    with pytest.raises(CallEnded):
        await bench.look(target)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("forbidden", PermissionMissing), ("rate_limited", RateLimited)],
)
async def test_a_refused_start_is_a_plain_error(bench: Bench, fault: str, error: type[GenesysError]) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, value=60, only="write")
    with pytest.raises(error):
        await bench.start(call.id)
    assert bench.writes() == 1


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_there_is_no_pause(bench: Bench, verb: str) -> None:
    with pytest.raises(RequestRejected, match="session API"):
        await getattr(bench, verb)(UNHEARD_OF)
    assert bench.asked() == []
