"""Socket Mode: the WebSockets through which an app without a public address gets its payloads."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.sandbox.slack.events.delivery import Ack, NotDelivered, Payload
from bot.sandbox.slack.state.workspace import APP_ID
from bot.sandbox.slack.web_api.endpoint import cut
from bot.sandbox.slack.web_api.method import Arguments, Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.slack.state.changes import Changes

MOST_LINKS = 10
CONNECTION_SECONDS = 3600
REFUSED = 404


@dataclass(eq=False)
class Link:
    """One open WebSocket. A silent one says nothing any more; a leaving one gets no further payload."""

    socket: web.WebSocketResponse
    silent: bool = False
    leaving: bool = False


@dataclass(eq=False)
class Awaited:
    """A payload that the app has not acknowledged yet, the WebSocket that took it, and the time limit."""

    link: Link
    ack: asyncio.Future[Any]
    limit: asyncio.Timeout


@dataclass
class SocketMode:
    """All the WebSockets of the app. ``ack_timeout`` and ``ping_interval`` in seconds.

    ``closed_timeout``: how many seconds an app still has to acknowledge a payload once the WebSocket that took it is
    closed; None: all of ``ack_timeout``. For tests in which Slack waits longer than it does.
    """

    changes: Changes
    faults: FaultSwitches
    url: Callable[[], str]
    ack_timeout: float
    ping_interval: float = 30.0
    closed_timeout: float | None = None
    silent: bool = field(init=False, default=False)
    links: list[Link] = field(init=False, default_factory=list)
    connections: int = field(init=False, default=0)
    _tickets: set[str] = field(init=False, default_factory=set)
    _waiting: dict[str, Awaited] = field(init=False, default_factory=dict)
    _turn: itertools.count[int] = field(init=False, default_factory=itertools.count)

    def table(self) -> dict[str, Method]:
        return {"apps.connections.open": Method(self.open, token="app")}  # noqa: S106  a kind of token

    def open(self, _arguments: Arguments) -> dict[str, Any]:
        """Hand out an address that opens one WebSocket, once."""
        ticket = secrets.token_urlsafe(18)
        self._tickets.add(ticket)
        return {"url": f"{self.url().replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={APP_ID}"}

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket until either side closes it. A ticket is used up even where this fails."""
        ticket = request.query.get("ticket", "")
        known = ticket in self._tickets
        self._tickets.discard(ticket)
        for fault in ("down", "server_error", "drop_before"):
            if self.faults.take(fault, "socket"):
                return cut(request) if fault == "drop_before" else web.Response(status=503)
        if not known:
            return web.Response(status=REFUSED, text="no such ticket")
        socket = web.WebSocketResponse(autoping=False, autoclose=False)
        await socket.prepare(request)
        link = Link(socket)
        if len(self.links) >= MOST_LINKS:
            await self._say(link, {"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        await self._serve(link)
        if self._is_silent(link):
            # One that says nothing doesn't say goodbye either.
            return cut(request)
        await socket.close()
        return socket

    async def send(self, payload: Payload) -> Ack:
        """Deliver one payload through one of the WebSockets, and wait for its ack. Raises NotDelivered."""
        open_links = [link for link in self.links if not link.leaving and not link.socket.closed]
        if not open_links:
            raise NotDelivered("dispatch_failed")
        link = open_links[next(self._turn) % len(open_links)]
        envelope_id = str(uuid.uuid4())
        ack: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.ack_timeout) as limit:
                self._waiting[envelope_id] = Awaited(link, ack, limit)
                await self._say(link, _envelope(envelope_id, payload))
                return Ack(await ack)
        except TimeoutError:
            raise NotDelivered("operation_timeout") from None
        finally:
            del self._waiting[envelope_id]

    async def disconnect(self, reason: str) -> None:
        """Tell every app to go: ``warning``, ``refresh_requested`` or ``link_disabled``."""
        for link in list(self.links):
            link.leaving = reason != "warning"
            await self._say(link, {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        self.changes.announce()

    def silence(self) -> None:
        """Let the WebSockets that are open now say nothing any more, for good."""
        for link in self.links:
            link.silent = True

    async def close(self) -> None:
        """Close every WebSocket, as when Slack goes away."""
        for link in list(self.links):
            link.leaving = True
            await link.socket.close()

    async def _serve(self, link: Link) -> None:
        self.links.append(link)
        self.connections += 1
        self.changes.announce()
        pings = asyncio.create_task(self._ping(link))
        try:
            await self._say(link, self._hello())
            async for message in link.socket:
                await self._hear(link, message.type, message.data)
        finally:
            pings.cancel()
            self.links.remove(link)
            self._wait_less(link)
            self.changes.announce()

    def _wait_less(self, closed: Link) -> None:
        if self.closed_timeout is None:
            return
        soon = asyncio.get_running_loop().time() + self.closed_timeout
        for awaited in self._waiting.values():
            until = awaited.limit.when()
            if awaited.link is closed and not awaited.limit.expired() and (until is None or until > soon):
                awaited.limit.reschedule(soon)

    async def _hear(self, link: Link, kind: WSMsgType, data: Any) -> None:
        if self._is_silent(link):
            return
        if kind is WSMsgType.PING:
            await link.socket.pong(data)
        elif kind is WSMsgType.TEXT:
            try:
                answer = json.loads(data)
            except ValueError:
                return
            awaited = self._waiting.get(str(answer.get("envelope_id")))
            if awaited is not None and not awaited.ack.done():
                awaited.ack.set_result(answer.get("payload"))

    async def _ping(self, link: Link) -> None:
        while True:
            await asyncio.sleep(self.ping_interval)
            if not self._is_silent(link):
                with contextlib.suppress(ConnectionError):
                    await link.socket.ping(b"Ping from sandbox")

    async def _say(self, link: Link, message: dict[str, Any]) -> None:
        if self._is_silent(link) or link.socket.closed:
            return
        # A peer that is just going away misses this, as it would with Slack.
        with contextlib.suppress(ConnectionError):
            await link.socket.send_str(json.dumps(message))

    def _is_silent(self, link: Link) -> bool:
        return self.silent or link.silent

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.links),
            "debug_info": {
                "host": "sandbox",
                "build_number": 1,
                "approximate_connection_time": CONNECTION_SECONDS,
            },
            "connection_info": {"app_id": APP_ID},
        }


def _envelope(envelope_id: str, payload: Payload) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "envelope_id": envelope_id,
        "type": payload.kind,
        "accepts_response_payload": payload.answered,
        "payload": payload.body,
    }
    if payload.kind == "events_api":
        envelope |= {"retry_attempt": payload.retry, "retry_reason": payload.retry_reason}
    return envelope
