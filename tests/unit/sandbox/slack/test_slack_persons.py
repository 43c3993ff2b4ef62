"""What people's doings carry to an app, in Slack's shapes; and what it may not do late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import NothingThere, SimulatedSlack
from bot.sandbox.slack.manifest import Shortcut, expanding_commands, shortcuts_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientSession

TEXT = {"type": "plain_text", "text": "Words"}
FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "form",
    "title": TEXT,
    "submit": TEXT,
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "call",
            "dispatch_action": True,
            "label": TEXT,
            "element": {"type": "external_select", "action_id": "pick", "min_query_length": 0},
        },
        {
            "type": "input",
            "block_id": "note",
            "label": TEXT,
            "optional": True,
            "element": {"type": "plain_text_input", "action_id": "typed"},
        },
    ],
}


async def opened(slack: SimulatedSlack, client: AsyncWebClient, view: dict[str, Any] = FORM) -> None:
    trigger = (await slack.shortcut("U0ADA", "any")).payload.body["trigger_id"]
    await client.views_open(trigger_id=trigger, view=view)


async def test_a_message_of_a_person_has_its_links_marked(slack: SimulatedSlack) -> None:
    said = slack.post("U0ADA", "C0FLOOR", "see https://apps.example.org/a?b=1&c=2. <now> & here")
    assert said.text == "see <https://apps.example.org/a?b=1&amp;c=2>. &lt;now&gt; &amp; here"
    (section,) = said.blocks[0]["elements"]
    assert section["elements"] == [
        {"type": "text", "text": "see "},
        {"type": "link", "url": "https://apps.example.org/a?b=1&c=2"},
        {"type": "text", "text": ". <now> & here"},
    ]
    body = (await slack.shortcut("U0GRACE", "look", channel_id="C0FLOOR", message_ts=said.ts)).payload.body
    assert body["message"]["text"] == said.text
    assert (body["user"]["id"], body["message"]["user"], body["channel"]["id"]) == ("U0GRACE", "U0ADA", "C0FLOOR")
    assert body["response_url"]
    with pytest.raises(NothingThere):
        slack.post("U0MALLORY", "C0AUDIT", "I am no member")


async def test_a_global_shortcut_names_the_person_and_no_channel(slack: SimulatedSlack) -> None:
    body = (await slack.shortcut("U0ADA", "start")).payload.body
    assert body["user"] == {"id": "U0ADA", "username": "ada", "team_id": "T0SANDBOX"}
    assert body["trigger_id"]
    assert "channel" not in body
    assert "response_url" not in body


async def test_a_search_and_a_choice_carry_the_whole_view(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    await opened(slack, client)
    searched = (await slack.options("U0ADA", "pick", "pri")).payload.body
    assert (searched["type"], searched["value"], searched["action_id"]) == ("block_suggestion", "pri", "pick")
    assert searched["view"]["callback_id"] == "form"
    assert "trigger_id" not in searched

    view = slack.views.on_top("U0ADA")
    view.offer("pick", [{"text": TEXT, "value": "1"}])
    view.offer("pick", [{"text": TEXT, "value": "2"}])
    acted = (await slack.act_in_view("U0ADA", "pick", "1", values={"typed": "so far"})).payload.body
    assert acted["actions"][0]["selected_option"]["value"] == "1"
    assert acted["view"]["state"]["values"]["note"]["typed"]["value"] == "so far"
    assert acted["view"]["hash"] == view.hash
    assert "response_url" not in acted


async def test_closing_can_clear_what_lies_beneath(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    await opened(slack, client)
    trigger = (await slack.shortcut("U0ADA", "any")).payload.body["trigger_id"]
    await client.views_push(trigger_id=trigger, view=FORM | {"clear_on_close": True})
    result = await slack.close_view("U0ADA")
    assert result is not None
    assert (result.payload.body["type"], result.payload.body["is_cleared"]) == ("view_closed", True)
    assert not slack.views.modals["U0ADA"]


async def test_home_is_opened_with_the_view_that_stands_there(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    event = (await slack.open_home("U0ADA")).payload.body["event"]
    assert (event["type"], event["tab"], "view" in event) == ("app_home_opened", "home", False)
    published = await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []})
    view = (await slack.open_home("U0ADA")).payload.body["event"]["view"]
    assert view["hash"] == published["view"]["hash"]

    again = await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []}, hash=view["hash"])
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []}, hash=view["hash"])
    assert again["view"]["hash"] != view["hash"]


@pytest.fixture
async def later() -> AsyncIterator[tuple[SimulatedSlack, list[float]]]:
    now = [time.time()]
    slack = SimulatedSlack(clock=lambda: now[0])
    slack.seed()
    await slack.start()
    yield slack, now
    await slack.stop()


async def test_a_trigger_lives_three_seconds(later: tuple[SimulatedSlack, list[float]], session: ClientSession) -> None:
    slack, now = later
    client = AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url, session=session, retry_handlers=[])
    trigger = (await slack.shortcut("U0ADA", "any")).payload.body["trigger_id"]
    now[0] += 3.1
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=trigger, view=FORM)


async def test_a_person_changes_the_language(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    slack.set_locale("U0ADA", "de-DE")
    assert (await client.users_info(user="U0ADA", include_locale=True))["user"]["locale"] == "de-DE"
    assert (await client.users_info(user="U0HEIDI", include_locale=True))["user"]["locale"] == "de-DE"
    with pytest.raises(NothingThere):
        slack.set_locale("U0NOBODY", "de-DE")


def test_shortcuts_come_from_the_manifest() -> None:
    manifest = "features: {shortcuts: [{name: Start, type: global, callback_id: start, description: Records a call}]}"
    assert shortcuts_of(manifest) == (Shortcut("Start", "global", "start", "Records a call"),)
    assert shortcuts_of("features: {}") == shortcuts_of("") == ()


@pytest.mark.parametrize(
    ("typed", "plain", "expanded"),
    [
        ("start @ada now", "start @ada now", "start <@U0ADA|ada> now"),
        ("start @nobody", "start @nobody", "start @nobody"),
        ("start <@ada>", "start &lt;@ada&gt;", "start &lt;<@U0ADA|ada>&gt;"),
        ("in #floor", "in #floor", "in <#C0FLOOR|floor>"),
        ("start ada@example.com & co", "start ada@example.com &amp; co",
         "start <mailto:ada@example.com|ada@example.com> &amp; co"),
        ("see https://e.example/a?b=1&c.", "see https://e.example/a?b=1&amp;c.",
         "see <https://e.example/a?b=1&amp;c>."),
    ],
)  # fmt: skip
async def test_names_in_a_command_are_marked_where_the_app_wants_it(
    slack: SimulatedSlack, typed: str, plain: str, expanded: str
) -> None:
    sent = await slack.command("U0ADA", "C0FLOOR", typed)
    assert sent.payload.body["text"] == plain
    slack.expanding = frozenset({"/record"})
    sent = await slack.command("U0ADA", "C0FLOOR", typed)
    assert sent.payload.body["text"] == expanded


def test_which_commands_are_expanded_is_in_the_manifest() -> None:
    manifest = "features: {slash_commands: [{command: /a, should_escape: true}, {command: /b}]}"
    assert expanding_commands(manifest) == {"/a"}
    assert expanding_commands("features: {}") == expanding_commands("") == frozenset()


async def test_addresses_are_shown_with_their_scope_only(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    async def shown(user: str) -> str | None:
        found: str | None = (await client.users_info(user=user))["user"]["profile"].get("email")
        return found

    assert await shown("U0ADA") is None
    slack.scopes.add("users:read.email")
    assert await shown("U0ADA") == "ada.byron@example.com"
    assert await shown("U0HELPER") is None
    listed = (await client.users_list())["members"]
    assert {one["profile"].get("email") for one in listed if not one["is_bot"]} > {"ada.byron@example.com"}
