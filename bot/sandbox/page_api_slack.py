"""What a visitor of the page does in Slack, passed on to the simulated one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.fields import UnusableRequest, optional_text, read_object, text

if TYPE_CHECKING:
    from bot.sandbox.slack import DeliveryResult, SimulatedSlack


def _delivered(result: DeliveryResult | None) -> web.Response:
    """Answer with the result of a delivery; None is one that Slack's own client would not have sent."""
    if result is None:
        return web.json_response({"sent": False})
    return web.json_response(
        {
            "sent": True,
            "acked": result.acked,
            "seconds": result.seconds,
            "error": result.error,
        }
    )


@dataclass(frozen=True)
class SlackActionRoutes:
    """What people do in Slack."""

    slack: SimulatedSlack

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/command", self.command),
            web.post("/api/click", self.click),
            web.post("/api/message", self.message),
            web.post("/api/shortcut", self.shortcut),
            web.post("/api/home", self.home),
            web.post("/api/locale", self.locale),
            web.post("/api/view/submit", self.submit),
            web.post("/api/view/close", self.close),
            web.post("/api/view/options", self.options),
            web.post("/api/view/act", self.act),
        ]

    async def command(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, channel, words = (text(body, name) for name in ("user", "channel", "text"))
        return _delivered(await self.slack.command(user, channel, words))

    async def click(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, channel, ts, action = (text(body, name) for name in ("user", "channel", "ts", "action_id"))
        block, value = optional_text(body, "block_id"), optional_text(body, "value")
        return _delivered(await self.slack.click(user, channel, ts, action, block_id=block, value=value))

    async def message(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, channel, words = (text(body, name) for name in ("user", "channel", "text"))
        return web.json_response({"ts": self.slack.post(user, channel, words).ts})

    async def shortcut(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, callback = text(body, "user"), text(body, "callback_id")
        channel, ts = optional_text(body, "channel"), optional_text(body, "ts")
        return _delivered(await self.slack.shortcut(user, callback, channel_id=channel, message_ts=ts))

    async def home(self, request: web.Request) -> web.Response:
        return _delivered(await self.slack.open_home(text(await read_object(request), "user")))

    async def locale(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        self.slack.set_locale(text(body, "user"), text(body, "locale"))
        return web.json_response({})

    async def submit(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        return _delivered(await self.slack.submit_view(text(body, "user"), _values(body)))

    async def close(self, request: web.Request) -> web.Response:
        return _delivered(await self.slack.close_view(text(await read_object(request), "user")))

    async def options(self, request: web.Request) -> web.Response:
        """Answer with the options that the bot offers for what was typed, each with its group's name."""
        body = await read_object(request)
        user, action, typed = (text(body, name) for name in ("user", "action_id", "typed"))
        result = await self.slack.options(user, action, typed, view_id=optional_text(body, "view_id"))
        offered = result.body if result.error is None and isinstance(result.body, dict) else {}
        options = list(offered.get("options") or [])
        for group in offered.get("option_groups") or []:
            options += [option | {"group": group["label"]["text"]} for option in group["options"]]
        return web.json_response({"acked": result.acked, "error": result.error, "options": options})

    async def act(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, action, block = (text(body, name) for name in ("user", "action_id", "block_id"))
        result = await self.slack.act_in_view(
            user,
            action,
            body.get("value"),
            view_id=optional_text(body, "view_id"),
            block_id=block,
            values=_values(body),
        )
        return _delivered(result)


def _values(body: dict[str, Any]) -> dict[str, Any]:
    values = body.get("values", {})
    if not isinstance(values, dict):
        raise UnusableRequest("values has to be an object.")
    return values
