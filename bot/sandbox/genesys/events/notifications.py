"""Push notifications: channels, their subscriptions, and the socket of each channel."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import WSMsgType, web

from bot.sandbox.genesys.events.topics import CHANNELS, UNKNOWN, listing
from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Route, SimulatedRequest, iso
from bot.sandbox.genesys.web_api.bodies import call_body

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.genesys.events.topics import Refusal, Topics
    from bot.sandbox.genesys.state.calls import SimulatedCall

CHANNEL_LIFETIME = 24 * 3600.0
MOST_CHANNELS = 20


@dataclass(slots=True, eq=False)
class SimulatedChannel:
    """One channel of a client. ``topics`` says for each subscription why it is refused, None where it is not."""

    id: str
    expires_at: float
    client_id: str = ""
    topics: dict[str, Refusal | None] = field(default_factory=dict)
    socket: web.WebSocketResponse | None = None


@dataclass(slots=True)
class Notifications:
    """Channels by id, the oldest first; beyond twenty of a client its oldest is closed, as on the platform."""

    topics: Topics
    clock: Callable[[], float]
    socket_url: Callable[[], str]
    faults: FaultSwitches
    heartbeat: float = 30.0
    """Seconds between two ``channel.metadata`` messages."""

    channels: dict[str, SimulatedChannel] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def routes(self) -> list[Route]:
        subscriptions = f"{CHANNELS}/{{channel}}/subscriptions"
        kind = "subscription"
        return [
            Route("POST", CHANNELS, "notification channel", self.open_channel, kind),
            Route("GET", CHANNELS, "notification channels", self.list_channels, kind),
            Route("GET", "/api/v2/notifications/availabletopics", "available topics", self.topics.available),
            Route("GET", subscriptions, "topics", self.list_topics, kind),
            Route("PUT", subscriptions, "topics", self.replace_topics, kind),
            Route("POST", subscriptions, "topics", self.add_topics, kind),
            Route("DELETE", subscriptions, "topics", self.remove_topics, kind),
        ]

    async def open_channel(self, request: SimulatedRequest) -> Answer:
        channel = SimulatedChannel(f"streaming-0-{uuid4()}", self.clock() + CHANNEL_LIFETIME, _client(request))
        self.channels[channel.id] = channel
        own = [one for one in self.channels.values() if one.client_id == channel.client_id]
        if len(own) > MOST_CHANNELS:
            oldest = self.channels.pop(own[0].id)
            if oldest.socket is not None:
                await oldest.socket.close()
        return Answer(body=self._body(channel))

    def list_channels(self, request: SimulatedRequest) -> Answer:
        own = [one for one in self.channels.values() if one.client_id == _client(request)]
        return Answer(body={"entities": [self._body(channel) for channel in own]})

    def list_topics(self, request: SimulatedRequest) -> Answer:
        return listing(self._channel(request).topics)

    def replace_topics(self, request: SimulatedRequest) -> Answer:
        channel = self._channel(request)
        channel.topics = self.topics.judged(request)
        return listing(channel.topics)

    def add_topics(self, request: SimulatedRequest) -> Answer:
        channel = self._channel(request)
        channel.topics |= self.topics.judged(request)
        return listing(channel.topics)

    def remove_topics(self, request: SimulatedRequest) -> Answer:
        self._channel(request).topics.clear()
        return Answer(empty=True)

    async def serve_socket(self, http: web.Request) -> web.StreamResponse:
        """Serve a channel's WebSocket; a second one on the same channel takes over from the first."""
        channel = self.channels.get(http.match_info["channel"])
        if channel is None or channel.expires_at <= self.clock():
            raise web.HTTPNotFound
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        previous, channel.socket = channel.socket, socket
        if previous is not None:
            await previous.close()
        beat = asyncio.create_task(self._beat(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and _is_ping(message.data):
                    await _send(socket, "channel.metadata", {"message": "pong"})
        finally:
            beat.cancel()
            if channel.socket is socket:
                channel.socket = None
        return socket

    def publish(self, call: SimulatedCall) -> None:
        """Push a call's state to everyone who subscribed to one of its agents or its queue."""
        if call.media == "voice":
            self.push(call, call_body(call))

    def push(self, call: SimulatedCall, event: dict[str, Any]) -> None:
        """Push an event about a call, which may be one of an earlier moment."""
        users = {p.user_id: None for p in call.participants if p.user_id}
        queues = {p.queue_id: None for p in call.participants if p.queue_id}
        topics = [f"v2.users.{user}.conversations.calls" for user in users]
        topics += [f"v2.routing.queues.{queue}.conversations.calls" for queue in queues]
        if self.faults.take("events_lost"):
            return
        late = self.faults.take("events_late")
        times = 2 if self.faults.take("events_twice") else 1
        for channel in self.channels.values():
            for topic in topics:
                if channel.socket is not None and channel.topics.get(topic, UNKNOWN) is None:
                    for _ in range(times):
                        sending = _send(channel.socket, topic, event, {"CorrelationId": str(uuid4())})
                        self._soon(sending if late is None else _later(late.value or 0.0, sending))

    async def announce_closing(self) -> None:
        """Tell every client that its socket is about to close, as before maintenance; ``drop_sockets`` does it."""
        for socket in self._sockets():
            await _send(socket, "v2.system.socket_closing", {"message": "Socket closing for maintenance"})

    async def drop_sockets(self) -> None:
        """Close every socket; the channels and their subscriptions live on."""
        for socket in self._sockets():
            await socket.close()

    async def stop(self) -> None:
        await self.drop_sockets()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _sockets(self) -> list[web.WebSocketResponse]:
        return [channel.socket for channel in self.channels.values() if channel.socket is not None]

    def _soon(self, sending: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            await asyncio.sleep(self.heartbeat)
            await _send(socket, "channel.metadata", {"message": "WebSocket Heartbeat"})

    def _body(self, channel: SimulatedChannel) -> dict[str, Any]:
        return {
            "connectUri": f"{self.socket_url()}/channels/{channel.id}",
            "id": channel.id,
            "expires": iso(channel.expires_at),
        }

    def _channel(self, request: SimulatedRequest) -> SimulatedChannel:
        channel = self.channels.get(request.ids["channel"])
        if channel is None or channel.expires_at <= self.clock() or channel.client_id != _client(request):
            raise answers.not_found()
        return channel


async def _later(seconds: float, sending: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await sending


def _client(request: SimulatedRequest) -> str:
    return "" if request.client is None else request.client.client_id


def _is_ping(text: str) -> bool:
    try:
        message = json.loads(text)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("message") == "ping"


async def _send(
    socket: web.WebSocketResponse, topic: str, event: dict[str, Any], metadata: dict[str, Any] | None = None
) -> None:
    message = {"topicName": topic, "version": "2", "eventBody": event}
    if metadata is not None:
        message["metadata"] = metadata
    try:
        await socket.send_json(message)
    except ConnectionError:
        return  # the client has gone, and its channel's next socket begins with a fresh look
