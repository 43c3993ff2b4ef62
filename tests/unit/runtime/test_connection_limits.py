"""A port full of connections that send nothing, or a little now and then, still serves those that send a request."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from bot.runtime.http_server import HttpLimits, Pages, listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.runtime.http_server import ComponentHealth, HttpServer

PATIENCE = 60.0
FEW = 20


async def nothing_to_check() -> tuple[ComponentHealth, ...]:
    return ()


async def no_metrics() -> bytes:
    return b""


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@contextlib.asynccontextmanager
async def served(limits: HttpLimits) -> AsyncIterator[HttpServer]:
    pages = Pages(check=nothing_to_check, scrape=no_metrics)
    server = await listen(pages, host="127.0.0.1", port=0, routes={"/echo": echo}, limits=limits)
    try:
        yield server
    finally:
        await server.cleanup()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connections(server: HttpServer, count: int, sent: bytes = b"") -> list[Connection]:
    found = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        await writer.drain()
        found.append((reader, writer))
    return found


async def until_closed(connection: Connection) -> bytes:
    """Return what came until the server closed the connection."""
    reader, writer = connection
    try:
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
            return b""
    finally:
        writer.close()


async def asks(server: HttpServer) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{server.port}/echo", data=b"pause") as answer,
    ):
        return await answer.read()


HEAD = b"POST /echo HTTP/1.1\r\nHost: bot\r\nContent-Length: 9\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST /ec", HEAD, HEAD + b"\r\n", HEAD + b"\r\npau"])
async def test_idle_and_half_sent_requests_make_room_for_a_whole_one(sent: bytes) -> None:
    async with served(HttpLimits(most=FEW, head_seconds=PATIENCE, body_seconds=PATIENCE)) as server:
        idle = await connections(server, 3 * FEW, sent)

        assert await asks(server) == b"pause"

        assert server.connections <= FEW
        for one in idle[:FEW]:
            await until_closed(one)
        for _, writer in idle:
            writer.close()


@pytest.mark.parametrize("sent", [b"", b"POST /ec", HEAD])
async def test_a_head_that_does_not_come_in_time_closes_the_connection(sent: bytes) -> None:
    async with served(HttpLimits(head_seconds=0.05)) as server:
        (connection,) = await connections(server, 1, sent)
        assert await until_closed(connection) == b""


async def test_a_body_that_does_not_come_in_time_is_answered_and_closed() -> None:
    async with served(HttpLimits(body_seconds=0.05)) as server:
        (connection,) = await connections(server, 1, HEAD + b"\r\npau")
        answer = await until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer


async def test_a_connection_is_used_again() -> None:
    async with served(HttpLimits(head_seconds=PATIENCE)) as server, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(f"http://127.0.0.1:{server.port}/healthz") as answer:
                assert json.loads(await answer.text()) == {"alive": True}
        assert server.connections == 1
