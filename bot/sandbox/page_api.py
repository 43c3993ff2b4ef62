"""What a visitor of the page lets happen to calls, systems and the bot's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.fields import UnusableRequest, optional_number, optional_text, read_object, text

DAY_SECONDS = 24 * 3600.0

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.clock import SandboxClock
    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.process import BotProcess
    from bot.sandbox.slack import SimulatedSlack


@dataclass(frozen=True)
class CallActionRoutes:
    """What happens to calls, from outside the bot."""

    genesys: SimulatedGenesys

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/calls", self.add),
            web.post(
                "/api/calls/{id}/{what:hang_up|hold|unhold|secure_pause|resume|recording|join|policy|snippet}",
                self.change,
            ),
            web.post("/api/calls/{id}/{what:transfer|answer|consult|complete|cancel|wrap_up}", self.hand_over),
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
            raise UnusableRequest(f"No call {call}.")
        changes: dict[str, Callable[[], object]] = {
            "hang_up": lambda: genesys.hang_up(call),
            "hold": lambda: genesys.hold(call, on=True),
            "unhold": lambda: genesys.hold(call, on=False),
            "secure_pause": lambda: genesys.secure_pause(call, on=True),
            "resume": lambda: genesys.secure_pause(call, on=False),
            "join": lambda: genesys.agent_joins(call, optional_text(body, "agent") or _another(genesys, call)),
            "policy": lambda: genesys.policy_takes_hold(call),
            "recording": lambda: genesys.set_recording(call, on=bool(body.get("on", True))),
            "snippet": lambda: genesys.snippet(call, on=bool(body.get("on", True))),
        }
        change = changes.get(request.match_info["what"])
        if change is None:
            raise web.HTTPNotFound
        change()
        return web.json_response({})

    async def hand_over(self, request: web.Request) -> web.Response:
        """Let the first agent transfer the call, talk to another one before that, or leave the caller and wrap up."""
        call_id, what, body = request.match_info["id"], request.match_info["what"], await read_object(request)
        if call_id not in self.genesys.calls:
            raise UnusableRequest(f"No call {call_id}.")
        call, transfers = self.genesys.calls[call_id], self.genesys.transfers
        if what != "answer" and not call.agents:
            raise UnusableRequest("No agent is on this call who could transfer it.")
        to = optional_text(body, "agent") or _another(self.genesys, call_id)
        try:
            match what:
                case "transfer":
                    transfers.blind(call, to, answered=bool(body.get("answered", True)))
                case "answer":
                    transfers.answer(call)
                case "consult":
                    transfers.consult(call, to)
                case "complete":
                    transfers.complete(call)
                case "wrap_up":
                    self.genesys.agent_wraps_up(call_id)
                case _:
                    transfers.cancel(call)
        except ValueError as error:
            raise UnusableRequest(f"That can't be done: {error}.") from None
        return web.json_response({})


def _another(genesys: SimulatedGenesys, call: str) -> str:
    """Return the name of somebody who works here and is not on this call."""
    present = {agent.name for agent in genesys.calls[call].agents}
    return next(name for name in (*genesys.floor.directory.users.values(), "One More Agent") if name not in present)


@dataclass(frozen=True)
class FaultRoutes:
    """What goes wrong: faults of the two systems, and the end of the bot's process."""

    slack: SimulatedSlack
    genesys: SimulatedGenesys
    bot: BotProcess
    clock: SandboxClock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/faults/{system:slack|genesys}/{name}", self.fault),
            web.post("/api/bot/{what:kill|stop|start}", self.control_bot),
            web.post("/api/bot/later", self.later),
        ]

    async def fault(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        name = request.match_info["name"]
        switches = self.slack.faults if request.match_info["system"] == "slack" else self.genesys.faults
        if name not in {fault["name"] for fault in switches.snapshot()}:
            raise UnusableRequest(f"No fault {name}.")
        times, value = optional_number(body, "times"), optional_number(body, "value")
        if body.get("on", True):
            only = optional_text(body, "only") or ""
            switches.switch_on(name, times=None if times is None else int(times), value=value, only=only)
        else:
            switches.switch_off(name)
        return web.json_response({})

    async def later(self, _request: web.Request) -> web.Response:
        """Move the clock of everything a day ahead; the bot reads it when it starts, so it starts again."""
        await self.bot.stop()
        self.clock.move(DAY_SECONDS)
        self.bot.ahead = self.clock.ahead
        await self.bot.start()
        return web.json_response(self.bot.snapshot())

    async def control_bot(self, request: web.Request) -> web.Response:
        controls = {"kill": self.bot.kill, "stop": self.bot.stop, "start": self.bot.start}
        await controls[request.match_info["what"]]()
        return web.json_response(self.bot.snapshot())
