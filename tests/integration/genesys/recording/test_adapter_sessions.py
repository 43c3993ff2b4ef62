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
    from tests.integration.genesys.desk import Desk

UNHEARD_OF = "9d1c7d9e-0f0f-4c55-9f32-0a7c2f6f2a11"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    return desk.on_sessions()


async def test_a_session_is_started_with_three_requests(desk: Desk) -> None:
    call = desk.simulator.add_call()

    effect = await desk.start(call.id, reason_code="complaint")

    assert (effect.mechanism, effect.created) == (Mechanism.SESSION, True)
    assert effect.session_id
    assert effect.agent is not None
    assert effect.agent.id == call.agents[0].id
    look, post, confirm = desk.simulator.requests
    assert (look.method, look.path) == ("GET", f"/api/v2/conversations/calls/{call.id}")
    assert (post.method, post.path) == ("POST", "/api/v2/recording/sessions")
    assert post.body == {"conversationId": call.id, "reasonCode": "complaint"}
    assert (confirm.method, confirm.path) == ("GET", f"/api/v2/recording/sessions/{effect.session_id}")
    assert effect.evidence.correlation_id == post.correlation_id


async def test_without_a_reason_the_body_has_none(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.start(call.id)
    assert desk.simulator.writes()[0].body == {"conversationId": call.id}


async def test_a_session_is_stopped_with_two_requests(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)

    effect = await desk.stop(target)

    assert (effect.mechanism, effect.created) == (Mechanism.SESSION, True)
    assert desk.asked() == ["POST 200", "GET 200"]
    assert desk.simulator.requests[0].path == f"/api/v2/recording/sessions/{target.session_id}/stop"
    assert desk.simulator.requests[0].body is None
    assert desk.simulator.effective_recording(call.id) == "none"


async def test_a_session_that_is_there_is_adopted(desk: Desk) -> None:
    call = desk.simulator.add_call()
    first = await desk.started(call.id)

    effect = await desk.start(call.id)

    assert (effect.created, effect.session_id) == (False, first.session_id)
    assert desk.asked() == ["GET 200", "POST 409", "GET 200"]
    assert desk.simulator.requests[-1].query == {"conversationId": call.id}


@pytest.mark.parametrize(
    ("conversation_id", "error"),
    [(seed.ENDED, CallEnded), (seed.CHAT, NotAVoiceCall), (UNHEARD_OF, CallNotFound)],
)
async def test_what_is_no_live_call_is_refused_without_a_write(
    desk: Desk, conversation_id: str, error: type[GenesysError]
) -> None:
    desk.simulator.seed()
    with pytest.raises(error):
        await desk.start(conversation_id)
    assert desk.writes() == 0


async def test_a_call_where_nobody_is_connected_is_refused(desk: Desk) -> None:
    call = desk.simulator.add_call(agents=0)
    for participant in call.participants:
        participant.state = "alerting"
    with pytest.raises(NoAgentConnected):
        await desk.start(call.id)
    assert desk.writes() == 0


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_start_without_an_answer_is_found_by_its_conversation(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, only="write")

    effect = await desk.start(call.id)

    assert effect.created
    assert effect.session_id
    assert desk.writes() == 1
    assert desk.simulator.recording_starts(call.id) == 1


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "hang"])
async def test_a_start_without_effect_stays_unknown(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, only="write")

    with pytest.raises(OutcomeUnknown):
        await desk.start(call.id)

    assert desk.writes() == 1


@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_an_accepted_change_that_never_comes_is_unknown(desk: Desk, verb: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id) if verb == "stop" else call.id
    desk.simulator.faults.switch_on("write_ignored")
    with pytest.raises(OutcomeUnknown):
        await getattr(desk, verb)(target)
    assert desk.writes() == 1


async def test_a_session_that_somebody_else_stopped_is_as_wanted(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.set_recording(call.id, on=False)

    effect = await desk.stop(target)

    assert not effect.created
    assert desk.asked() == ["POST 409", "GET 200"]


async def test_a_conflict_that_stays_is_an_error_after_two_tries(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("conflict")
    with pytest.raises(Conflict):
        await desk.stop(target)
    assert desk.writes() == 2


async def test_a_session_that_is_gone_is_as_wanted_while_the_call_goes_on(desk: Desk) -> None:
    call = desk.simulator.add_call()

    effect = await desk.stop(Target(call.id, mechanism=Mechanism.SESSION, session_id=UNHEARD_OF))
    assert not effect.created
    assert effect.evidence.http_status == 404

    desk.simulator.hang_up(call.id)
    with pytest.raises(CallEnded):
        await desk.stop(Target(call.id, mechanism=Mechanism.SESSION, session_id=UNHEARD_OF))


async def test_a_stop_without_a_session_looks_for_it(desk: Desk) -> None:
    call = desk.simulator.add_call()
    nothing = await desk.stop(call.id)
    assert (nothing.created, nothing.session_id) == (False, None)

    target = await desk.started(call.id)
    effect = await desk.stop(call.id)
    assert (effect.created, effect.session_id) == (True, target.session_id)
    assert desk.asked() == ["GET 200", "POST 200", "GET 200"]

    again = await desk.stop(call.id)
    assert (again.created, again.session_id) == (False, target.session_id)


async def test_a_look_shows_the_call_and_its_session(desk: Desk) -> None:
    call = desk.simulator.add_call()
    before = await desk.look(call.id)
    assert (before.recording, before.session_id, before.mechanism) == (CallRecording.NONE, None, None)

    target = await desk.started(call.id)
    seen = await desk.look(target)
    assert (seen.recording, seen.mechanism) == (CallRecording.ACTIVE, Mechanism.SESSION)
    assert seen.session_id == target.session_id
    assert [agent.id for agent in seen.agents] == [call.agents[0].id]

    desk.simulator.set_recording(call.id, on=False)
    assert (await desk.look(target)).recording is CallRecording.NONE
    lost = await desk.look(Target(call.id, session_id=UNHEARD_OF))
    assert (lost.recording, lost.session_id) == (CallRecording.NONE, None)

    desk.simulator.hang_up(call.id)
    with pytest.raises(CallEnded):
        await desk.look(target)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("forbidden", PermissionMissing), ("rate_limited", RateLimited)],
)
async def test_a_refused_start_is_a_plain_error(desk: Desk, fault: str, error: type[GenesysError]) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, value=60, only="write")
    with pytest.raises(error):
        await desk.start(call.id)
    assert desk.writes() == 1


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_there_is_no_pause(desk: Desk, verb: str) -> None:
    with pytest.raises(RequestRejected, match="session API"):
        await getattr(desk, verb)(UNHEARD_OF)
    assert desk.asked() == []
