"""The HTTP server: liveness, readiness, metrics, and Slack's requests in HTTP mode."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.runtime.connection_limits import HEAD_SECONDS, MOST_CONNECTIONS, ConnectionLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Handler

BODY_LIMIT = 1024 * 1024
BODY_SECONDS = 5.0
KEEPALIVE_SECONDS = 75.0
"""How long a connection stays open between two requests: longer than the proxies that use it again (60 s)."""
SHUTDOWN_SECONDS = 2.0
BACKLOG = 64
"""Connections that the system holds until they are accepted; each of a burst takes a file for a moment."""
LINGERING_SECONDS = 1.0
"""How long a client that was refused may go on sending, so that it gets to read why."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may take up: connections, and seconds until a request's head, and then its body, has arrived."""

    most: int = MOST_CONNECTIONS
    head_seconds: float = HEAD_SECONDS
    body_seconds: float = BODY_SECONDS
    keepalive_seconds: float = KEEPALIVE_SECONDS


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """Whether one component is usable, and what is wrong if not.

    ``essential``: without it this process can't take a request and answer it honestly.
    """

    name: str
    ok: bool
    problem: str = ""
    facts: dict[str, Any] | None = None
    unknown: bool = False
    """Whether nothing tells if it is usable; then ``problem`` says why, and how to find out."""
    essential: bool = True


@dataclass(frozen=True, slots=True)
class Pages:
    """The operator's pages. ``look`` returns the state of each component, ``scrape`` renders the metrics."""

    check: Callable[[], Awaitable[tuple[ComponentHealth, ...]]]
    scrape: Callable[[], Awaitable[bytes]]

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say whether this process can take requests: 200 or 503; trouble of other components is in the body only."""
        parts = await self.check()
        ready = all(part.ok for part in parts if part.essential)
        answer = {
            "ready": ready,
            "parts": {
                part.name: {"ok": part.ok, **({"problem": part.problem} if part.problem else {}), **(part.facts or {})}
                for part in parts
            },
        }
        return web.Response(
            status=200 if ready else 503, text=json.dumps(answer, indent=2) + "\n", content_type="application/json"
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=await self.scrape(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


@dataclass(frozen=True, slots=True)
class HttpServer:
    """The listening server."""

    runner: web.AppRunner
    listening: asyncio.Server
    limits: ConnectionLimits

    @property
    def port(self) -> int:
        port: int = self.listening.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        return self.limits.count

    async def cleanup(self) -> None:
        """Accept nothing more, and finish what is being answered."""
        self.listening.close()
        await self.runner.cleanup()


async def listen(
    pages: Pages, *, host: str, port: int, routes: dict[str, Handler], limits: HttpLimits | None = None
) -> HttpServer:
    """Open the server; ``routes`` are further POST handlers. Raise OSError if the port is taken."""
    limits = limits or HttpLimits()

    @web.middleware
    async def whole_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body within its time, before anything is done; from then on the connection isn't closed."""
        try:
            async with asyncio.timeout(limits.body_seconds):
                await request.read()
        except TimeoutError:
            refusal = web.json_response({"error": "the body took too long"}, status=web.HTTPRequestTimeout.status_code)
            refusal.force_close()
            return refusal
        with guard.serving(request.transport):
            return await handler(request)

    def protocol() -> asyncio.Protocol:
        if runner.server is None:
            raise ConnectionAbortedError("the server is closed")
        return runner.server()

    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[whole_request])
    app.router.add_get("/healthz", pages.healthz)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/metrics", pages.metrics)
    for path, handler in routes.items():
        app.router.add_post(path, handler)
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=limits.keepalive_seconds,
        lingering_time=LINGERING_SECONDS,
    )
    await runner.setup()
    guard = ConnectionLimits(protocol, limits.most, limits.head_seconds)
    try:
        listening = await asyncio.get_running_loop().create_server(guard, host, port, backlog=BACKLOG)
    except OSError:
        await runner.cleanup()
        raise
    return HttpServer(runner, listening, guard)
