"""Channels that another organization is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack


async def test_a_command_says_whether_the_channel_is_shared(
    slack: SimulatedSlack, over_http: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    @over_http.command("/record")
    async def heard(ack: AsyncAck) -> None:
        await ack()

    await slack.command("U0ADA", "C0FLOOR", "help")
    slack.share("C0FLOOR")
    await slack.command("U0ADA", "C0FLOOR", "help")

    assert [one.body["is_ext_shared_channel"] for one in got] == ["false", "true"]


async def test_with_a_scope_an_app_can_ask(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.conversations_info(channel="C0FLOOR")
    slack.scopes.add("channels:read")
    slack.invite_organization("C0FLOOR")

    found = (await client.conversations_info(channel="C0FLOOR"))["channel"]
    assert (found["is_ext_shared"], found["is_pending_ext_shared"], found["connected_team_ids"]) == (False, True, [])
    slack.share("C0FLOOR")
    found = (await client.conversations_info(channel="C0FLOOR"))["channel"]
    assert (found["is_ext_shared"], found["is_shared"], found["is_org_shared"]) == (True, True, False)


async def test_the_page_has_a_switch_for_each_of_the_two_channels(slack: SimulatedSlack) -> None:
    def shared() -> list[str]:
        return [one["id"] for one in slack.snapshot()["channels"] if one["shared"]]

    slack.faults.switch_on("shared_channel", times=1)
    assert shared() == ["C0FLOOR"]
    slack.faults.switch_on("shared_audit_channel")
    slack.faults.switch_off("shared_channel")
    assert shared() == ["C0AUDIT"]
    slack.faults.switch_all_off()
    assert shared() == []
