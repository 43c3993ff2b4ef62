"""What stands before several bots by HTTP: one after another, those that say they are ready; nothing is retried."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOST = "127.0.0.1"
LOOK_SECONDS = 0.25
PATIENCE = aiohttp.ClientTimeout(total=5)
OK = 200
PASSED_ON = ("Content-Type", "X-Slack-Request-Timestamp", "X-Slack-Signature", "X-Slack-Retry-Num")


@dataclass
class Balancer:
    """``ports`` are those of all bots, whether they run or not."""

    ports: Callable[[], list[int]]
    session: aiohttp.ClientSession
    ready: set[int] = field(default_factory=set)
    url: str = ""
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    async def watch(self) -> None:
        """Ask each of them, for ever, whether it is ready; who doesn't say so gets nothing more."""
        while True:
            await asyncio.gather(*(self._look(port) for port in self.ports()))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, port: int) -> None:
        found = 0
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.get(
                f"http://{HOST}:{port}/readyz", timeout=aiohttp.ClientTimeout(total=1)
            ) as answer:
                found = answer.status
        (self.ready.add if found == OK else self.ready.discard)(port)

    async def handle(self, request: web.Request) -> web.Response:
        """Pass a request on to the next one, and its answer back."""
        ports = [port for port in self.ports() if port in self.ready]
        if not ports:
            return web.Response(status=503)
        port = ports[next(self._turn) % len(ports)]
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        try:
            async with self.session.post(
                f"http://{HOST}:{port}{request.path}", data=await request.read(), headers=headers, timeout=PATIENCE
            ) as answer:
                return web.Response(
                    status=answer.status, body=await answer.read(), headers={"Content-Type": answer.content_type}
                )
        except (aiohttp.ClientError, TimeoutError):
            self.ready.discard(port)  # until it says again that it is ready
            return web.Response(status=502)


@contextlib.asynccontextmanager
async def opened_balancer(ports: Callable[[], list[int]], session: aiohttp.ClientSession) -> AsyncIterator[Balancer]:
    """Listen on a port that the system chooses."""
    balancer = Balancer(ports, session)
    app = web.Application()
    app.router.add_post("/{path:.*}", balancer.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    watching = asyncio.ensure_future(balancer.watch())
    try:
        await web.TCPSite(runner, HOST, 0).start()
        balancer.url = f"http://{HOST}:{runner.addresses[0][1]}"
        yield balancer
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await runner.cleanup()
