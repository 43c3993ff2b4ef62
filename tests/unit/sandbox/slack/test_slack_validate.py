from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*Recording*"}}
LONG = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Start"}, "blocks": [SECTION]}


@pytest.mark.parametrize(
    "sound", [{"blocks": [SECTION]}, {"message": {"text": "x", "blocks": [SECTION]}}, {"view": MODAL}], ids=str
)
async def test_what_slack_would_take(slack: SimulatedSlack, client: AsyncWebClient, sound: dict[str, Any]) -> None:
    slack.scopes.clear()  # none is wanted
    assert (await client.blocks_validate(**sound))["ok"]
    assert all(slack.messages(channel) == [] for channel in ("C0FLOOR", "C0AUDIT"))


@pytest.mark.parametrize(
    ("wrong", "code", "pointer", "limit"),
    [
        ({"blocks": [LONG]}, "invalid_blocks", "/0/text/text", {"type": "max_length", "expected": 3000}),
        ({"blocks": [SECTION] * 51}, "invalid_blocks", "", {"type": "max_items", "expected": 50}),
        ({"message": {"blocks": [LONG]}}, "invalid_message", "/blocks/0/text/text", {"type": "max_length"}),
        ({"view": MODAL | {"blocks": [LONG]}}, "invalid_view", "/blocks/0/text/text", {"type": "max_length"}),
        ({"view": {"type": "home"}}, "invalid_view", "", {}),
    ],
    ids=str,
)
async def test_what_it_would_not(
    client: AsyncWebClient, wrong: dict[str, Any], code: str, pointer: str, limit: dict[str, Any]
) -> None:
    with pytest.raises(SlackApiError) as refusal:
        await client.blocks_validate(**wrong)
    answer = refusal.value.response
    assert answer["error"] == code
    (error,) = answer["errors"]
    assert (error["code"], error["pointer"]) == ("failed_constraint", pointer)
    assert limit.items() <= error.get("constraint", {}).items()


@pytest.mark.parametrize("given", [{}, {"blocks": [SECTION], "view": MODAL}], ids=str)
async def test_it_wants_exactly_one(client: AsyncWebClient, given: dict[str, Any]) -> None:
    with pytest.raises(SlackApiError) as refusal:
        await client.blocks_validate(**given)
    assert refusal.value.response["error"] == "invalid_arguments"
    assert "must provide exactly one of" in refusal.value.response["response_metadata"]["messages"][0]
