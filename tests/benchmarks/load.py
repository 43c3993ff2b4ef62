"""Slack's side of a load: signed slash commands over kept connections, by a client that costs next to nothing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = b"sandbox-signing-secret"
TEAM, CHANNEL = "T0SANDBOX", "C0FLOOR"
OK = 200
_triggers = itertools.count(1)


@dataclass(frozen=True)
class Answered:
    """How a request ended, and after how many seconds."""

    status: int
    body: bytes
    seconds: float


@dataclass
class Line:
    """One connection to one server, for one request at a time."""

    url: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def command(self, text: str, *, user: str = "U0ADA") -> Answered:
        """Send a slash command and wait for the answer."""
        return await self.post(_command(text, user))

    async def post(self, body: bytes) -> Answered:
        request = _request(self.url, body)
        began = time.perf_counter()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        answer = await self.reader.readexactly(length)
        return Answered(int(head[9:12]), answer, time.perf_counter() - began)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    line = await _open(url)
    try:
        yield line
    finally:
        line.close()


async def _open(url: str) -> Line:
    where = urlsplit(url)
    return Line(url, *await asyncio.open_connection(where.hostname, where.port))


@dataclass
class Lines:
    """As many connections as are needed at once."""

    url: str
    _free: list[Line] = field(default_factory=list)

    async def command(self, text: str, *, user: str = "U0ADA") -> Answered:
        """Send a slash command; status 0 where no answer came."""
        line = self._free.pop() if self._free else await _open(self.url)
        try:
            answered = await line.command(text, user=user)
        except (OSError, EOFError):
            return Answered(0, b"", 0.0)
        self._free.append(line)
        return answered

    def close(self) -> None:
        while self._free:
            self._free.pop().close()


def _command(text: str, user: str) -> bytes:
    return urlencode(
        {
            "team_id": TEAM,
            "team_domain": "sandbox",
            "channel_id": CHANNEL,
            "channel_name": "floor",
            "user_id": user,
            "user_name": "load",
            "command": "/record",
            "text": text,
            "api_app_id": "A0SANDBOX",
            "is_enterprise_install": "false",
            "trigger_id": f"{next(_triggers)}.{time.time_ns()}",
        }
    ).encode()


def _request(url: str, body: bytes) -> bytes:
    where, now = urlsplit(url), str(int(time.time()))
    proof = hmac.new(SECRET, b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    return (
        f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-Slack-Request-Timestamp: {now}\r\nX-Slack-Signature: v0={proof}\r\n\r\n"
    ).encode() + body
