"""Sends requests over HTTP through the synchronous SDK, in threads: explicit time-outs, a deadline, and no repeats.

The SDK's own HTTP client has no time-outs and repeats what was dropped, writes included.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache, partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import certifi
import urllib3
from typing_extensions import override
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from bot.genesys.transport.answer import Answer, NoTimeLeft, Unanswered, Unsent
from bot.genesys.transport.rate_limiter import Rank
from bot.genesys.transport.request import Login
from bot.genesys.transport.sdk import AbstractHttpClient, ApiException, JsonApiClient, RESTResponse
from bot.observability.logging import without_secrets
from bot.recording.ports import nobody_else

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from urllib3 import HTTPResponse as PoolResponse

    from bot.genesys.transport.request import GenesysRequest
    from bot.recording.ports import Clock, StillOurs

GRACE = 1.0
"""Seconds that a thread may overrun its time-outs (a slow name server, a trickling body) before it is left alone."""

NO_TIME = "no time left"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds to connect, and seconds without a byte of the answer."""

    connect: float
    read: float

    def within(self, seconds: float) -> TimeOuts:
        return TimeOuts(connect=min(self.connect, seconds), read=min(self.read, seconds))


class Exchange(AbstractHttpClient):  # type: ignore[misc]  # the SDK has no types
    """The HTTP client of exactly one request; ``answer`` stays when it is done."""

    def __init__(self, pool: urllib3.PoolManager, time_outs: TimeOuts) -> None:
        super().__init__()
        self._pool = pool
        self._time_outs = time_outs
        self.answer: Answer | None = None

    def request(self, http_request_options: Any) -> Any:
        """Send it once. Raise Unsent, Unanswered, or the SDK's ApiException for any status that is no success."""
        response = self._send(http_request_options)
        self.answer = Answer(
            status=response.status,
            headers={name.lower(): without_secrets(value) for name, value in response.headers.items()},
            text=without_secrets(response.data.decode("utf-8", errors="replace")),
        )
        wrapped = RESTResponse(response)
        wrapped.data = self.answer.text
        if not self.answer.ok:
            raise ApiException(http_resp=wrapped)
        return wrapped

    def _send(self, options: Any) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                options.method,
                options.url + (f"?{urlencode(options.query_params)}" if options.query_params else ""),
                body=_body(options),
                headers=options.headers,
                timeout=urllib3.Timeout(connect=self._time_outs.connect, read=self._time_outs.read),
                retries=False,
                redirect=False,  # a redirect would carry the token to another host
            )
        except exceptions.HTTPError as error:
            raise _failure(error) from error


def _body(options: Any) -> str | None:
    if options.headers.get("Content-Type") == FORM:
        return urlencode(options.post_params)
    return None if options.body is None else json.dumps(options.body)


def _failure(error: exceptions.HTTPError) -> Unsent | Unanswered:
    """Tell what certainly did not leave from what may have arrived."""
    match error:
        case exceptions.NewConnectionError() | exceptions.ConnectTimeoutError() | exceptions.LocationValueError():
            return Unsent("no connection")
        case exceptions.SSLError() if _untrusted(error):
            return Unsent("the certificate is not trusted")
        case exceptions.TimeoutError():
            return Unanswered("timeout")
        case _:
            return Unanswered("dropped")


def _untrusted(error: exceptions.SSLError) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args)


@cache  # reading the authorities takes longer than a request
def trust() -> ssl.SSLContext:
    """Return whom to believe to be Genesys: the system's authorities, and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def connection_pool(size: int) -> urllib3.PoolManager:
    """Return the pool of connections that all exchanges share."""
    pool = urllib3.PoolManager(num_pools=2, maxsize=size, block=False, retries=False, ssl_context=trust())
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pool


class _Tidy(HTTPConnection):
    """Closes a connection whose answer has a malformed head; urllib3 leaves that to the garbage collector."""

    @override
    def getresponse(self) -> PoolResponse:  # type: ignore[override]  # as in urllib3's own
        with ExitStack() as left_open:

            def begun(*args: Any, **more: Any) -> HTTPResponse:
                response = HTTPResponse(*args, **more)
                left_open.callback(response.close)
                return response

            self.response_class = begun  # type: ignore[assignment]  # called once, as the class is
            response = super().getresponse()
            left_open.pop_all()
        return response


class _TidySecure(_Tidy, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Tidy


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _TidySecure


class HttpTransport:
    """Sends one request at a time in each of its threads. It never repeats anything.

    There are two threads more than ``threads`` says, however slow all others are: one for a person's secure pause or
    stop, and one for the login, without which nothing is sent.
    """

    def __init__(
        self, host: str, *, clock: Clock, threads: int, time_outs: TimeOuts, pool: urllib3.PoolManager | None = None
    ) -> None:
        self.host = host
        self._clock = clock
        self._time_outs = time_outs
        self._pool = connection_pool(threads + 2) if pool is None else pool
        self._all = asyncio.Semaphore(threads + 1)
        self._slots = asyncio.Semaphore(threads)
        self._login = asyncio.Semaphore(1)
        self._background = asyncio.Semaphore(max(1, threads // 2))
        self._threads = ThreadPoolExecutor(max_workers=threads + 2, thread_name_prefix="genesys")

    async def send(
        self,
        request: GenesysRequest | Login,
        token: str | None,
        *,
        deadline: float,
        rank: Rank = Rank.PERSON,
        still_ours: StillOurs = nobody_else,
    ) -> Answer:
        """Send a request once. Raise Unsent or Unanswered when there is no answer.

        Loops leave threads to people, however long Genesys takes. ``still_ours`` is called when a thread is free, since
        the wait for one can be long; what it raises is passed on.
        """
        if isinstance(request, Login):
            return await self._in_thread(request, token, deadline, (self._login,), still_ours)
        slots = {Rank.LOOP: (self._background, self._slots, self._all), Rank.PROTECTION: (self._all,)}
        return await self._in_thread(request, token, deadline, slots.get(rank, (self._slots, self._all)), still_ours)

    async def close(self) -> None:
        """Wait for requests that are under way, at most their time-outs, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._pool.clear()

    async def _in_thread(
        self,
        request: GenesysRequest | Login,
        token: str | None,
        deadline: float,
        slots: tuple[asyncio.Semaphore, ...],
        still_ours: StillOurs,
    ) -> Answer:
        with ExitStack() as stack:
            for slot in slots:
                await self._within(deadline, slot.acquire())
                stack.callback(slot.release)
            await self._within(deadline, still_ours())
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                raise NoTimeLeft(NO_TIME)
            time_outs = self._time_outs.within(remaining)
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, request, token, time_outs)
            taken = stack.pop_all()
        work.add_done_callback(partial(_give_back, taken))
        # a cancelled or overdue caller leaves the thread to finish: what it sent can't be called back
        await asyncio.wait({work}, timeout=time_outs.connect + time_outs.read + GRACE)
        if not work.done():
            raise Unanswered("timeout")
        return work.result()

    async def _within(self, deadline: float, wait: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await wait
        except TimeoutError:
            raise NoTimeLeft(NO_TIME) from None

    def _exchange(self, request: GenesysRequest | Login, token: str | None, time_outs: TimeOuts) -> Answer:
        # a client for each request: it keeps the last response, and may not be shared by threads
        api = JsonApiClient(host=self.host)
        exchange = Exchange(self._pool, time_outs)
        api.set_http_client(exchange)
        api.access_token = token
        with suppress(ApiException):  # the answer says it all
            request.send(api)
        if exchange.answer is None:
            raise Unsent("the SDK sent nothing")
        return exchange.answer


def _give_back(slots: ExitStack, work: asyncio.Future[Answer]) -> None:
    slots.close()
    if not work.cancelled():
        work.exception()  # marks it as seen where the caller has gone
