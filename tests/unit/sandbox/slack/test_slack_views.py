from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncApp
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


START = {
    "type": "modal",
    "callback_id": "start",
    "title": plain("Start recording"),
    "submit": plain("Start"),
    "private_metadata": "C0FLOOR",
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "call",
            "label": plain("Call"),
            "element": {"type": "external_select", "action_id": "call_choice", "min_query_length": 0},
        },
        {
            "type": "input",
            "block_id": "reason",
            "optional": True,
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "reason_text"},
        },
    ],
}


@pytest.fixture
def app(over_http: AsyncApp, client: AsyncWebClient) -> AsyncApp:
    @over_http.shortcut("recording_start")
    async def start(ack: Callable[..., Awaitable[None]], shortcut: dict[str, Any]) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=START)

    @over_http.options("call_choice")
    async def calls(ack: Callable[..., Awaitable[None]], payload: dict[str, Any]) -> None:
        await ack(options=[{"text": plain(f"Call {payload['value']}"), "value": "c-1"}])

    return over_http


async def test_a_modal_is_opened_filled_in_and_submitted(
    slack: SimulatedSlack, app: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    @app.view("start")
    async def submitted(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()

    assert (await slack.shortcut("U0ADA", "recording_start")).acked
    assert slack.snapshot()["views"]["U0ADA"][0]["callback_id"] == "start"

    assert await slack.submit_view("U0ADA") is None
    assert slack.views.on_top("U0ADA").errors == {"call": "Please complete this required field."}

    offered = await slack.options("U0ADA", "call_choice", "Priya")
    assert offered.body["options"][0]["text"]["text"] == "Call Priya"
    result = await slack.submit_view("U0ADA", {"call_choice": "c-1", "reason": {"reason_text": "dispute"}})

    assert result is not None
    assert result.acked
    view = got[-1].body["view"]
    assert view["state"]["values"]["call"]["call_choice"]["selected_option"]["value"] == "c-1"
    assert view["state"]["values"]["reason"]["reason_text"]["value"] == "dispute"
    assert (view["private_metadata"], view["team_id"]) == ("C0FLOOR", "T0SANDBOX")
    assert slack.snapshot()["views"] == {}


async def test_an_app_can_refuse_a_submission_and_show_another_view(slack: SimulatedSlack, app: AsyncApp) -> None:
    done = {"type": "modal", "title": plain("Done"), "blocks": []}
    answers: list[dict[str, Any]] = [
        {"response_action": "errors", "errors": {"call": "This call is over"}},
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": done},
    ]

    @app.view("start")
    async def submitted(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(**answers.pop(0))

    await slack.shortcut("U0ADA", "recording_start")
    await slack.options("U0ADA", "call_choice", "")

    await slack.submit_view("U0ADA", {"call_choice": "c-1"})
    assert slack.views.on_top("U0ADA").errors == {"call": "This call is over"}
    await slack.submit_view("U0ADA")
    assert "invalid_arguments" in slack.warnings[0]
    await slack.submit_view("U0ADA")
    assert slack.views.on_top("U0ADA").body["title"]["text"] == "Done"


async def test_closing_a_modal_is_told_where_asked_for(
    slack: SimulatedSlack, app: AsyncApp, got: list[AsyncBoltRequest]
) -> None:
    @app.view_closed("start")
    async def closed(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()

    await slack.shortcut("U0ADA", "recording_start")
    result = await slack.close_view("U0ADA")

    assert result is not None
    assert result.acked
    assert got[-1].body["type"] == "view_closed"
    with pytest.raises(LookupError):
        await slack.submit_view("U0ADA")


async def test_a_trigger_opens_one_valid_view(slack: SimulatedSlack, app: AsyncApp, client: AsyncWebClient) -> None:
    used = (await slack.shortcut("U0ADA", "recording_start")).payload.body["trigger_id"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=used, view=START)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=START)

    fresh = (await slack.command("U0ADA", "C0FLOOR", "start", command="/none")).payload.body["trigger_id"]
    with pytest.raises(SlackApiError) as refusal:
        await client.views_open(trigger_id=fresh, view=START | {"title": plain("x" * 25)})
    assert refusal.value.response["error"] == "invalid_arguments"
    assert "/view/title/text" in refusal.value.response["response_metadata"]["messages"][0]
    assert app.client.base_url == slack.api_url


async def test_a_home_tab_is_published_and_clicked(
    slack: SimulatedSlack, app: AsyncApp, client: AsyncWebClient, got: list[AsyncBoltRequest]
) -> None:
    button = {"type": "button", "action_id": "refresh", "text": plain("Refresh")}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        await client.views_publish(user_id=event["user"], view=home)

    @app.action("refresh")
    async def refresh(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()

    assert (await slack.open_home("U0ADA")).acked
    shown = slack.snapshot()["homes"]["U0ADA"]
    assert (await slack.act_in_view("U0ADA", "refresh", view_id=shown["id"])).acked
    assert got[-1].body["container"] == {"type": "view", "view_id": shown["id"]}

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_publish(user_id="U0ADA", view=home, hash="old")
    await client.views_update(view_id=shown["id"], view=home, hash=shown["hash"])


async def test_a_message_shortcut_names_its_message(
    slack: SimulatedSlack, app: AsyncApp, client: AsyncWebClient, got: list[AsyncBoltRequest]
) -> None:
    @app.message_shortcut("about")
    async def about(ack: Callable[..., Awaitable[None]]) -> None:
        await ack()

    posted = await client.chat_postMessage(channel="C0FLOOR", text="Recording")
    result = await slack.shortcut("U0ADA", "about", channel_id="C0FLOOR", message_ts=posted["ts"])

    assert result.acked
    assert got[0].body["message"]["text"] == "Recording"


async def test_views_are_stacked_three_high(slack: SimulatedSlack, client: AsyncWebClient) -> None:
    view = {"type": "modal", "title": plain("Layer"), "blocks": []}
    for method in ("views.open", "views.push", "views.push"):
        trigger = (await slack.shortcut("U0ADA", "x")).payload.body["trigger_id"]
        await client.api_call(method, json={"trigger_id": trigger, "view": view})

    bottom, middle, top = slack.views.modals["U0ADA"]
    assert (top.previous, top.root) == (middle.id, bottom.id)
    trigger = (await slack.shortcut("U0ADA", "x")).payload.body["trigger_id"]
    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await client.views_push(trigger_id=trigger, view=view)
    await slack.close_view("U0ADA")
    assert slack.views.on_top("U0ADA") is middle


async def test_what_stands_in_a_view_from_the_start_is_its_state(
    slack: SimulatedSlack, app: AsyncApp, client: AsyncWebClient, got: list[AsyncBoltRequest]
) -> None:
    one, two = ({"text": plain(value), "value": value} for value in ("1", "2"))
    elements: dict[str, dict[str, Any]] = {
        "text": {"type": "plain_text_input", "initial_value": "because"},
        "one": {"type": "static_select", "options": [one, two], "initial_option": two},
        "many": {"type": "checkboxes", "options": [one, two]},
        "user": {"type": "users_select", "initial_user": "U0ADA"},
        "users": {"type": "multi_users_select"},
        "day": {"type": "datepicker"},
    }
    blocks = [
        {
            "type": "input",
            "block_id": f"b_{name}",
            "optional": True,
            "label": plain(name),
            "element": element | {"action_id": name},
        }
        for name, element in elements.items()
    ]
    view = {"type": "modal", "callback_id": "all", "title": plain("All"), "submit": plain("Go"), "blocks": blocks}

    @app.view("all")
    async def submitted(ack: Callable[..., Awaitable[None]]) -> None:
        await ack(response_action="clear")

    trigger = (await slack.shortcut("U0ADA", "x")).payload.body["trigger_id"]
    await client.views_open(trigger_id=trigger, view=view)
    await slack.submit_view("U0ADA", {"many": ["1"], "users": ["U0GRACE"], "day": "2026-01-02"})

    state = {
        action: {name: value for name, value in inner.items() if name != "type"}
        for values in got[-1].body["view"]["state"]["values"].values()
        for action, inner in values.items()
    }
    assert state["text"] == {"value": "because"}
    assert state["one"]["selected_option"]["value"] == "2"
    assert [option["value"] for option in state["many"]["selected_options"]] == ["1"]
    assert (state["user"], state["users"]) == ({"selected_user": "U0ADA"}, {"selected_users": ["U0GRACE"]})
    assert state["day"] == {"selected_date": "2026-01-02"}
    assert slack.snapshot()["views"] == {}


async def test_an_update_keeps_what_was_filled_in(slack: SimulatedSlack, app: AsyncApp, client: AsyncWebClient) -> None:
    await slack.shortcut("U0ADA", "recording_start")
    view = slack.views.on_top("U0ADA")
    view.fill({"reason_text": "dispute"})

    await client.views_update(view_id=view.id, view=START | {"title": plain("Other")})

    assert view.values["reason"]["reason_text"]["value"] == "dispute"
    assert app.client.base_url == slack.api_url
