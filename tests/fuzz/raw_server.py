"""A server that answers each request with bytes, whatever they are, and notes what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass
class FakeRawServer:
    """Hangs up after each answer. ``answering`` gets the method and the path, and says what comes back."""

    answering: Callable[[str, str], bytes] = field(default=lambda _method, _path: b"")
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path = head.split(" ")[:2]
            for line in head.split("\r\n"):
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    await reader.readexactly(int(value))
            path = path.partition("?")[0]
            self.asked.append((method, path))
            writer.write(self.answering(method, path))
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def raw_server() -> AsyncIterator[FakeRawServer]:
    fake = FakeRawServer()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    fake.url = f"http://{host}:{port}"
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()


def http(
    body: bytes, *, status: int = 200, headers: tuple[tuple[str, str], ...] = (), length: int | None = None
) -> bytes:
    """Return a whole answer; ``length`` is what it says of its body's."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1", "replace") + body
