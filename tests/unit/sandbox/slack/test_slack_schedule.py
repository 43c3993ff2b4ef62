from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack

HOUR = 3600


async def test_a_message_is_scheduled_and_taken_back(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    later = int(time.time()) + HOUR

    answer = await client.chat_scheduleMessage(channel="C0FLOOR", post_at=later, text="later")
    message_id = answer["scheduled_message_id"]

    assert list(slack.scheduled) == [message_id]
    assert slack.messages("C0FLOOR") == []
    (pending,) = (await client.chat_scheduledMessages_list(channel="C0FLOOR"))["scheduled_messages"]
    assert (pending["id"], pending["channel_id"], pending["post_at"]) == (message_id, "C0FLOOR", later)
    assert pending["text"] == "later"
    assert (await client.chat_scheduledMessages_list(channel="C0AUDIT"))["scheduled_messages"] == []

    await client.chat_deleteScheduledMessage(channel="C0FLOOR", scheduled_message_id=message_id)

    assert slack.scheduled == {}
    with pytest.raises(SlackApiError, match="invalid_scheduled_message_id"):
        await client.chat_deleteScheduledMessage(channel="C0FLOOR", scheduled_message_id=message_id)


@pytest.mark.parametrize(
    ("ahead", "error"), [(-HOUR, "time_in_past"), (130 * 24 * HOUR, "time_too_far")], ids=["past", "too far"]
)
async def test_it_wants_a_time_within_120_days(client: AsyncWebClient, ahead: int, error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        await client.chat_scheduleMessage(channel="C0FLOOR", post_at=int(time.time()) + ahead, text="later")


async def test_it_wants_a_place_where_the_app_may_post(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.remove_bot("C0FLOOR")

    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.chat_scheduleMessage(channel="C0FLOOR", post_at=int(time.time()) + HOUR, text="later")
