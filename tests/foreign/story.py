"""The bot at a Slack that nobody of this project wrote: people's requests are signed here, the rest is that Slack's."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

SIGNING_SECRET = "foreign-signing-secret"
PATIENCE = 60.0
STEP = 0.05


@dataclass(frozen=True)
class Person:
    """Somebody who uses the bot: sends it what Slack would send, as documented for HTTP."""

    session: aiohttp.ClientSession
    bot_url: str
    user_id: str
    team_id: str

    async def types(self, channel: str, text: str) -> Any:
        """Type ``/record …``; return the acknowledgement."""
        return await self._sends(
            {
                "command": "/record",
                "text": text,
                "user_id": self.user_id,
                "team_id": self.team_id,
                "channel_id": channel,
                "trigger_id": f"{time.time_ns()}.1.foreign",
                "response_url": f"{self.bot_url}/nowhere",
            }
        )

    async def clicks(self, message: dict[str, Any], channel: str, action_id: str) -> Any:
        """Press a button of a message."""
        elements = [one for block in message["blocks"] for one in block.get("elements", ())]
        button = next(one for one in elements if one.get("action_id") == action_id)
        payload = {
            "type": "block_actions",
            "user": {"id": self.user_id, "team_id": self.team_id},
            "team": {"id": self.team_id},
            "channel": {"id": channel},
            "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel},
            "message": message,
            "trigger_id": f"{time.time_ns()}.2.foreign",
            "response_url": f"{self.bot_url}/nowhere",
            "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": button["value"]}],
        }
        return await self._sends({"payload": json.dumps(payload)})

    async def opens_home(self) -> Any:
        event = {"type": "app_home_opened", "user": self.user_id, "channel": "D0", "tab": "home"}
        body = {
            "type": "event_callback",
            "team_id": self.team_id,
            "event_id": f"Ev{time.time_ns()}",
            "event_time": int(time.time()),
            "event": event,
        }
        return await self._sends(body, as_json=True)

    async def _sends(self, fields: dict[str, Any], *, as_json: bool = False) -> Any:
        body = json.dumps(fields) if as_json else urlencode(fields)
        now = str(int(time.time()))
        signature = SignatureVerifier(SIGNING_SECRET).generate_signature(timestamp=now, body=body)
        headers = {
            "Content-Type": "application/json" if as_json else "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": str(signature),
        }
        async with self.session.post(f"{self.bot_url}/slack/events", data=body, headers=headers) as answer:
            assert answer.status == 200
            return await answer.json() if answer.content_type == "application/json" else await answer.text()


@asynccontextmanager
async def reads_as_posts(url: str) -> AsyncIterator[str]:
    """Stand before a Slack that takes POST only; return the address.

    Slack's own takes GET for methods that read (https://docs.slack.dev/apis/web-api/), and the SDK uses that; arguments
    in the address of a POST count there, too.
    """

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        body: Any = await request.read()
        if request.query:
            body = dict(request.query) | dict(await request.post())
            headers.pop("Content-Type", None)
        async with session.post(url + request.path, data=body, headers=headers) as answer:
            content = await answer.read()
        return web.Response(status=answer.status, body=content, content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/api/{method}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    async with aiohttp.ClientSession() as session:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """Return what ``found`` finds, as soon as it finds something: that Slack announces no changes."""
    async with asyncio.timeout(PATIENCE):
        result = await found()
        while not result:
            await asyncio.sleep(STEP)
            result = await found()
    return result
