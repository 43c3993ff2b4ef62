"""Keeps Socket Mode connected: one connection or several, each with a watchdog.

Slack closes each connection every few hours, and its SDK opens the next one only then. A second connection
closes this gap: Slack gives each payload to any open connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

PING_SECONDS = 5.0
STUCK_SECONDS = 5.0
"""After this long without a connection the watchdog throws the ticket away: slack_sdk may retry a used one for ever."""
FORCE_SECONDS = 20.0
"""After this long it starts a new connection itself."""
APART_SECONDS = 10.0
"""Between the connections at the start: Slack refreshes each after the same time, and so not all at once."""


@dataclass
class SocketState:
    """The state of one connection, for readiness."""

    connected: bool = False
    reconnects: int = 0
    connections: int | None = None
    last_hello: float | None = None


@dataclass(frozen=True, slots=True)
class Socket:
    """One connection and its watchdog."""

    handler: AsyncSocketModeHandler
    clock: Clock
    number: int
    state: SocketState = field(default_factory=SocketState)

    async def on_message(self, _client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
        """Take note of Slack's hello: the connection counts from then on."""
        if message.get("type") == "hello":
            self.state.reconnects += self.state.last_hello is not None
            self.state.last_hello = self.clock.monotonic()
            self.state.connections = message.get("num_connections")
            self.state.connected = True

    async def run(self) -> None:
        """Connect and stay connected until cancelled; the connections after the first begin a while later."""
        await self.clock.sleep(self.number * APART_SECONDS)
        connecting = asyncio.ensure_future(self.handler.connect_async())  # type: ignore[no-untyped-call]
        try:
            await self._watch()
        finally:
            connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await connecting
            self.handler.client.wss_uri = None  # the next run needs a new ticket

    async def _watch(self) -> None:
        client = self.handler.client
        lost_at: float | None = self.clock.monotonic()
        while True:
            await self.clock.sleep(0.5)
            self.state.connected = await client.is_connected() and self.state.last_hello is not None
            if self.state.connected:
                lost_at = None
                continue
            now = self.clock.monotonic()
            lost_at = now if lost_at is None else lost_at
            if now - lost_at > FORCE_SECONDS:
                lost_at = now
                log.warning("socket_reconnect_forced", connection=self.number)
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(FORCE_SECONDS):
                        await client.connect_to_new_endpoint(force=True)
            elif now - lost_at > STUCK_SECONDS and client.wss_uri is not None:
                log.warning("socket_ticket_discarded", connection=self.number)
                client.wss_uri = None


@dataclass(frozen=True, slots=True)
class SocketModeConnections:
    """All connections of this process."""

    sockets: tuple[Socket, ...]

    @classmethod
    def open(
        cls, app: AsyncApp, app_token: str, clock: Clock, *, ping_seconds: float = PING_SECONDS, count: int = 1
    ) -> SocketModeConnections:
        sockets = []
        for number in range(count):
            handler = AsyncSocketModeHandler(app, app_token, ping_interval=ping_seconds)
            socket = Socket(handler, clock, number)
            handler.client.message_listeners.append(socket.on_message)
            sockets.append(socket)
        return cls(tuple(sockets))

    @property
    def states(self) -> tuple[SocketState, ...]:
        return tuple(socket.state for socket in self.sockets)

    async def run(self) -> None:
        """Stay connected until cancelled; after an error it can be run again."""
        try:
            async with asyncio.TaskGroup() as group:
                for socket in self.sockets:
                    group.create_task(socket.run())
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Release everything, even if it was never run."""
        for socket in self.sockets:
            await socket.handler.close_async()  # type: ignore[no-untyped-call]
