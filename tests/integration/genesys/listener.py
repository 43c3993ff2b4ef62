from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bot.genesys import GenesysAccount, GenesysClient, Notifications

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import Conversation
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.support.clocks.fake_clock import SteppedClock

WITHIN = 60.0
"""Real seconds for what takes milliseconds on an idle machine."""


@dataclass
class Listener:
    """Notifications at work: the client, the simulator behind it, and what was passed on."""

    simulator: SimulatedGenesys
    clock: SteppedClock
    notifications: Notifications
    news: asyncio.Queue[tuple[str, Conversation | None]] = field(default_factory=asyncio.Queue)
    gaps: asyncio.Queue[frozenset[str]] = field(default_factory=asyncio.Queue)
    fault: Exception | None = None

    async def on_news(self, conversation_id: str, seen: Conversation | None) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        await self.news.put((conversation_id, seen))

    async def next_news(self) -> tuple[str, Conversation | None]:
        async with asyncio.timeout(WITHIN):
            return await self.news.get()

    async def next_gap(self) -> frozenset[str]:
        """Wait until news begin to flow, and say whose."""
        async with asyncio.timeout(WITHIN):
            return await self.gaps.get()

    async def follow(self, *user_ids: str) -> None:
        await self.notifications.follow(frozenset(user_ids))

    def asked(self) -> list[str]:
        return [f"{request.method} {request.status}" for request in self.simulator.requests]


@asynccontextmanager
async def listening(simulator: SimulatedGenesys, clock: SteppedClock) -> AsyncIterator[Listener]:
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=clock, read_timeout=WITHIN)
    notifications = Notifications(client)
    listener = Listener(simulator, clock, notifications)
    running = asyncio.create_task(notifications.run(listener.on_news, listener.gaps.put_nowait))
    try:
        yield listener
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()


@dataclass
class FakeSocketServer:
    """Takes any socket and says nothing, as a half-dead connection does; notes who comes and what they say."""

    arrived: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    said: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    left: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    status: int | None = None
    """Refuses sockets with this status."""

    url: str = ""

    async def next_arrival(self) -> str:
        async with asyncio.timeout(WITHIN):
            return await self.arrived.get()

    async def next_word(self) -> str:
        async with asyncio.timeout(WITHIN):
            return await self.said.get()

    async def next_departure(self) -> str:
        async with asyncio.timeout(WITHIN):
            return await self.left.get()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.arrived.put_nowait(request.path)
        if self.status is not None:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            self.said.put_nowait(str(message.data))
        self.left.put_nowait(request.path)
        return socket


@asynccontextmanager
async def silent_server() -> AsyncIterator[FakeSocketServer]:
    server = FakeSocketServer()
    app = web.Application()
    app.router.add_get("/{tail:.*}", server.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    server.url = f"ws://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
