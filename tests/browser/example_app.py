"""A small Slack app that uses everything that the page can show, and notes what it hears."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.sandbox.slack.manifest import shortcuts_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.sandbox.slack import SimulatedSlack

    Ack = Callable[..., Awaitable[None]]

MANIFEST = """
features:
  shortcuts:
    - {name: Everything, type: global, callback_id: everything, description: A form with every kind of input}
    - {name: Nothing, type: global, callback_id: nothing, description: Only listens}
    - {name: Look into it, type: message, callback_id: look, description: Names the message}
"""
AGENTS = ("Priya Nair", "Tom Becker", "Lucia Romano", "Kwame Mensah")
COLOURS = ("Red", "Green", "Blue")


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def option(text: str) -> dict[str, Any]:
    return {"text": plain(text), "value": text.split(maxsplit=1)[0].lower()}


def field_(block_id: str, label: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element | {"action_id": block_id},
    } | more


def everything(*, note: str = "Nothing chosen yet") -> dict[str, Any]:
    """Return a modal with each kind of input; ``note`` changes while it is open."""
    options = [option(one) for one in COLOURS]
    return {
        "type": "modal",
        "callback_id": "everything",
        "title": plain("Everything"),
        "submit": plain("Send"),
        "close": plain("Leave"),
        "private_metadata": "kept",
        "notify_on_close": True,
        "blocks": [
            field_(
                "agent",
                "Agent",
                {"type": "external_select", "min_query_length": 0},
                hint=plain("Search by name"),
                dispatch_action=True,
            ),
            {"type": "section", "block_id": "note", "text": plain(note)},
            field_("colour", "Colour", {"type": "static_select", "options": options}, optional=True),
            field_("size", "Size", {"type": "radio_buttons", "options": [option("Small"), option("Large")]}),
            field_("extras", "Extras", {"type": "checkboxes", "options": options}, optional=True),
            field_("words", "Words", {"type": "plain_text_input", "multiline": True}, optional=True),
        ],
    }


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": action_id} | more


@dataclass
class ExampleApp:
    """The app behind one simulated Slack. ``heard`` holds the payloads in the order in which they came."""

    slack: SimulatedSlack
    client: AsyncWebClient
    heard: list[dict[str, Any]] = field(default_factory=list)
    published: int = 0
    acknowledges: asyncio.Event | None = None
    """While it is there and not set, "Write to me" is not acknowledged."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for body in self.heard if body.get("type") == kind]

    def build(self) -> AsyncSocketModeHandler:
        self.slack.shortcuts = shortcuts_of(MANIFEST)
        # with a name, Bolt need not look through all modules for the one that makes the app
        app = AsyncApp(name="example", client=self.client, authorize=_authorize, process_before_response=True)
        app.middleware(self._note)
        app.command("/record")(self.command)
        app.shortcut("everything")(self.open_form)
        app.shortcut("nothing")(_ack)
        app.shortcut("look")(self.look)
        app.options("agent")(self.agents)
        app.action("agent")(self.agent_chosen)
        app.view("everything")(self.submitted)
        app.view_closed("everything")(_ack)
        app.view("second")(self.second)
        app.event("app_home_opened")(self.home)
        app.action("again")(self.again)
        app.action("change")(self.change)
        app.action("vanish")(self.vanish)
        app.action("write")(self.write)
        return AsyncSocketModeHandler(app, "xapp-sandbox")

    async def _note(self, body: dict[str, Any], next: Ack) -> None:  # noqa: A002  Bolt's name
        self.heard.append(body)
        await next()

    async def command(self, ack: Ack, command: dict[str, Any]) -> None:
        elements = [button("Change", "change"), button("Vanish", "vanish"), button("Write to me", "write")]
        blocks = [{"type": "actions", "block_id": "choices", "elements": elements}]
        await ack(response_type="ephemeral", text=f"Heard: {command['text']}", blocks=blocks)

    async def open_form(self, ack: Ack, shortcut: dict[str, Any]) -> None:
        await ack()
        await self.client.views_open(trigger_id=shortcut["trigger_id"], view=everything())

    async def look(self, ack: Ack, shortcut: dict[str, Any]) -> None:
        await ack()
        view = {
            "type": "modal",
            "title": plain("A message"),
            "blocks": [{"type": "section", "text": plain(shortcut["message"]["text"])}],
        }
        await self.client.views_open(trigger_id=shortcut["trigger_id"], view=view)

    async def agents(self, ack: Ack, payload: dict[str, Any]) -> None:
        found = [one for one in AGENTS if payload["value"].lower() in one.lower()]
        await ack(options=[option(one) for one in found])

    async def agent_chosen(self, ack: Ack, body: dict[str, Any], action: dict[str, Any]) -> None:
        await ack()
        name = action["selected_option"]["text"]["text"]
        view = body["view"]
        await self.client.views_update(view_id=view["id"], hash=view["hash"], view=everything(note=f"Chosen: {name}"))

    async def submitted(self, ack: Ack, view: dict[str, Any]) -> None:
        words = view["state"]["values"]["words"]["words"]["value"]
        if words == "wrong":
            await ack(response_action="errors", errors={"words": "These are the wrong words"})
        elif words == "more":
            blocks = [field_("name", "Name", {"type": "plain_text_input"})]
            second = {"type": "modal", "callback_id": "second", "title": plain("Second"), "submit": plain("Done")}
            await ack(response_action="push", view=second | {"blocks": blocks})
        elif words == "look":
            done = {
                "type": "modal",
                "title": plain("Done"),
                "blocks": [{"type": "section", "text": plain("All of it")}],
            }
            await ack(response_action="update", view=done)
        else:
            await ack()

    async def second(self, ack: Ack) -> None:
        await ack(response_action="clear")

    async def home(self, event: dict[str, Any]) -> None:
        if event["tab"] == "home":
            await self.publish(event["user"])

    async def publish(self, user: str) -> None:
        self.published += 1
        blocks = [
            {"type": "header", "text": plain(f"Home of {user}")},
            {"type": "section", "block_id": "count", "text": plain(f"Published {self.published} times")},
            {
                "type": "actions",
                "block_id": "home",
                "elements": [button("Again", "again"), button("Write to me", "write")],
            },
        ]
        await self.client.views_publish(user_id=user, view={"type": "home", "blocks": blocks})

    async def again(self, ack: Ack, body: dict[str, Any]) -> None:
        await ack()
        await self.publish(body["user"]["id"])

    async def change(self, ack: Ack, respond: Ack) -> None:
        await ack()
        await respond(text="Changed", replace_original=True)

    async def vanish(self, ack: Ack, respond: Ack) -> None:
        await ack()
        await respond(delete_original=True)

    async def write(self, ack: Ack, body: dict[str, Any]) -> None:
        if self.acknowledges is not None:
            await self.acknowledges.wait()
        await ack()
        await self.client.chat_postMessage(channel=body["user"]["id"], text="A word with you")


async def _ack(ack: Ack) -> None:
    await ack()


async def _authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None, team_id="T0SANDBOX", bot_user_id="U0RECBOT", bot_id="B0RECBOT", bot_token="xoxb-sandbox"
    )
