"""The list of live calls and the names on it, by the real SDK over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import GenesysUnavailable, PermissionMissing
from bot.genesys import GenesysDirectory
from bot.recording.call import CallRecording, Direction
from tests.integration.genesys.transport.test_adapter_odd_answers import gateway

if TYPE_CHECKING:
    from bot.recording.call import LiveList
    from tests.integration.genesys.bench import Bench
    from tests.integration.genesys.transport.test_adapter_odd_answers import Answers

ACTIVITY = "POST /api/v2/analytics/conversations/activity/query"
DETAILS = "POST /api/v2/analytics/conversations/details/query"


async def told(bench: Bench, directory: GenesysDirectory | None = None) -> LiveList:
    """List the calls, and what is being recorded."""
    directory = directory or GenesysDirectory(bench.client)
    seen = await directory.live_calls(deadline=bench.deadline)
    return await directory.with_recording(seen, deadline=bench.deadline)


async def live(bench: Bench) -> LiveList:
    return await GenesysDirectory(bench.client).live_calls(deadline=bench.deadline)


async def test_one_line_a_call_with_all_its_agents(bench: Bench) -> None:
    long = bench.simulator.add_call(agents=2, queue="Support", started_ago=300)
    short = bench.simulator.add_call(agent="Tom Becker", queue="Sales", direction="outbound", started_ago=20)
    bench.simulator.add_call(agents=0)
    bench.simulator.add_chat()
    bench.simulator.hang_up(bench.simulator.add_call().id)

    listed = await live(bench)

    assert [call.conversation_id for call in listed.calls] == [long.id, short.id]
    first, second = listed.calls
    assert {agent.user_id for agent in first.agents} == {agent.user_id for agent in long.agents}
    assert {agent.name for agent in first.agents} == {"Priya Nair", "Tom Becker"}
    assert (first.queue_id, first.direction) == (long.agents[0].queue_id, Direction.INBOUND)
    assert (second.direction, second.recording) == (Direction.OUTBOUND, CallRecording.UNKNOWN)
    assert first.since is not None
    assert (bench.clock.now() - first.since).total_seconds() == pytest.approx(300, abs=1)
    assert listed.complete
    assert bench.asked() == ["POST 200"]


@pytest.mark.parametrize("fault", ["forbidden", "not_a_user", "server_error", "junk"])
async def test_the_second_choice_where_the_first_is_not_to_be_had(bench: Bench, fault: str) -> None:
    recorded = bench.simulator.add_call(recording=True, started_ago=90)
    quiet = bench.simulator.add_call(agents=2, direction="outbound", started_ago=30)
    bench.simulator.agent_leaves(quiet.id, "Priya Nair")
    bench.simulator.faults.switch_on(fault, only="activity")

    listed = await live(bench)

    assert [(call.conversation_id, call.recording) for call in listed.calls] == [
        (recorded.id, CallRecording.ACTIVE),
        (quiet.id, CallRecording.NONE),
    ]
    assert [agent.name for agent in listed.calls[1].agents] == ["Tom Becker"]
    assert listed.calls[1].agents[0].id == quiet.agents[0].id
    assert listed.calls[1].queue_id == quiet.agents[0].queue_id


async def test_a_refused_first_choice_is_not_asked_again_for_a_while(bench: Bench) -> None:
    bench.simulator.add_call()
    bench.simulator.faults.switch_on("forbidden", only="activity")
    directory = GenesysDirectory(bench.client)
    for _ in range(3):
        await directory.live_calls(deadline=bench.deadline)
    assert bench.asked() == ["POST 403", "POST 200", "POST 200", "POST 200"]

    bench.clock.advance(601)
    bench.simulator.faults.switch_off("forbidden")
    await directory.live_calls(deadline=bench.deadline)
    assert bench.simulator.requests[-1].path.endswith("/activity/query")


async def test_where_neither_is_permitted_the_first_ones_permission_is_named(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden")
    with pytest.raises(PermissionMissing) as missing:
        await live(bench)
    assert missing.value.permission == "analytics:queueObservation:view"


@pytest.mark.parametrize("status", [400, 404])
async def test_a_gateway_without_analytics_says_so(status: int) -> None:
    async with gateway({ACTIVITY: [(status, {})], DETAILS: [(status, {})]}) as (_, client, within):
        with pytest.raises(GenesysUnavailable, match="no list of live calls"):
            await GenesysDirectory(client).live_calls(deadline=within["deadline"])


async def test_what_a_policy_records_is_said_by_one_more_request(bench: Bench) -> None:
    recorded = bench.simulator.add_call(recording=True, started_ago=90)
    quiet = bench.simulator.add_call(agents=2, started_ago=30)

    listed = await told(bench)

    assert [(call.conversation_id, call.recording) for call in listed.calls] == [
        (recorded.id, CallRecording.ACTIVE),
        (quiet.id, CallRecording.NONE),
    ]
    assert (listed.requests, bench.asked()) == (2, ["POST 200", "POST 200"])

    bench.simulator.secure_pause(recorded.id)
    assert (await told(bench)).calls[0].recording is CallRecording.ACTIVE  # all that is said: whether one was started


async def test_where_nothing_runs_nothing_more_is_asked(bench: Bench) -> None:
    assert (await told(bench)).calls == ()
    assert bench.asked() == ["POST 200"]


@pytest.mark.parametrize(("fault", "seconds"), [("forbidden", 600), ("server_error", 30), ("junk", 30)])
async def test_where_it_is_not_to_be_had_the_list_says_nothing_of_recording(
    bench: Bench, fault: str, seconds: float
) -> None:
    bench.simulator.add_call(recording=True)
    bench.simulator.faults.switch_on(fault, only="details")
    directory = GenesysDirectory(bench.client)

    listed = await told(bench, directory)

    assert [call.recording for call in listed.calls] == [CallRecording.UNKNOWN]
    assert listed.requests == 1
    bench.simulator.faults.switch_off(fault)
    for later, requests in ((0, 1), (seconds - 1, 1), (2, 2)):
        bench.clock.advance(later)
        listed = await told(bench, directory)
        assert listed.requests == requests
    assert [call.recording for call in listed.calls] == [CallRecording.ACTIVE]


async def test_the_second_choice_says_it_with_the_same_request(bench: Bench) -> None:
    bench.simulator.add_call(recording=True)
    bench.simulator.faults.switch_on("forbidden", only="activity")
    directory = GenesysDirectory(bench.client)
    await told(bench, directory)
    bench.simulator.requests.clear()

    assert [call.recording for call in (await told(bench, directory)).calls] == [CallRecording.ACTIVE]
    assert bench.asked() == ["POST 200"]


INTERACTING = {"conversationId": "c1", "mediaType": "voice", "metric": "oInteracting"}


def sessions_of(user_id: str, *recorded: object) -> dict[str, object]:
    sessions = [
        {"mediaType": "voice", "segments": [{"segmentType": "interact"}]}
        | ({} if one == "missing" else {"recording": one})
        for one in recorded
    ]
    return {"userId": user_id, "purpose": "agent", "sessions": sessions}


@pytest.mark.parametrize(
    ("participants", "recording"),
    [
        ([], CallRecording.UNKNOWN),
        ([sessions_of("u1", False)], CallRecording.UNKNOWN),
        ([sessions_of("u1", False), sessions_of("u2", "missing")], CallRecording.UNKNOWN),
        ([sessions_of("u1", False), sessions_of("u2", None)], CallRecording.UNKNOWN),
        ([sessions_of("u1", False), sessions_of("u2", "no")], CallRecording.UNKNOWN),
        ([sessions_of("u1", False), sessions_of("u2", False, False)], CallRecording.NONE),
        ([sessions_of("u1", None), sessions_of("u2", False, True)], CallRecording.ACTIVE),
        ([sessions_of("u1", False), sessions_of("u2", False), sessions_of("gone", True)], CallRecording.NONE),
    ],
)
async def test_a_missing_word_is_never_taken_for_not_recorded(
    participants: list[dict[str, object]], recording: CallRecording
) -> None:
    answers: Answers = {
        ACTIVITY: [(200, {"results": [{"entities": [INTERACTING | {"userId": one} for one in ("u1", "u2")]}]})],
        DETAILS: [(200, {"conversations": [{"conversationId": "C1", "participants": participants}]})],
    }
    async with gateway(answers) as (_, client, within):
        directory = GenesysDirectory(client)
        seen = await directory.live_calls(deadline=within["deadline"])
        (one,) = (await directory.with_recording(seen, deadline=within["deadline"])).calls
    assert (one.conversation_id, one.recording) == ("c1", recording)


async def test_hundreds_of_calls_come_in_pages(bench: Bench) -> None:
    for number in range(230):
        bench.simulator.add_call(agent=f"Agent {number}", started_ago=number)

    listed = await live(bench)

    assert (len(listed.calls), listed.complete, listed.requests) == (230, True, 3)


async def test_what_is_beyond_the_last_page_is_said_to_be_missing(bench: Bench) -> None:
    for number in range(510):
        bench.simulator.add_call(agent=f"Agent {number}")

    listed = await live(bench)
    assert (len(listed.calls), listed.complete, listed.requests) == (500, False, 5)

    bench.simulator.faults.switch_on("forbidden", only="activity")
    second = await live(bench)
    assert (len(second.calls), second.complete) == (500, False)


@pytest.mark.parametrize("kind", ["user", "queue"])
async def test_a_hundred_names_a_request(bench: Bench, kind: str) -> None:
    people = bench.simulator.floor.directory
    add = people.user_id if kind == "user" else people.queue_id
    wanted = {add(f"Name {number}"): f"Name {number}" for number in range(130)}

    found = await GenesysDirectory(bench.client).names(kind, frozenset({*wanted, "gone"}), deadline=bench.deadline)

    assert found == wanted
    assert bench.asked() == ["GET 200", "GET 200"]


WORDS = st.sampled_from(["voice", "VOICE", "chat", "hologram", "inbound", "Sideways", "agent", "user", "interact", ""])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
MOMENTS = st.sampled_from(["2026-03-02T09:00:00.000Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "now"])
VALUES = SCALARS | MOMENTS | st.lists(SCALARS, max_size=2) | st.dictionaries(WORDS, SCALARS, max_size=2)
NAMES = (
    "conversationId", "userId", "mediaType", "activityDate", "queueId", "direction", "metric", "participantName",
    "conversationStart", "conversationEnd", "purpose", "segmentType", "segmentEnd", "sessionId", "participantId",
    "recording", "originatingDirection",
)  # fmt: skip
NESTS = ("results", "entities", "group", "conversations", "participants", "sessions", "segments", "truncated")


def _objects(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).flatmap(
        lambda fields: st.dictionaries(st.sampled_from(NESTS), below, max_size=3).map(lambda nests: fields | nests)
    )


JUNK = st.recursive(VALUES, lambda below: st.lists(below, max_size=3) | _objects(below), max_leaves=25)
BODIES = st.dictionaries(st.sampled_from(NESTS[:1] + NESTS[3:4]), st.lists(JUNK, max_size=3), max_size=2)


@given(body=BODIES)
@settings(max_examples=80, deadline=None)
async def test_whatever_the_queries_answer_there_is_a_list(body: dict[str, Any]) -> None:
    listing = {"results": [{"entities": [INTERACTING | {"userId": "u1"}]}]}
    each: tuple[Answers, ...] = (
        {ACTIVITY: [(200, body)], DETAILS: [(200, body)]},
        {ACTIVITY: [(403, {})], DETAILS: [(200, body)]},
        {ACTIVITY: [(200, listing)], DETAILS: [(200, body)]},
    )
    async with gateway({}) as (fake, client, within):
        for answers in each:
            fake.answers = answers
            directory = GenesysDirectory(client)
            listed = await directory.live_calls(deadline=within["deadline"])
            listed = await directory.with_recording(listed, deadline=within["deadline"])
            assert all(call.conversation_id and call.agents for call in listed.calls)
            assert all(agent.user_id for call in listed.calls for agent in call.agents)


async def test_a_list_that_is_away_does_not_keep_anybody_from_a_call(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("server_error", only="POST conversation")
    for _ in range(6):
        with pytest.raises(GenesysUnavailable):
            await live(bench)

    assert bench.client.health().down_since is None
    assert (await bench.look(call.id)).connected
