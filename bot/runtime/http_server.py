"""The HTTP server: liveness, readiness, metrics, and Slack's requests in HTTP mode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Handler

BODY_LIMIT = 1024 * 1024


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


async def listen(pages: Pages, *, host: str, port: int, routes: dict[str, Handler]) -> web.AppRunner:
    """Open the server; ``routes`` are further POST handlers. Raise OSError if the port is taken."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_get("/healthz", pages.healthz)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/metrics", pages.metrics)
    for path, handler in routes.items():
        app.router.add_post(path, handler)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
