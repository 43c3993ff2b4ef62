from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.slack.events.delivery import Payload, encoded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncApp
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack

FORM = {
    "token",
    "team_id",
    "team_domain",
    "channel_id",
    "channel_name",
    "user_id",
    "user_name",
    "command",
    "text",
    "api_app_id",
    "is_enterprise_install",
    "is_ext_shared_channel",
    "response_url",
    "trigger_id",
}


async def test_a_command_comes_signed_and_its_ack_is_shown(
    slack: SimulatedSlack, over_http: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack("Nothing is being recorded")

    result = await slack.command("U0ADA", "C0FLOOR", "list")

    assert (result.acked, result.status, result.body) == (True, 200, "Nothing is being recorded")
    assert result.shown[0].ephemeral_to == "U0ADA"
    assert set(got[0].body) == FORM
    headers = {name: values[0] for name, values in got[0].headers.items()}
    assert SignatureVerifier("sandbox-signing-secret").is_valid_request(got[0].raw_body, headers)
    assert not SignatureVerifier("other").is_valid_request(got[0].raw_body, headers)


async def test_an_ack_may_be_a_message_with_blocks_for_everyone(slack: SimulatedSlack, over_http: AsyncApp) -> None:
    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(text="List", blocks=[{"type": "divider"}], response_type="in_channel")

    await slack.command("U0ADA", "C0FLOOR", "list")

    assert slack.messages("C0FLOOR", seen_by="U0GRACE")[0].blocks[0]["type"] == "divider"


async def test_an_ack_with_wrong_blocks_is_not_shown(slack: SimulatedSlack, over_http: AsyncApp) -> None:
    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(text="List", blocks=[{"type": "section"}])

    result = await slack.command("U0ADA", "C0FLOOR", "list")

    assert result.error == "invalid_command_response"
    assert "invalid_blocks" in slack.warnings[0]


async def test_a_failing_app_is_reported_to_the_person(slack: SimulatedSlack, over_http: AsyncApp) -> None:
    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()
        raise RuntimeError("listener failed")

    @over_http.error
    async def silence(error: Exception) -> None:
        raise error

    failed = await slack.command("U0ADA", "C0FLOOR", "list")
    unknown = await slack.command("U0ADA", "C0FLOOR", "list", command="/recrod")
    slack.events_url = "http://127.0.0.1:1/slack/events"
    refused = await slack.command("U0ADA", "C0FLOOR", "list")

    assert (failed.error, failed.status) == ("http_service_error", 500)
    assert (unknown.error, unknown.status) == ("http_client_error", 404)
    assert refused.error == "dispatch_failed"
    assert len(slack.messages("C0FLOOR", seen_by="U0ADA")) == 3


@pytest.mark.parametrize("ack_timeout", [0.5])
async def test_a_slow_app_times_out(slack: SimulatedSlack, over_http: AsyncApp) -> None:
    released = asyncio.Event()

    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await released.wait()
        await ack()

    result = await slack.command("U0ADA", "C0FLOOR", "list")
    released.set()

    assert result.error == "operation_timeout"


async def test_an_event_without_an_ack_is_sent_again(
    slack: SimulatedSlack, over_http: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    @over_http.event("app_home_opened")
    async def opened() -> None:
        if len(got) == 1:
            raise RuntimeError("not yet")

    result = await slack.open_home("U0ADA")

    assert result.again is not None
    assert result.again.acked
    assert got[0].body["event_id"] == got[1].body["event_id"]
    assert got[1].headers["x-slack-retry-num"] == ["1"]


async def test_a_response_url_edits_what_only_one_person_sees(
    slack: SimulatedSlack, over_http: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    button = {"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}}

    @over_http.command("/record")
    async def record(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(text="List", blocks=[{"type": "actions", "elements": [button]}])

    @over_http.action("more")
    async def more(ack: Callable[..., Awaitable[None]], respond: Callable[..., Awaitable[object]]) -> None:
        await ack()
        await respond(text="The whole list", replace_original=True)

    shown = (await slack.command("U0ADA", "C0FLOOR", "list")).shown[0]
    await slack.click("U0ADA", "C0FLOOR", shown.ts, "more")

    assert "message" not in got[1].body
    assert got[1].body["container"]["is_ephemeral"] is True
    assert [message.text for message in slack.messages("C0FLOOR")] == ["The whole list"]
    assert slack.messages("C0FLOOR")[0].ephemeral_to == "U0ADA"


async def test_a_click_in_a_message_reaches_the_app(
    slack: SimulatedSlack, over_http: AsyncApp, client: AsyncWebClient
) -> None:
    values: list[str] = []

    @over_http.action("choose")
    async def choose(ack: Callable[..., Awaitable[None]], action: dict[str, dict[str, str]]) -> None:
        values.append(action["selected_option"]["value"])
        await ack()

    option = {"text": {"type": "plain_text", "text": "Call 1"}, "value": "1"}
    menu = {"type": "static_select", "action_id": "choose", "options": [option]}
    text = {"type": "mrkdwn", "text": "Which?"}
    posted = await client.chat_postMessage(
        channel="C0FLOOR", text="Which?", blocks=[{"type": "section", "text": text, "accessory": menu}]
    )

    assert (await slack.click("U0ADA", "C0FLOOR", posted["ts"], "choose", value="1")).acked
    assert values == ["1"]


def test_each_kind_is_encoded_as_slack_does() -> None:
    assert encoded(Payload("slash_commands", {"text": "a b&c"})) == (
        "application/x-www-form-urlencoded",
        "text=a+b%26c",
    )
    assert encoded(Payload("interactive", {"a": 1}))[1] == "payload=%7B%22a%22%3A+1%7D"
    assert encoded(Payload("events_api", {"a": 1})) == ("application/json", '{"a": 1}')
