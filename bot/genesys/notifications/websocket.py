"""The socket of a notification channel: its messages, and the moment from which there won't be any."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.audit.storable import storable

if TYPE_CHECKING:
    import ssl

    from bot.genesys.notifications.channel import Channel
    from bot.recording.ports import Clock

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0

QUIET_SECONDS = 45.0
"""Without any message; a heartbeat comes every 30 s. Then the other side is asked for one."""

PONG_SECONDS = 15.0
CLOSING_TOPIC = "v2.system.socket_closing"
PING = {"message": "ping"}


class StreamOver(Exception):
    """This socket delivers nothing more; the text gives the reason."""


class Stream:
    """One WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._quiet_at = clock.monotonic() + QUIET_SECONDS
        self._pinged = False
        self._receiving: asyncio.Task[aiohttp.WSMessage] | None = None

    @classmethod
    async def connect(
        cls, session: aiohttp.ClientSession, channel: Channel, clock: Clock, context: ssl.SSLContext
    ) -> Stream:
        """Connect. Raise ChannelGone when it is not there any more, StreamOver when it is out of reach."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await session.ws_connect(
                    channel.uri, ssl=context, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
                )
        except aiohttp.WSServerHandshakeError as refused:
            raise ChannelGone(f"the socket is refused with HTTP {refused.status}") from None
        except (aiohttp.ClientError, OSError) as error:  # whose text would show the channel's address
            raise StreamOver(f"the socket can't be opened: {type(error).__name__}") from None
        return cls(socket, clock)

    async def next(self, changed: asyncio.Event, *, until: float) -> dict[str, Any] | None:
        """Return the next message; None when ``changed`` is set, at the time ``until``, or after a sign of life.

        Raise StreamOver when it has closed, is about to close, or has gone silent.
        """
        receiving = self._receiving = self._receiving or asyncio.ensure_future(self._socket.receive())
        seconds = min(until, self._quiet_at) - self._clock.monotonic()
        others = {asyncio.ensure_future(self._clock.sleep(max(0.0, seconds))), asyncio.ensure_future(changed.wait())}
        try:
            await asyncio.wait({receiving, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        if receiving.done():
            self._receiving = None
            return self._read(receiving.result())
        if self._clock.monotonic() >= self._quiet_at:
            await self._ask_for_life()
        return None

    async def close(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        with suppress(OSError):
            await self._socket.close()

    def _read(self, message: aiohttp.WSMessage) -> dict[str, Any] | None:
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise StreamOver("the socket was closed")
        self._pinged, self._quiet_at = False, self._clock.monotonic() + QUIET_SECONDS
        try:
            document = storable(json.loads(message.data))
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        if str(document.get("topicName")).casefold() == CLOSING_TOPIC:
            raise StreamOver("Genesys is about to close the socket")
        return document

    async def _ask_for_life(self) -> None:
        if self._pinged:
            raise StreamOver("the socket has gone silent")
        self._pinged, self._quiet_at = True, self._clock.monotonic() + PONG_SECONDS
        try:
            await self._socket.send_json(PING)
        except (OSError, aiohttp.ClientError) as error:
            raise StreamOver("the socket was closed") from error


class ChannelGone(StreamOver):
    """The channel no longer accepts a socket."""
