from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientWebSocketResponse
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.request.async_request import AsyncBoltRequest

    from bot.sandbox.slack import SimulatedSlack

CARD: list[dict[str, Any]] = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "recording_stop",
                "value": "7",
                "text": {"type": "plain_text", "text": "Stop"},
            }
        ],
    }
]


async def socket_url(slack: SimulatedSlack, session: ClientSession) -> str:
    client = AsyncWebClient(token="xapp-sandbox", base_url=slack.api_url, session=session)
    return str((await client.apps_connections_open(app_token="xapp-sandbox"))["url"])


async def connected(slack: SimulatedSlack, session: ClientSession) -> ClientWebSocketResponse:
    socket = await session.ws_connect(await socket_url(slack, session))
    assert (await socket.receive_json())["type"] == "hello"
    return socket


async def test_hello_counts_the_connections(slack: SimulatedSlack, session: ClientSession) -> None:
    first = await session.ws_connect(await socket_url(slack, session))
    assert (await first.receive_json())["num_connections"] == 1
    second = await session.ws_connect(await socket_url(slack, session))
    hello = await second.receive_json()

    assert hello["num_connections"] == 2
    assert hello["connection_info"] == {"app_id": "A0RECBOT"}
    assert hello["debug_info"]["approximate_connection_time"] > 0
    assert slack.snapshot()["connection"] == {"transport": "socket", "connected": 2, "last_delivery": None}

    await first.close()
    await slack.wait_for(lambda: len(slack.sockets.links) == 1)


async def test_a_ticket_opens_one_socket(slack: SimulatedSlack, session: ClientSession) -> None:
    url = await socket_url(slack, session)
    opened = await session.ws_connect(url)
    with pytest.raises(WSServerHandshakeError):
        await session.ws_connect(url)
    assert not opened.closed


async def test_a_bot_token_opens_no_socket(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.api_call("apps.connections.open")


async def test_an_eleventh_socket_is_sent_away(slack: SimulatedSlack, session: ClientSession) -> None:
    kept = [await connected(slack, session) for _ in range(10)]
    eleventh = await session.ws_connect(await socket_url(slack, session))
    assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
    assert (await eleventh.receive()).type is WSMsgType.CLOSE
    assert len(slack.sockets.links) == len(kept)


async def test_each_payload_goes_to_one_socket(slack: SimulatedSlack, session: ClientSession) -> None:
    sockets = [await connected(slack, session) for _ in range(2)]
    commands = [asyncio.create_task(slack.command("U0ADA", "C0FLOOR", f"list {n}")) for n in range(2)]
    envelopes = [await socket.receive_json() for socket in sockets]
    for socket, envelope in zip(sockets, envelopes, strict=True):
        await socket.send_json({"envelope_id": envelope["envelope_id"]})

    assert {envelope["payload"]["text"] for envelope in envelopes} == {"list 0", "list 1"}
    assert [envelope["accepts_response_payload"] for envelope in envelopes] == [True, True]
    assert all([(await command).acked for command in commands])


async def test_a_command_is_acked_and_answered(
    slack: SimulatedSlack, example: AsyncApp, over_sockets: AsyncSocketModeHandler, got: list[AsyncBoltRequest]
) -> None:
    @example.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(text="Recording is starting")

    result = await slack.command("U0ADA", "C0FLOOR", " start A&B <now> @grace ")

    assert result.acked
    assert result.seconds is not None
    assert [(message.text, message.ephemeral_to) for message in result.shown] == [("Recording is starting", "U0ADA")]
    assert slack.messages("C0FLOOR", seen_by="U0GRACE") == []
    assert got[0].body["text"] == "start A&amp;B &lt;now&gt; @grace"
    assert got[0].body["channel_name"] == "floor"
    assert await over_sockets.client.is_connected()
    assert slack.snapshot()["connection"]["last_delivery"]["acked"] is True


async def test_a_click_carries_button_message_and_addresses(
    slack: SimulatedSlack,
    example: AsyncApp,
    over_sockets: AsyncSocketModeHandler,
    client: AsyncWebClient,
    got: list[AsyncBoltRequest],
) -> None:
    @example.action("recording_stop")
    async def stop(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()

    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording", blocks=CARD)
    result = await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_stop")

    assert result.acked
    assert over_sockets.client.wss_uri
    body = got[0].body
    assert (body["type"], body["user"]["id"], body["team"]["id"]) == ("block_actions", "U0ADA", "T0SANDBOX")
    assert (body["actions"][0]["value"], body["actions"][0]["type"]) == ("7", "button")
    assert body["actions"][0]["block_id"] == slack.messages("C0FLOOR")[0].blocks[0]["block_id"]
    assert body["container"]["message_ts"] == body["message"]["ts"] == posted["ts"]
    assert body["response_url"].startswith(slack.url)
    with pytest.raises(LookupError):
        await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_pause")


async def test_with_no_connection_the_person_is_told(slack: SimulatedSlack) -> None:
    result = await slack.command("U0ADA", "C0FLOOR", "list")

    assert (result.acked, result.error) == (False, "dispatch_failed")
    assert slack.messages("C0FLOOR")[0].text == "/record failed because the app did not respond"
    assert slack.messages("C0FLOOR")[0].ephemeral_to == "U0ADA"


@pytest.mark.parametrize("ack_timeout", [0.5])
async def test_without_an_ack_the_person_is_told(
    slack: SimulatedSlack, session: ClientSession, client: AsyncWebClient
) -> None:
    mute = await connected(slack, session)
    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording", blocks=CARD)

    command = await slack.command("U0ADA", "C0FLOOR", "list")
    click = await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_stop")

    assert command.error == click.error == "operation_timeout"
    assert not mute.closed
    _, about_command, about_click = slack.messages("C0FLOOR", seen_by="U0ADA")
    assert about_command.text == '/record failed with the error "operation_timeout"'
    assert about_click.text.startswith(":warning:")


async def test_a_delivery_may_come_twice_with_the_same_payload(
    slack: SimulatedSlack, example: AsyncApp, over_sockets: AsyncSocketModeHandler, got: list[AsyncBoltRequest]
) -> None:
    example.command("/record")(_just_ack)
    slack.faults.switch_on("duplicate_delivery", times=1)

    result = await slack.command("U0ADA", "C0FLOOR", "list")

    assert over_sockets.client.wss_uri
    assert result.again is not None
    assert result.again.acked
    assert [request.body for request in got] == [result.payload.body] * 2
    await slack.redeliver(result)
    assert got[2].body["trigger_id"] == result.payload.body["trigger_id"]


async def test_a_click_may_get_lost(
    slack: SimulatedSlack, over_sockets: AsyncSocketModeHandler, client: AsyncWebClient, got: list[AsyncBoltRequest]
) -> None:
    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording", blocks=CARD)
    slack.faults.switch_on("lost_click", times=1)

    result = await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_stop")

    assert over_sockets.client.wss_uri
    assert (result.acked, result.error, got) == (False, "lost", [])


async def test_the_real_client_follows_a_refresh(
    slack: SimulatedSlack, example: AsyncApp, over_sockets: AsyncSocketModeHandler
) -> None:
    example.command("/record")(_just_ack)
    slack.faults.switch_on("socket_refresh", times=1)
    await slack.wait_for(lambda: slack.sockets.connections == 2 and len(slack.sockets.links) == 1)

    assert (await slack.command("U0ADA", "C0FLOOR", "list")).acked
    assert await over_sockets.client.is_connected()
    assert not any(fault["on"] for fault in slack.snapshot()["faults"])


@pytest.mark.parametrize("ack_timeout", [3600])
async def test_a_patient_slack_waits_less_for_a_socket_that_was_closed(
    slack: SimulatedSlack, session: ClientSession
) -> None:
    slack.sockets.closed_timeout = 0.1
    kept, closed = await connected(slack, session), await connected(slack, session)
    answers = [asyncio.ensure_future(slack.command("U0ADA", "C0FLOOR", text)) for text in ("list", "status")]
    on_kept, _ = await kept.receive_json(), await closed.receive_json()

    await closed.close()
    done, (waiting,) = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
    assert [answer.result().error for answer in done] == ["operation_timeout"]

    await kept.send_json({"envelope_id": on_kept["envelope_id"]})
    assert (await waiting).acked


@pytest.mark.parametrize("ack_timeout", [0.5])
async def test_the_real_client_leaves_a_silent_socket(
    slack: SimulatedSlack, example: AsyncApp, over_sockets: AsyncSocketModeHandler
) -> None:
    example.command("/record")(_just_ack)
    slack.faults.switch_on("socket_silent", times=1)
    assert (await slack.command("U0ADA", "C0FLOOR", "list")).error == "operation_timeout"

    await slack.wait_for(lambda: slack.sockets.connections >= 2)
    await slack.wait_for(lambda: [link.silent for link in slack.sockets.links] == [False])

    assert (await slack.command("U0ADA", "C0FLOOR", "list")).acked
    assert await over_sockets.client.is_connected()


async def test_a_lost_handshake_uses_its_ticket_up(slack: SimulatedSlack, session: ClientSession) -> None:
    url = await socket_url(slack, session)
    slack.faults.switch_on("server_error", times=1, only="socket")
    for _ in range(2):
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(url)
    await connected(slack, session)


async def test_a_warning_leaves_the_socket_in_use(slack: SimulatedSlack, session: ClientSession) -> None:
    socket = await connected(slack, session)
    await slack.disconnect_sockets("warning")
    assert (await socket.receive_json())["reason"] == "warning"
    command = asyncio.create_task(slack.command("U0ADA", "C0FLOOR", "list"))
    assert (await socket.receive_json())["type"] == "slash_commands"
    command.cancel()


async def test_nobody_can_act_who_or_where_there_is_nothing(slack: SimulatedSlack) -> None:
    slack.add_channel("C0PRIVATE", "secret", ["U0ADA"], private=True)
    with pytest.raises(LookupError, match="U0NOBODY"):
        await slack.command("U0NOBODY", "C0FLOOR", "list")
    with pytest.raises(LookupError, match="C0PRIVATE"):
        await slack.command("U0MALLORY", "C0PRIVATE", "list")
    with pytest.raises(LookupError, match=r"1\.1"):
        await slack.click("U0ADA", "C0FLOOR", "1.1", "recording_stop")
    assert slack.direct_messages("U0ADA") == slack.messages("D0ADA") == []


async def test_when_slack_is_down_sockets_close_and_nothing_is_sent(
    slack: SimulatedSlack, session: ClientSession
) -> None:
    socket = await connected(slack, session)
    slack.faults.switch_on("down")

    assert (await socket.receive()).type is WSMsgType.CLOSE
    result = await slack.command("U0ADA", "C0FLOOR", "list")
    assert result.error == "service_unavailable"
    async with session.post(f"{slack.api_url}apps.connections.open") as response:
        assert response.status == 503

    slack.faults.switch_off("down")
    await connected(slack, session)


async def _just_ack(ack: Callable[..., Awaitable[None]]) -> None:
    await ack()


async def test_slack_pings_and_answers_pings(slack: SimulatedSlack, session: ClientSession) -> None:
    slack.sockets.ping_interval = 0.05
    url = await socket_url(slack, session)
    async with session.ws_connect(url, autoping=False) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        await socket.ping(b"mine")
        heard: set[WSMsgType] = set()
        async with asyncio.timeout(60):
            while heard != {WSMsgType.PING, WSMsgType.PONG}:
                heard.add((await socket.receive()).type)
