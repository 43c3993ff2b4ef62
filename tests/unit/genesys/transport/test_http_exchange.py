"""One exchange over real sockets: what certainly did not leave is told from what may have arrived."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest
from urllib3 import exceptions

from bot.genesys.transport.answer import Answer, Unanswered, Unsent
from bot.genesys.transport.http import HttpTransport, TimeOuts, _failure
from bot.genesys.transport.request import GenesysRequest, Login
from bot.observability import logging
from tests.support.clocks.fake_clock import FakeClock
from tests.support.clocks.steady_sockets import steady_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ = GenesysRequest("read", "UsersApi.get_users", {"id": ["b c&d", "e"], "page_size": 2})
WRITE = GenesysRequest("write", "NotificationsApi.post_notifications_channels")


class FakeServer:
    """Answers each request with the same bytes, or with silence, or by hanging up, or byte by byte without an end."""

    def __init__(self, answer: bytes | None, *, trickle: float | None = None) -> None:
        self._answer = answer
        self._trickle = trickle
        self._release = asyncio.Event()
        self.requests: list[str] = []
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._release.set()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):  # even if the test ends before
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self._answer is None:
                await self._release.wait()
            else:
                writer.write(self._answer)
                await writer.drain()
            while self._trickle is not None and not self._release.is_set():
                writer.write(b" ")
                await asyncio.sleep(self._trickle)


@asynccontextmanager
async def wire(port: int, *, threads: int = 2) -> AsyncIterator[HttpTransport]:
    opened = HttpTransport(
        f"http://127.0.0.1:{port}",
        clock=FakeClock(),
        threads=threads,
        time_outs=TimeOuts(connect=0.3, read=0.3),
        pool=steady_pool(),
    )
    yield opened
    await opened.close()


async def send(port: int, request: GenesysRequest) -> Answer:
    async with wire(port) as opened:
        return await opened.send(request, "secret-token", deadline=2000.0)


async def test_a_request_carries_its_token_and_query_and_no_body() -> None:
    async with FakeServer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: A\r\n\r\n{}").running() as server:
        answer = await send(server.port, READ)
        await send(server.port, WRITE)

    assert (answer.status, answer.headers["x-kind"], answer.document()) == (200, "A", {})
    read, write = server.requests
    query = "pageSize=2&id=b+c%26d%2Ce"
    assert read.startswith(f"GET /api/v2/users?{query} HTTP/1.1\r\n")
    assert "Authorization: Bearer secret-token\r\n" in read
    assert "Content-Length: 0\r\n" in write


async def test_an_id_stays_within_its_place_in_the_path() -> None:
    request = GenesysRequest(
        "read call", "ConversationsApi.get_conversations_call", {"conversation_id": "../users/a b"}
    )
    async with FakeServer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").running() as server:
        await send(server.port, request)

    assert server.requests[0].startswith("GET /api/v2/conversations/calls/..%2Fusers%2Fa%20b HTTP/1.1\r\n")


async def test_an_answer_that_the_sdks_models_reject_stays_as_it_is() -> None:
    body = b'{"recordingState": null, "participants": [{"state": "levitating"}]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    request = GenesysRequest("read call", "ConversationsApi.get_conversations_call", {"conversation_id": "c"})
    async with FakeServer(head + body).running() as server:
        answer = await send(server.port, request)

    assert answer.document() == {"recordingState": None, "participants": [{"state": "levitating"}]}


async def test_a_redirect_is_not_followed() -> None:
    elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    async with FakeServer(elsewhere).running() as server:
        answer = await send(server.port, READ)
    assert answer.status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "timeout"),
        (b"", "dropped"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "dropped"),
        (b"no HTTP at all\r\n\r\n", "dropped"),
    ],
)
async def test_what_left_and_was_not_answered(answer: bytes | None, kind: str) -> None:
    async with FakeServer(answer).running() as server:
        with pytest.raises(Unanswered) as unanswered:
            await send(server.port, WRITE)
    assert unanswered.value.kind == kind
    assert len(server.requests) == 1


async def test_what_did_not_leave() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        with pytest.raises(Unsent):
            await send(reserved.getsockname()[1], WRITE)


async def test_what_waits_too_long_for_its_turn_does_not_leave() -> None:
    async with FakeServer(None).running() as server, wire(server.port, threads=1) as opened:
        first = asyncio.create_task(opened.send(WRITE, "token", deadline=2000.0))
        await asyncio.sleep(0)
        with pytest.raises(Unsent, match="no time left"):
            await opened.send(WRITE, "token", deadline=1000.01)
        with pytest.raises(Unanswered):
            await first
    assert len(server.requests) == 1


async def test_a_login_waits_for_no_slot() -> None:
    """Without a token nothing is sent, a person's pause neither: slow answers to others must not hold it up."""
    async with FakeServer(None).running() as server, wire(server.port, threads=1) as opened:
        others = [asyncio.create_task(opened.send(WRITE, "token", deadline=2000.0)) for _ in range(2)]
        await asyncio.sleep(0)
        login = asyncio.create_task(opened.send(Login("id", "secret"), None, deadline=2000.0))
        await asyncio.gather(*others, login, return_exceptions=True)
    paths = [request.split()[1] for request in server.requests]
    assert sorted(paths[:2]) == ["/api/v2/notifications/channels", "/oauth/token"]


async def test_what_is_too_late_does_not_leave_and_keeps_no_slot() -> None:
    async with (
        FakeServer(b"HTTP/1.1 204 No Content\r\n\r\n").running() as server,
        wire(server.port, threads=1) as opened,
    ):
        with pytest.raises(Unsent, match="no time left"):
            await opened.send(WRITE, "token", deadline=999.0)
        assert (await opened.send(WRITE, "token", deadline=2000.0)).status == 204
    assert len(server.requests) == 1


async def test_what_the_sdk_cannot_encode_does_not_leave() -> None:
    async with wire(9) as opened:
        with pytest.raises(Unsent):
            await opened.send(Login("id", "sécret"), None, deadline=2000.0)


async def test_an_answer_that_trickles_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.genesys.transport.http.GRACE", 0.0)
    endless = FakeServer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", trickle=0.05)
    async with wire(0) as opened, endless.running() as server:
        opened.host = f"http://127.0.0.1:{server.port}"
        with pytest.raises(Unanswered) as unanswered:
            await opened.send(WRITE, "token", deadline=2000.0)
    assert unanswered.value.kind == "timeout"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")), Unsent),
        (exceptions.SSLError(ssl.SSLError("record layer failure")), Unanswered),
        (exceptions.LocationParseError("http://["), Unsent),
        (exceptions.ConnectTimeoutError(), Unsent),
    ],
)
def test_only_what_is_certain_counts_as_unsent(error: exceptions.HTTPError, expected: type[Exception]) -> None:
    assert type(_failure(error)) is expected


def test_time_outs_never_exceed_what_is_left() -> None:
    time_outs = TimeOuts(connect=3.0, read=5.0)
    assert time_outs.within(60.0) == time_outs
    assert time_outs.within(4.0) == TimeOuts(connect=3.0, read=4.0)
    assert time_outs.within(0.5) == TimeOuts(connect=0.5, read=0.5)


def test_an_answer_does_not_show_its_body() -> None:
    assert "access_token" not in repr(Answer(status=200, text='{"access_token": "secret"}'))


async def test_a_secret_that_the_answer_quotes_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "SECRET_VALUES", {"Quoted_Secret_1"})
    body = b'{"message":"client Quoted_Secret_1 is unknown"}'
    head = b"HTTP/1.1 401 Unauthorized\r\nX-Seen: Quoted_Secret_1\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with FakeServer(head + body).running() as server:
        answer = await send(server.port, READ)
    assert answer.document() == {"message": "client [redacted] is unknown"}
    assert answer.headers["x-seen"] == "[redacted]"
