"""The page's server: its files, the merged state, the feed of changes, and who may ask."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.fields import UnusableRequest
from bot.sandbox.own_origin import ELSEWHERE, FETCH_SITE
from bot.sandbox.page_api import CallActionRoutes, FaultRoutes
from bot.sandbox.page_api_slack import SlackActionRoutes
from bot.sandbox.slack import NothingThere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.sandbox.feed import ChangeFeed
    from bot.sandbox.genesys import SimulatedGenesys
    from bot.sandbox.process import BotProcess
    from bot.sandbox.slack import SimulatedSlack

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: http://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


@web.middleware
async def only_this_address(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site, or another name for this address, sends through a visitor's browser."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    here = {f"127.0.0.1:{port}", f"localhost:{port}"}
    origin = request.headers.get("Origin")
    elsewhere = request.headers.get(FETCH_SITE) in ELSEWHERE and request.path != "/"  # a link to the page is fine
    if elsewhere or request.host not in here or (origin is not None and origin.removeprefix("http://") not in here):
        return _refusal(403, "The sandbox answers only its own page.")
    return await handler(request)


@web.middleware
async def sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what can't be done into a sentence for the page."""
    try:
        return await handler(request)
    except NothingThere as error:
        return _refusal(404, f"That can't be done: {error}.")
    except UnusableRequest as error:
        return _refusal(400, str(error))


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


@dataclass(frozen=True)
class Site:
    """Everything under one address of 127.0.0.1."""

    slack: SimulatedSlack
    genesys: SimulatedGenesys
    bot: BotProcess
    feed: ChangeFeed
    clock: SandboxClock = field(default_factory=SandboxClock)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[only_this_address, sentences])
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._close_feed)
        app.add_routes(
            [
                web.get("/", self.file),
                web.get("/{name:[a-z_]+[.](?:js|css|svg)}", self.file),
                web.get("/api/state", self.state),
                web.get("/api/events", self.events),
                web.get("/api/files/{id}", self.uploaded),
                *SlackActionRoutes(self.slack).routes(),
                *CallActionRoutes(self.genesys).routes(),
                *FaultRoutes(self.slack, self.genesys, self.bot, self.clock).routes(),
            ]
        )
        return app

    def merged(self) -> dict[str, Any]:
        return {
            "slack": self.slack.snapshot(),
            "genesys": self.genesys.snapshot(),
            "bot": self.bot.snapshot(),
            "ahead": self.clock.ahead,
        }

    async def file(self, request: web.Request) -> web.StreamResponse:
        path = PAGE / request.match_info.get("name", "index.html")
        if not path.is_file():
            return _refusal(404, "There is no such file.")
        return web.Response(body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8")

    async def uploaded(self, request: web.Request) -> web.StreamResponse:
        """Serve a file that the bot has shared: pictures to be shown, all else to be saved."""
        file = self.slack.files.get(request.match_info["id"])
        if file is None or not file.shared:
            return _refusal(404, "There is no such file.")
        kind = "inline" if file.mimetype.startswith("image/") else "attachment"
        name = "".join(one if one.isalnum() or one in "-_." else "_" for one in file.name)
        headers = {"Content-Disposition": f'{kind}; filename="{name}"'}
        return web.Response(body=file.content, content_type=file.mimetype, headers=headers)

    async def state(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.merged())

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the whole state at once and after changes, as Server-Sent Events."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        async for fresh in self.feed.follow():
            words = f"data: {json.dumps(self.merged())}\n\n" if fresh else ": still here\n\n"
            try:
                await stream.write(words.encode())
            except ConnectionError:
                break
        return stream

    async def _close_feed(self, _app: web.Application) -> None:
        self.feed.close()
