"""The analytics queries, the tutorial's sessions, and the notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import pytest

from tests.unit.sandbox.genesys.genesys_client import genesys_running

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.unit.sandbox.genesys.genesys_client import GenesysClient

TODAY = "2020-01-01T00:00:00.000Z/2100-01-01T00:00:00.000Z"
VOICE = {"type": "and", "predicates": [{"dimension": "mediaType", "operator": "matches", "value": "voice"}]}


async def activity(api: GenesysClient, **query: Any) -> list[Any]:
    asked = {
        "metrics": [{"metric": "oInteracting", "details": True}],
        "groupBy": ["queueId"],
        "filter": VOICE,
    }
    response = await api.send("POST", "/analytics/conversations/activity/query", asked | query)
    assert response.status == 200, response.text
    results: list[Any] = response.body["results"]
    return results


async def test_the_activity_query_lists_live_calls() -> None:
    async with genesys_running() as (genesys, api):
        first, second = genesys.add_call(queue="Billing"), genesys.add_call(queue="Sales", agents=2)
        genesys.hang_up(genesys.add_call(queue="Sales").id)
        waiting = genesys.add_call(queue="Claims", agents=0)
        genesys.add_chat(queue="Billing")

        billing, sales = await activity(api)

        assert billing["group"] == {"queueId": first.agents[0].queue_id}
        assert [e["conversationId"] for e in billing["entities"]] == [first.id]
        assert sales["data"] == [{"metric": "oInteracting", "count": 2}]
        assert {e["userId"] for e in sales["entities"]} == {agent.user_id for agent in second.agents}
        (queued,) = await activity(api, metrics=[{"metric": "oWaiting", "details": True}])
        assert [e["conversationId"] for e in queued["entities"]] == [waiting.id]
        nested = {"type": "or", "clauses": [VOICE], "predicates": [{"dimension": "userId", "operator": "exists"}]}
        assert len(await activity(api, filter=nested)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": []},
        {"metrics": [{"metric": "oDancing"}]},
        {"filter": {"type": "xor"}},
        {"filter": {"type": "and"}},
        {"filter": {"type": "and", "predicates": [{"dimension": "mood", "value": "good"}]}},
        {"filter": {"type": "and", "predicates": [{"dimension": "userId", "operator": "like"}]}},
    ],
)
async def test_a_wrong_query_is_refused(wrong: dict[str, Any]) -> None:
    async with genesys_running() as (genesys, api):
        genesys.add_call()
        query = {"metrics": [{"metric": "oInteracting"}], "groupBy": ["userId"]} | wrong
        refused = await api.send("POST", "/analytics/conversations/activity/query", query)
        assert (refused.status, refused.code) == (400, "constraint.validation")


async def test_the_details_query_lists_and_pages() -> None:
    async with genesys_running() as (genesys, api):
        live = [genesys.add_call(started_ago=ago) for ago in (3, 2, 1)]
        genesys.hang_up(genesys.add_call().id)
        query: dict[str, Any] = {
            "interval": TODAY,
            "conversationFilters": [
                {"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "notExists"}]}
            ],
            "segmentFilters": [VOICE],
            "paging": {"pageSize": 2, "pageNumber": 2},
        }
        path = "/analytics/conversations/details/query"
        page = (await api.send("POST", path, query)).body
        assert ([c["conversationId"] for c in page["conversations"]], page["totalHits"]) == ([live[2].id], 3)
        assert "conversationEnd" not in page["conversations"][0]
        query["paging"]["pageNumber"] = 3
        assert (await api.send("POST", path, query)).body == {"totalHits": 3}
        query["paging"]["pageSize"] = 101
        assert (await api.send("POST", path, query)).status == 400
        assert (await api.send("POST", path, {"interval": "yesterday"})).code == "invalid.date"


async def start_session(api: GenesysClient, conversation_id: str) -> Any:
    body = {"conversationId": conversation_id, "reasonCode": "complaint"}
    return await api.send("POST", "/recording/sessions", body)


async def test_a_session_from_start_to_stop() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()

        session = (await start_session(api, call.id)).body

        assert (session["status"], session["conversationId"], session["endTime"]) == ("active", call.id, None)
        assert genesys.effective_recording(call.id) == "active"
        again = await start_session(api, call.id)
        assert (again.status, again.code) == (409, "already.recording")
        found = (await api.send("GET", f"/recording/sessions?conversationId={call.id}")).body
        assert found["entities"] == [session]
        stopped = (await api.send("POST", f"/recording/sessions/{session['id']}/stop")).body
        assert stopped["status"] == "stopped"
        assert stopped["endTime"]
        assert (await api.send("GET", f"/recording/sessions/{session['id']}")).body == stopped
        assert genesys.effective_recording(call.id) == "none"
        again = await api.send("POST", f"/recording/sessions/{session['id']}/stop")
        assert (again.status, again.code) == (409, "already.stopped")


async def test_a_recording_from_elsewhere_is_found_as_a_session() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        assert (await start_session(api, call.id)).status == 409
        found = (await api.send("GET", f"/recording/sessions?conversationId={call.id}")).body
        (session,) = found["entities"]
        await api.send("POST", f"/recording/sessions/{session['id']}/stop")
        assert genesys.effective_recording(call.id) == "none"


async def test_a_session_ends_with_its_call() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        session = (await start_session(api, call.id)).body
        genesys.hang_up(call.id)
        assert (await api.send("GET", f"/recording/sessions/{session['id']}")).body["status"] == "stopped"


async def test_sessions_that_can_not_be() -> None:
    async with genesys_running() as (genesys, api):
        ended, chat = genesys.add_call(), genesys.add_chat()
        genesys.hang_up(ended.id)
        statuses = [
            (await start_session(api, conversation_id)).status
            for conversation_id in ("junk", str(uuid4()), ended.id, chat.id)
        ]
        assert statuses == [400, 404, 400, 400]
        assert (await api.send("GET", f"/recording/sessions/{uuid4()}")).status == 404
        assert (await api.send("POST", f"/recording/sessions/{uuid4()}/stop")).status == 404
        assert (await api.send("POST", "/recording/sessions", [])).status == 400


async def subscribe(api: GenesysClient, *topics: str) -> tuple[Any, list[Any]]:
    channel = (await api.send("POST", "/notifications/channels")).body
    path = f"/notifications/channels/{channel['id']}/subscriptions"
    listing = await api.send("PUT", f"{path}?ignoreErrors=true", [{"id": topic} for topic in topics])
    return channel, listing.body["entities"]


async def test_a_change_is_pushed_to_those_who_follow_the_agent_or_the_queue() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        user = f"v2.users.{call.agents[0].user_id}.conversations.calls"
        queue = f"v2.routing.queues.{call.agents[0].queue_id}.conversations.calls"
        channel, topics = await subscribe(api, user, queue, "v2.users.nobody.conversations.calls")
        assert [topic["state"] for topic in topics] == ["Permitted", "Permitted", "Rejected"]

        async with api.session.ws_connect(channel["connectUri"]) as socket:
            await open_sockets(genesys, 1)
            await api.record(call.id, call.agents[0].id, on=True)
            first, second = await socket.receive_json(timeout=60), await socket.receive_json(timeout=60)

            assert [first["topicName"], second["topicName"]] == [user, queue]
            assert first["eventBody"]["id"] == call.id
            assert first["eventBody"]["recordingState"] == "active"
            await socket.send_json({"message": "ping"})
            assert (await socket.receive_json(timeout=60))["eventBody"] == {"message": "pong"}
            await genesys.notifications.announce_closing()
            assert (await socket.receive_json(timeout=60))["topicName"] == "v2.system.socket_closing"
            await genesys.notifications.drop_sockets()
            assert (await socket.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSE


async def open_sockets(genesys: SimulatedGenesys, count: int) -> None:
    def opened() -> bool:
        return sum(1 for c in genesys.notifications.channels.values() if c.socket) == count

    await genesys.wait_until(opened)


async def test_the_heartbeat() -> None:
    async with genesys_running() as (genesys, api):
        genesys.notifications.heartbeat = 0.01
        channel, _ = await subscribe(api)
        async with api.session.ws_connect(channel["connectUri"]) as socket:
            beat = await socket.receive_json(timeout=60)
        assert (beat["topicName"], beat["eventBody"]) == (
            "channel.metadata",
            {"message": "WebSocket Heartbeat"},
        )


async def test_subscriptions_are_added_listed_and_removed() -> None:
    async with genesys_running() as (genesys, api):
        user = genesys.add_call().agents[0].user_id
        channel, _ = await subscribe(api, "channel.metadata")
        path = f"/notifications/channels/{channel['id']}/subscriptions"
        await api.send("POST", path, [{"id": f"v2.users.{user}.conversations.calls"}])
        assert len((await api.send("GET", path)).body["entities"]) == 2
        await api.send("DELETE", path)
        assert (await api.send("GET", path)).body["entities"] == []
        assert (await api.send("PUT", path, {"id": "x"})).status == 400
        assert (await api.send("PUT", path, [{"id": f"t{n}"} for n in range(1001)])).status == 400
        assert (await api.send("GET", "/notifications/channels/none/subscriptions")).status == 404


async def test_one_topic_that_is_not_permitted_has_all_refused_unless_errors_are_ignored() -> None:
    async with genesys_running() as (genesys, api):
        mine, other = (genesys.add_call(agent=name).agents[0].user_id for name in ("Tom Becker", "Priya Nair"))
        topics = [{"id": f"v2.users.{user}.conversations.calls"} for user in (mine, other)]
        channel = (await api.send("POST", "/notifications/channels")).body
        path = f"/notifications/channels/{channel['id']}/subscriptions"
        genesys.faults.switch_on("topics_refused", value=1)  # Priya Nair's

        refused = await api.send("PUT", path, topics)
        assert (refused.status, refused.code) == (403, "notification.unauthorized.divisioned.topic")
        assert (await api.send("GET", path)).body["entities"] == []

        listed = (await api.send("PUT", f"{path}?ignoreErrors=true", topics)).body["entities"]
        assert [topic["state"] for topic in listed] == ["Permitted", "Rejected"]
        assert listed[1]["missingPermissions"] == ["conversation:communication:view"]


async def test_too_many_topics_and_what_is_none() -> None:
    async with genesys_running() as (_genesys, api):
        channel = (await api.send("POST", "/notifications/channels")).body
        path = f"/notifications/channels/{channel['id']}/subscriptions?ignoreErrors=true"
        many = [{"id": f"v2.users.{number}.conversations.calls"} for number in range(1001)]
        refused = await api.send("PUT", path, many)
        assert (refused.status, refused.code) == (400, "notification.subscription.too.many.subscriptions")
        assert (await api.send("PUT", path, [{"id": "v2.nothing"}])).code == "notification.invalid.topic"


async def test_the_available_topics_say_what_they_need() -> None:
    async with genesys_running() as (_genesys, api):
        path = "/notifications/availabletopics"
        assert (await api.send("GET", path)).body["entities"][0] == {"id": "v2.users.{id}.conversations.calls"}
        asked = await api.send("GET", f"{path}?expand=requiresPermissions,transports")
        assert asked.body["entities"][0]["requiresPermissions"] == ["conversation:communication:view"]
        assert (await api.send("GET", f"{path}?expand=nonsense")).code == "invalid.query.param.value"


async def test_the_oldest_of_more_than_twenty_channels_goes() -> None:
    async with genesys_running() as (_, api):
        channel, _topics = await subscribe(api)
        for _ in range(20):
            await api.send("POST", "/notifications/channels")
        assert len((await api.send("GET", "/notifications/channels")).body["entities"]) == 20
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await api.session.ws_connect(channel["connectUri"])


async def test_a_second_socket_takes_over() -> None:
    async with genesys_running() as (_, api):
        channel, _topics = await subscribe(api)
        async with (
            api.session.ws_connect(channel["connectUri"]) as first,
            api.session.ws_connect(channel["connectUri"]) as second,
        ):
            assert (await first.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSE
            await second.send_json({"message": "ping"})
            assert (await second.receive_json(timeout=60))["eventBody"] == {"message": "pong"}
