"""What a visitor of the page does, passed on to the simulators and the bot's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.fields import UnusableRequest, optional_number, optional_text, read_object, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.process import BotProcess
    from bot.sandbox.slack import DeliveryResult, SimulatedSlack


def _delivered(result: DeliveryResult | None) -> web.Response:
    """Answer with what came of a delivery; None is one that Slack's own client would not have sent."""
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
class SlackDeeds:
    """What people do in Slack."""

    slack: SimulatedSlack

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/command", self.command),
            web.post("/api/click", self.click),
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

    async def submit(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        values = body.get("values")
        if not isinstance(values, dict):
            raise UnusableRequest("values has to be an object.")
        return _delivered(await self.slack.submit_view(text(body, "user"), values))

    async def close(self, request: web.Request) -> web.Response:
        return _delivered(await self.slack.close_view(text(await read_object(request), "user")))

    async def options(self, request: web.Request) -> web.Response:
        """Answer with the options that the bot offers for what was typed."""
        body = await read_object(request)
        result = await self.slack.options(text(body, "user"), text(body, "action_id"), text(body, "typed"))
        offered = result.body if result.acked and isinstance(result.body, dict) else {}
        groups = offered.get("option_groups") or []
        options = offered.get("options") or [option for group in groups for option in group["options"]]
        return web.json_response({"acked": result.acked, "error": result.error, "options": options})

    async def act(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        user, action, block = (text(body, name) for name in ("user", "action_id", "block_id"))
        return _delivered(await self.slack.act_in_view(user, action, body.get("value"), block_id=block))


@dataclass(frozen=True)
class CallDeeds:
    """What happens to calls, from outside the bot."""

    genesys: SimulatedGenesys

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/calls", self.add),
            web.post("/api/calls/{id}/{what:hang_up|hold|unhold|secure_pause|resume|recording}", self.change),
        ]

    async def add(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        told = {name: text(body, name) for name in ("agent", "queue", "direction") if name in body}
        if told.get("direction", "inbound") not in {"inbound", "outbound"}:
            raise UnusableRequest("direction has to be inbound or outbound.")
        call = self.genesys.add_call(**told)
        return web.json_response({"conversation_id": call.conversation_id}, status=201)

    async def change(self, request: web.Request) -> web.Response:
        call = request.match_info["id"]
        body = await read_object(request)
        genesys = self.genesys
        if call not in genesys.calls:
            raise UnusableRequest(f"There is no call {call}.")
        changes: dict[str, Callable[[], object]] = {
            "hang_up": lambda: genesys.hang_up(call),
            "hold": lambda: genesys.hold(call, on=True),
            "unhold": lambda: genesys.hold(call, on=False),
            "secure_pause": lambda: genesys.secure_pause(call, on=True),
            "resume": lambda: genesys.secure_pause(call, on=False),
            "recording": lambda: genesys.set_recording(call, on=bool(body.get("on", True))),
        }
        changes[request.match_info["what"]]()
        return web.json_response({})


@dataclass(frozen=True)
class Mischief:
    """What goes wrong: faults of the two systems, and the end of the bot's process."""

    slack: SimulatedSlack
    genesys: SimulatedGenesys
    bot: BotProcess

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/faults/{system:slack|genesys}/{name}", self.fault),
            web.post("/api/bot/{what:kill|stop|start}", self.control_bot),
        ]

    async def fault(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        name = request.match_info["name"]
        switches = self.slack.faults if request.match_info["system"] == "slack" else self.genesys.faults
        if name not in {fault["name"] for fault in switches.snapshot()}:
            raise UnusableRequest(f"There is no fault {name}.")
        times, value = optional_number(body, "times"), optional_number(body, "value")
        if body.get("on", True):
            only = optional_text(body, "only") or ""
            switches.switch_on(name, times=None if times is None else int(times), value=value, only=only)
        else:
            switches.switch_off(name)
        return web.json_response({})

    async def control_bot(self, request: web.Request) -> web.Response:
        controls = {"kill": self.bot.kill, "stop": self.bot.stop, "start": self.bot.start}
        await controls[request.match_info["what"]]()
        return web.json_response(self.bot.snapshot())
