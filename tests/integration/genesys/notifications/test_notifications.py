"""What happens to a followed agent's calls is pushed, whatever becomes of the channel and its socket."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bot.genesys.notifications.channel import MOST_TOPICS, RENEW_AFTER, CallEvent, chosen, read_news
from bot.genesys.notifications.dispatcher import Inbox
from bot.genesys.notifications.subscriber import ASK_AGAIN_AFTER, KEPT_SECONDS, STEADY_SECONDS
from bot.genesys.notifications.websocket import PONG_SECONDS, QUIET_SECONDS
from bot.genesys.recording.call_state import CallReading
from bot.recording.agents.people import connected_agent
from bot.recording.call import QUEUE_SOURCE, CallRecording
from bot.recording.models import Conversation
from bot.sandbox.genesys import SimulatedGenesys
from tests.integration.genesys.listener import Listener, listening, silent_server
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.genesys.state.calls import SimulatedCall

NOTHING = CallReading("call-1", ())
STRANGER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def simulator(clock: SteppedClock) -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0, clock=clock.time)
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def listener(simulator: SimulatedGenesys, clock: SteppedClock) -> AsyncIterator[Listener]:
    async with listening(simulator, clock) as listener:
        yield listener


@pytest.fixture
def call(simulator: SimulatedGenesys) -> SimulatedCall:
    return simulator.add_call(recording=True)


def agent_of(call: SimulatedCall) -> str:
    user_id = call.agents[0].user_id
    assert user_id is not None
    return user_id


async def begin(listener: Listener, call: SimulatedCall) -> str:
    """Follow a call's agent, and return once news of it flow."""
    agent = agent_of(call)
    await listener.follow(agent)
    assert await listener.next_gap() == {agent}
    await listener.clock.until_asleep(QUIET_SECONDS)
    return agent


# --- news -----------------------------------------------------------------------------------------------------------


async def test_the_end_of_a_call_is_pushed(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


async def test_the_next_call_of_an_agent_is_pushed_when_it_rings_and_when_it_connects(listener: Listener) -> None:
    simulator = listener.simulator
    first = simulator.add_call(agent="Tom Becker")
    agent = simulator.floor.directory.user_id("Priya Nair")
    await listener.follow(agent)
    assert await listener.next_gap() == {agent}
    await listener.clock.until_asleep(QUIET_SECONDS)

    simulator.transfers.blind(first, "Priya Nair", answered=False)
    ringing = await listener.next_news()
    simulator.transfers.answer(first)
    talking = await listener.next_news()

    assert (ringing[0], talking[0]) == (first.id, first.id)
    assert ringing[1] is not None
    assert talking[1] is not None
    assert connected_agent(ringing[1], agent) is None
    assert connected_agent(talking[1], simulator.floor.directory.user_id("Tom Becker")) is None
    found = connected_agent(talking[1], agent.upper())
    assert found is not None
    assert found.id == first.agents[0].id


async def test_who_may_not_be_followed_and_why_is_known(listener: Listener, call: SimulatedCall) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    listener.simulator.faults.switch_on("topics_refused", value=1)
    agent, followed = agent_of(call), agent_of(other)
    await listener.follow(agent, followed)
    assert await listener.next_gap() == {followed}
    assert listener.notifications.refused == {agent}
    assert listener.notifications.why_refused == "grant conversation:communication:view"
    await listener.follow(followed)
    assert (listener.notifications.refused, listener.notifications.why_refused) == (frozenset(), "")


async def test_a_secure_pause_is_pushed(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    listener.simulator.secure_pause(call.id)
    conversation_id, seen = await listener.next_news()
    assert conversation_id == call.id
    assert seen is not None
    assert (seen.recording, seen.secure_pause) == (CallRecording.PAUSED, True)


async def test_a_recording_that_is_ended_outside_is_pushed(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    listener.simulator.set_recording(call.id, on=False)
    _, seen = await listener.next_news()
    assert seen is not None
    assert (seen.connected, seen.recording) == (True, CallRecording.NONE)


async def test_listening_costs_two_requests_and_no_more(listener: Listener, call: SimulatedCall) -> None:
    agent = await begin(listener, call)
    for _ in range(3):
        listener.simulator.secure_pause(call.id)
        await listener.next_news()
        await listener.follow(agent)
    assert listener.asked() == ["POST 200", "PUT 200"]
    assert listener.notifications.flowing == {agent}
    assert listener.notifications.problem is None


async def test_news_of_others_are_not_asked_for(listener: Listener, call: SimulatedCall) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    await begin(listener, call)
    listener.simulator.hang_up(other.id)
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


async def test_who_comes_later_is_followed_too(listener: Listener, call: SimulatedCall) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    agent = await begin(listener, call)
    await listener.follow(agent, agent_of(other))
    assert await listener.next_gap() == {agent_of(other)}
    listener.simulator.hang_up(other.id)
    assert await listener.next_news() == (other.id, None)


async def test_who_is_no_longer_followed_is_heard_no_more(listener: Listener, call: SimulatedCall) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    await listener.follow(agent_of(call), agent_of(other))
    await listener.next_gap()
    await listener.follow(agent_of(other))
    listener.clock.advance(KEPT_SECONDS)
    await listener.follow(agent_of(other))
    listener.simulator.hang_up(call.id)
    listener.simulator.hang_up(other.id)
    assert await listener.next_news() == (other.id, None)
    assert listener.asked() == ["POST 200", "PUT 200"]


async def test_while_nobody_is_followed_there_is_no_socket(listener: Listener, call: SimulatedCall) -> None:
    async with silent_server() as server:
        listener.simulator.notifications.socket_url = lambda: server.url
        agent = await begin(listener, call)
        await listener.follow()
        assert listener.notifications.flowing == {agent}  # for the start of the agent's next recording
        listener.clock.advance(KEPT_SECONDS)
        await listener.follow()
        await server.next_departure()
        assert listener.notifications.flowing == frozenset()
        await listener.follow(agent)
        await listener.next_gap()
    assert listener.asked() == ["POST 200", "PUT 200", "PUT 200"]


async def test_news_that_could_not_be_written_down_are_made_up_for(listener: Listener, call: SimulatedCall) -> None:
    agent = await begin(listener, call)
    listener.fault = OSError("the disk is full")
    listener.simulator.secure_pause(call.id)
    assert await listener.next_gap() == {agent}
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


async def test_nonsense_is_passed_over(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    channel = next(iter(listener.simulator.notifications.channels.values()))
    assert channel.socket is not None
    topic = next(iter(channel.topics))
    for text in ("{", "7", "{}", json.dumps({"topicName": topic, "eventBody": None})):
        await channel.socket.send_str(text)
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


# --- the socket -------------------------------------------------------------------------------------------------------


async def test_a_dropped_socket_is_opened_anew(listener: Listener, call: SimulatedCall) -> None:
    agent = await begin(listener, call)
    listener.clock.advance(STEADY_SECONDS)
    await listener.simulator.notifications.drop_sockets()
    assert await listener.next_gap() == {agent}
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)
    assert listener.asked() == ["POST 200", "PUT 200", "PUT 200"]


async def test_a_socket_that_drops_again_and_again_is_given_time(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    await listener.simulator.notifications.drop_sockets()
    await listener.next_gap()
    for pause in (1.0, 2.0, 4.0):
        await listener.simulator.notifications.drop_sockets()
        await listener.clock.until_asleep(pause)
        assert listener.notifications.flowing == frozenset()
        assert listener.notifications.problem is not None
        listener.clock.advance(pause)
        await listener.next_gap()
    assert listener.notifications.problem is None


async def test_a_closing_notice_is_followed_at_once(listener: Listener, call: SimulatedCall) -> None:
    agent = await begin(listener, call)
    listener.clock.advance(STEADY_SECONDS)
    await listener.simulator.notifications.announce_closing()
    assert await listener.next_gap() == {agent}
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


async def test_a_silent_socket_is_asked_and_then_left(listener: Listener, call: SimulatedCall) -> None:
    async with silent_server() as silent:
        listener.simulator.notifications.socket_url = lambda: silent.url
        await begin(listener, call)
        await silent.next_arrival()
        await listener.clock.until_asleep(QUIET_SECONDS)
        listener.clock.advance(QUIET_SECONDS)
        assert json.loads(await silent.next_word()) == {"message": "ping"}
        await listener.clock.until_asleep(PONG_SECONDS)
        listener.clock.advance(PONG_SECONDS)
        await silent.next_arrival()
        await listener.next_gap()


async def test_a_quiet_socket_that_answers_is_kept(listener: Listener, call: SimulatedCall) -> None:
    await begin(listener, call)
    for _ in range(3):
        await listener.clock.until_asleep(QUIET_SECONDS)
        listener.clock.advance(QUIET_SECONDS)
    await listener.clock.until_asleep(QUIET_SECONDS)
    assert listener.gaps.empty()


async def test_a_socket_that_can_not_be_opened_is_tried_on_the_same_channel(
    listener: Listener, call: SimulatedCall
) -> None:
    listener.simulator.notifications.socket_url = lambda: "ws://127.0.0.1:9"
    await listener.follow(agent_of(call))
    await listener.clock.until_asleep(1.0)
    listener.clock.advance(1.0)
    await listener.clock.until_asleep(2.0)
    assert listener.asked() == ["POST 200"]
    assert "ClientConnectorError" in str(listener.notifications.problem)
    assert "127.0.0.1" not in str(listener.notifications.problem)


async def test_a_channel_whose_socket_is_refused_is_given_up(listener: Listener, call: SimulatedCall) -> None:
    async with silent_server() as refusing:
        refusing.status = 404
        real, listener.simulator.notifications.socket_url = (
            listener.simulator.notifications.socket_url,
            lambda: refusing.url,
        )
        await listener.follow(agent_of(call))
        await refusing.next_arrival()
        await listener.clock.until_asleep(1.0)
        listener.simulator.notifications.socket_url = real
        listener.clock.advance(1.0)
        await listener.next_gap()
    assert listener.asked() == ["POST 200", "POST 200", "POST 200", "PUT 200"]


# --- the channel ------------------------------------------------------------------------------------------------------


async def test_a_channel_is_renewed_before_it_ends(listener: Listener, call: SimulatedCall) -> None:
    agent = await begin(listener, call)
    listener.clock.advance(RENEW_AFTER)
    assert await listener.next_gap() == {agent}
    assert len(listener.simulator.notifications.channels) == 2
    listener.simulator.hang_up(call.id)
    assert await listener.next_news() == (call.id, None)


async def test_a_channel_that_is_gone_is_replaced(listener: Listener, call: SimulatedCall) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    agent = await begin(listener, call)
    listener.simulator.notifications.channels.clear()
    await listener.follow(agent, agent_of(other))
    assert await listener.next_gap() == {agent, agent_of(other)}
    assert listener.asked() == ["POST 200", "PUT 200", "PUT 404", "POST 200", "PUT 200"]


async def test_a_refusal_is_said_and_asked_again_ten_minutes_later(listener: Listener, call: SimulatedCall) -> None:
    listener.simulator.faults.switch_on("forbidden", only="subscription")
    await listener.follow(agent_of(call))
    await listener.clock.until_asleep(ASK_AGAIN_AFTER)
    assert "refuses notifications" in str(listener.notifications.problem)
    assert listener.notifications.flowing == frozenset()
    listener.simulator.faults.switch_off("forbidden")
    listener.clock.advance(ASK_AGAIN_AFTER)
    await listener.next_gap()
    assert listener.notifications.problem is None
    assert listener.asked() == ["POST 403", "POST 200", "PUT 200"]


async def test_a_refused_subscription_is_said_and_the_others_flow(listener: Listener, call: SimulatedCall) -> None:
    agent = agent_of(call)
    await listener.follow(agent, STRANGER)
    assert await listener.next_gap() == {agent}
    assert listener.notifications.flowing == {agent}
    problem = str(listener.notifications.problem)
    assert "1 of 2 agents" in problem
    assert STRANGER in problem
    assert "reads their calls" in problem

    await listener.clock.until_asleep(QUIET_SECONDS)
    listener.simulator.floor.directory.users[STRANGER] = listener.simulator.floor.directory.users[agent]
    listener.clock.advance(ASK_AGAIN_AFTER)
    assert await listener.next_gap() == {STRANGER}
    assert listener.notifications.problem is None
    assert listener.asked() == ["POST 200", "PUT 200", "PUT 200"]


async def test_the_calls_of_a_queue_are_pushed(listener: Listener, call: SimulatedCall) -> None:
    queue = f"{QUEUE_SOURCE}{call.agents[0].queue_id}"
    await listener.follow(queue)
    assert await listener.next_gap() == {queue}
    await listener.clock.until_asleep(QUIET_SECONDS)
    listener.simulator.add_call(queue="Sales")
    other = listener.simulator.add_call(agent="Tom Becker", queue="Billing")
    conversation_id, seen = await listener.next_news()
    assert (conversation_id, seen is not None and seen.agents[0].name) == (other.id, "Tom Becker")
    listener.simulator.hang_up(other.id)
    assert await listener.next_news() == (other.id, None)


async def test_a_queue_whose_calls_genesys_does_not_tell_of_is_said_apart(
    listener: Listener, call: SimulatedCall
) -> None:
    listener.simulator.access.granted.discard("routing:queue:view")
    queue = f"{QUEUE_SOURCE}{call.agents[0].queue_id}"
    await listener.follow(queue, agent_of(call))
    assert await listener.next_gap() == {agent_of(call)}
    problem = str(listener.notifications.problem)
    assert "1 of 1 queues (grant routing:queue:view)" in problem
    assert "agents" not in problem
    assert queue not in problem
    assert "up to a minute late" in problem
    assert listener.notifications.denies(queue) == "grant routing:queue:view"


async def test_one_agent_whom_the_client_may_not_see_silences_nobody_else(
    listener: Listener, call: SimulatedCall
) -> None:
    other = listener.simulator.add_call(agent="Tom Becker")
    listener.simulator.faults.switch_on("topics_refused", value=1)
    hidden = agent_of(call)
    assert hidden == next(iter(listener.simulator.floor.directory.users))

    await listener.follow(hidden, agent_of(other))

    assert await listener.next_gap() == {agent_of(other)}
    assert listener.notifications.flowing == {agent_of(other)}
    assert "grant conversation:communication:view" in str(listener.notifications.problem)
    listener.simulator.hang_up(other.id)
    assert await listener.next_news() == (other.id, None)


async def test_a_refused_agent_is_logged_once(listener: Listener, call: SimulatedCall) -> None:
    others = [agent_of(listener.simulator.add_call(agent=name)) for name in ("Tom Becker", "Lucia Romano")]
    with capture_logs() as logged:
        await listener.follow(STRANGER, others[0])
        await listener.next_gap()
        await listener.clock.until_asleep(QUIET_SECONDS)
        listener.clock.advance(ASK_AGAIN_AFTER)
        await listener.simulator.wait_until(lambda: listener.asked() == ["POST 200", "PUT 200", "PUT 200"])
        await listener.follow(STRANGER, agent_of(call))
        await listener.next_gap()

    warnings = [line for line in logged if line["event"] == "notification_topics_refused"]
    assert [line["agents"] for line in warnings] == [[STRANGER]]


async def test_a_channel_that_takes_fewer_topics_gets_fewer(listener: Listener, call: SimulatedCall) -> None:
    users = {listener.simulator.floor.directory.user_id(f"Agent {number}") for number in range(12)} | {agent_of(call)}
    listener.simulator.notifications.topics.most = 5
    await listener.follow(*users)

    assert len(await listener.next_gap()) == 3
    assert "takes 3 topics at most, and 13 agents" in str(listener.notifications.problem)
    assert listener.asked() == ["POST 200", "PUT 400", "PUT 400", "PUT 200"]


async def test_a_channel_without_an_address_is_none(listener: Listener, call: SimulatedCall) -> None:
    listener.simulator.faults.switch_on("junk", times=1, only="notification channel")
    await listener.follow(agent_of(call))
    await listener.next_gap()
    assert listener.asked() == ["POST 200", "POST 200", "PUT 200"]


async def test_an_outage_is_waited_out(listener: Listener, call: SimulatedCall) -> None:
    listener.simulator.faults.switch_on("server_error", times=2)
    await listener.follow(agent_of(call))
    await listener.clock.until_asleep(1.0)
    assert "at the moment" in str(listener.notifications.problem)
    listener.clock.advance(1.0)
    await listener.next_gap()


# --- parts ------------------------------------------------------------------------------------------------------------


def test_a_channel_takes_a_thousand_agents_and_keeps_those_it_has() -> None:
    users = frozenset(f"user-{number:04}" for number in range(MOST_TOPICS + 500))
    there = frozenset(f"user-{number:04}" for number in range(600, 1400))
    picked = chosen(users, first=there)
    assert len(picked) == MOST_TOPICS
    assert there <= picked
    assert chosen(users, first=picked) == picked


@pytest.mark.parametrize("message", [None, [], {"topicName": "channel.metadata", "eventBody": {"message": "x"}}])
def test_what_is_about_no_call_is_no_news(message: object) -> None:
    assert read_news(message) is None


def test_nulls_in_news_do_no_harm() -> None:
    event = {"id": "call-1", "participants": [{"id": "p", "user": None, "recordingState": None, "state": "connected"}]}
    news = read_news({"topicName": "v2.users.user-1.conversations.calls", "eventBody": event})
    assert news is not None
    assert news.seen == Conversation("call-1", connected=True, recording=CallRecording.UNKNOWN)


@pytest.mark.parametrize("others", [[], [{"id": "c", "purpose": "customer", "state": "connected"}], None])
def test_news_that_name_the_agent_alone_are_no_end_of_the_call(others: list[dict[str, str]] | None) -> None:
    agent = {"id": "p", "purpose": "agent", "user": {"id": "user-1"}, "state": "disconnected"}
    participants = None if others is None else [agent, *others]
    event = {"id": "call-1", "participants": participants}
    news = read_news({"topicName": "v2.users.user-1.conversations.calls", "eventBody": event})
    assert news is not None
    assert news.seen is not None


async def test_of_several_news_that_wait_only_the_newest_counts() -> None:
    passed_on: list[object] = []
    talking = Conversation("call-1", connected=True, recording=CallRecording.ACTIVE)

    async def on_news(conversation_id: str, seen: Conversation | None) -> None:
        passed_on.append((conversation_id, seen))
        if len(passed_on) == 1:
            inbox.put(CallEvent("user-1", "call-1", talking, NOTHING))
            inbox.put(CallEvent("user-1", "call-1", None, NOTHING))

    inbox = Inbox(on_news, lambda _: None)
    inbox.put(CallEvent("user-1", "call-1", talking, NOTHING))
    await inbox._working["call-1"]
    await inbox.close()
    assert passed_on == [("call-1", talking), ("call-1", None)]


async def test_the_end_does_not_wait_for_news_that_are_being_dealt_with() -> None:
    begun = asyncio.Event()

    async def on_news(_: str, __: Conversation | None) -> None:
        begun.set()
        await asyncio.Event().wait()

    inbox = Inbox(on_news, lambda _: None)
    inbox.put(CallEvent("user-1", "call-1", None, NOTHING))
    async with asyncio.timeout(60):
        await begun.wait()
        await inbox.close()
    assert inbox._working == {}
