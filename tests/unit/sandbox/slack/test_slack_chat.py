from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack

BUTTON = {
    "type": "button",
    "action_id": "recording_stop",
    "value": "7",
    "text": {"type": "plain_text", "text": "Stop"},
}
CARD: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Recording*"}},
    {"type": "actions", "elements": [BUTTON]},
]


async def refused(call: Awaitable[Any]) -> str:
    with pytest.raises(SlackApiError) as refusal:
        await call
    return str(refusal.value.response["error"])


async def test_a_message_is_posted_edited_and_deleted(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    metadata = {"event_type": "recording_card", "event_payload": {"recording": 7}}
    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording", blocks=CARD, metadata=metadata)

    message = slack.messages("C0FLOOR")[0]
    assert posted["ts"] == message.ts
    assert posted["message"]["bot_id"] == "B0RECBOT"
    assert message.blocks[1]["elements"][0]["action_id"] == "recording_stop"
    assert message.blocks[1]["block_id"]
    assert message.metadata == metadata

    await client.chat_update(channel="C0FLOOR", ts=posted["ts"], text="Stopped")

    assert (message.text, message.blocks, message.metadata) == ("Stopped", [], metadata)
    assert message.edited
    assert slack.snapshot()["messages"]["C0FLOOR"][0]["edited"] is True

    await client.chat_delete(channel="C0FLOOR", ts=posted["ts"])

    assert slack.messages("C0FLOOR") == []
    assert slack.messages("C0FLOOR", with_deleted=True)[0].deleted
    assert slack.warnings == []
    assert [request.method for request in slack.requests] == ["chat.postMessage", "chat.update", "chat.delete"]


async def test_blocks_alone_keep_the_old_text(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording")
    with pytest.warns(UserWarning, match="text"):
        await client.chat_update(channel="C0FLOOR", ts=posted["ts"], blocks=CARD)

    assert slack.messages("C0FLOOR")[0].text == "Recording"
    assert slack.warnings == ["chat.update in C0FLOOR: blocks without text"]


async def test_only_one_person_sees_an_ephemeral_message(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel="C0FLOOR", user="U0ADA", text="Only for Ada")

    assert [message.text for message in slack.messages("C0FLOOR", seen_by="U0ADA")] == ["Only for Ada"]
    assert slack.messages("C0FLOOR", seen_by="U0GRACE") == []
    shown = slack.messages("C0FLOOR")[0]
    assert await refused(client.chat_update(channel="C0FLOOR", ts=shown.ts, text="x")) == "message_not_found"
    not_there = client.chat_postEphemeral(channel="C0AUDIT", user="U0MALLORY", text="x")
    assert await refused(not_there) == "user_not_in_channel"


async def test_posting_to_a_person_uses_one_direct_message(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    first = await client.chat_postMessage(channel="U0ADA", text="one")
    second = await client.chat_postMessage(channel="U0ADA", text="two")

    assert first["channel"] == second["channel"] == "D0ADA"
    assert [message.text for message in slack.direct_messages("U0ADA")] == ["one", "two"]
    kinds = {channel["id"]: channel["kind"] for channel in slack.snapshot()["channels"]}
    assert kinds == {"C0FLOOR": "channel", "C0AUDIT": "channel", "D0ADA": "im"}


async def test_where_the_bot_may_not_post(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.add_channel("C0PRIVATE", "secret", ["U0ADA"], private=True)
    assert await refused(client.chat_postMessage(channel="C0NONE", text="x")) == "channel_not_found"
    assert await refused(client.chat_postMessage(channel="C0PRIVATE", text="x")) == "channel_not_found"
    assert await refused(client.chat_postMessage(channel="U0HELPER", text="x")) == "cannot_dm_bot"

    slack.remove_bot("C0FLOOR")
    assert await refused(client.chat_postMessage(channel="C0FLOOR", text="x")) == "not_in_channel"
    slack.invite_bot("C0FLOOR")
    await client.chat_postMessage(channel="C0FLOOR", text="x")

    slack.archive("C0FLOOR")
    assert await refused(client.chat_postMessage(channel="C0FLOOR", text="x")) == "is_archived"


async def test_what_a_message_may_not_be(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    theirs = slack.workspace.say("C0FLOOR", "hello", user="U0ADA")
    wrong = {"event_type": "recording_card"}

    empty = client.api_call("chat.postMessage", json={"channel": "C0FLOOR", "text": ""})
    assert await refused(empty) == "no_text"
    assert await refused(client.chat_postMessage(channel="C0FLOOR", text="x" * 40_001)) == "msg_too_long"
    assert await refused(client.chat_update(channel="C0FLOOR", ts="1.1", text="x")) == "message_not_found"
    assert await refused(client.chat_update(channel="C0FLOOR", ts=theirs.ts, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(channel="C0FLOOR", ts=theirs.ts)) == "cant_delete_message"
    bad = client.chat_postMessage(channel="C0FLOOR", text="x", metadata=wrong)
    assert await refused(bad) == "invalid_metadata_format"


@pytest.mark.parametrize(
    ("metadata", "taken"),
    [
        (
            {"event_type": "a-b_1", "event_payload": {"a": "x", "b": 1, "c": True, "d": {"1": "y"}, "e": [{"f": 2}]}},
            True,
        ),
        ({"event_type": "lines", "event_payload": {"hashes": ["5:abc"]}}, False),
        ({"event_type": "lines", "event_payload": {"hashes": {"5": ["abc"]}}}, False),
        ({"event_type": "lines", "event_payload": {"hash": None}}, False),
        ({"event_type": "with.dots", "event_payload": {}}, False),
    ],
)
async def test_metadata_hold_what_slacks_published_type_takes(
    client: AsyncWebClient,
    metadata: dict[str, Any],
    taken: bool,  # noqa: FBT001
) -> None:
    posting = client.chat_postMessage(channel="C0FLOOR", text="x", metadata=metadata)
    if taken:
        await posting
    else:
        assert await refused(posting) == "invalid_metadata_format"


async def test_plain_addresses_and_names_come_alive_unless_an_app_says_otherwise(
    slack: SimulatedSlack, client: AsyncWebClient
) -> None:
    words = "see https://evil.example/x and #floor, <https://good.example|this> and `#floor`"
    linked = words.replace("https://evil.example/x", "<https://evil.example/x>").replace("#floor,", "<#C0FLOOR|floor>,")

    def blocks(**more: bool) -> list[dict[str, Any]]:
        return [{"type": "section", "text": {"type": "mrkdwn", "text": words} | more}]

    posted = await client.chat_postMessage(channel="C0FLOOR", text=words, blocks=blocks())
    message = slack.messages("C0FLOOR")[-1]
    assert message.text == linked.replace("<#C0FLOOR|floor>,", "#floor,")  # names are linked where a message is edited
    assert message.blocks[0]["text"]["text"] == linked

    await client.chat_update(channel="C0FLOOR", ts=posted["ts"], text=words, blocks=blocks())
    assert (message.text, message.blocks[0]["text"]["text"]) == (linked, linked)

    quiet = blocks(verbatim=True)
    await client.chat_update(channel="C0FLOOR", ts=posted["ts"], text=words, blocks=quiet, parse="none")
    assert (message.text, message.blocks[0]["text"]["text"]) == (words, words)


async def test_wrong_blocks_are_named_by_their_place(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]

    with pytest.raises(SlackApiError) as refusal:
        await client.chat_postMessage(channel="C0FLOOR", text="x", blocks=blocks)

    assert refusal.value.response["error"] == "invalid_blocks"
    assert refusal.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert slack.messages("C0FLOOR") == []


async def test_a_file_is_uploaded_and_shared(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    await client.files_upload_v2(channel="C0AUDIT", filename="audit.csv", content="seq\n1\n", initial_comment="Export")

    message = slack.messages("C0AUDIT")[0]
    assert (message.text, message.files[0]["name"]) == ("Export", "audit.csv")
    assert slack.files[message.files[0]["id"]].content == b"seq\n1\n"


async def test_a_response_url_posts_for_one_or_for_all_and_five_times(slack: SimulatedSlack) -> None:
    url = (await slack.command("U0ADA", "C0FLOOR", "list")).payload.body["response_url"]
    webhook = AsyncWebhookClient(url)
    slack.remove_bot("C0FLOOR")

    assert (await webhook.send(text="for Ada")).status_code == 200
    assert (await webhook.send(text="for all", response_type="in_channel")).status_code == 200
    wrong = await webhook.send(text="x", blocks=[{"type": "section"}])
    assert (wrong.status_code, "invalid_blocks" in wrong.body) == (400, True)
    await webhook.send(text="again", replace_original=True)
    await webhook.send(text="fifth")
    last = await webhook.send(text="sixth")

    assert (last.status_code, "used_url" in last.body) == (404, True)
    seen = [message.text for message in slack.messages("C0FLOOR")[1:]]
    assert seen == ["for Ada", "for all", "again", "fifth"]
    assert [message.text for message in slack.messages("C0FLOOR", seen_by="U0GRACE")] == ["for all"]
    assert slack.warnings == ["response_url of a command: there is no original to replace"]


async def test_waiting_ends_with_the_change_or_with_a_sentence(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    waiting = asyncio.create_task(slack.wait_for(lambda: slack.messages("C0FLOOR")))
    await client.chat_postMessage(channel="C0FLOOR", text="x")
    await waiting
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        await slack.wait_for(lambda: False, timeout=0.01)


async def test_threads_and_links_need_their_message(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    parent = await client.chat_postMessage(channel="#floor", text="parent")
    await client.chat_postMessage(channel="C0FLOOR", text="reply", thread_ts=parent["ts"])

    assert slack.messages("C0FLOOR")[1].thread_ts == parent["ts"]
    link = (await client.chat_getPermalink(channel="C0FLOOR", message_ts=parent["ts"]))["permalink"]
    assert link.endswith(f"/archives/C0FLOOR/p{parent['ts'].replace('.', '')}")
    lost = client.chat_postMessage(channel="C0FLOOR", text="x", thread_ts="1.1")
    assert await refused(lost) == "thread_not_found"
    assert await refused(client.chat_getPermalink(channel="C0FLOOR", message_ts="1.1")) == "message_not_found"


async def test_an_answer_may_delete_the_message_that_was_clicked(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording", blocks=CARD)
    click = await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_stop")
    webhook = AsyncWebhookClient(click.payload.body["response_url"])

    assert (await webhook.send_dict({"delete_original": True})).status_code == 200
    assert "message_not_found" in (await webhook.send_dict({"delete_original": True})).body
    assert slack.messages("C0FLOOR", seen_by="U0GRACE") == []
    with pytest.raises(LookupError):
        await slack.click("U0ADA", "C0FLOOR", posted["ts"], "recording_stop")
