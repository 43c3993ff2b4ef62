"""Carries requests to Genesys: the synchronous SDK in threads of its own, so many at a time, each with a limit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.genesys.http import Answer, Exchange, TimeOuts, Unanswered, Unsent, connection_pool
from bot.genesys.sdk import ApiClient, ApiException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.recording.ports import Clock

GRACE = 1.0
"""Seconds that a thread may overrun its time-outs (a slow name server, a trickling body) before it is left alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the Genesys API. ``operation`` names it in logs and metrics; ids in ``path`` are quoted."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


class Wire:
    """Sends one request at a time in each of its threads. It never repeats anything."""

    def __init__(self, host: str, *, clock: Clock, threads: int, time_outs: TimeOuts) -> None:
        self.host = host
        self._clock = clock
        self._time_outs = time_outs
        self._pool = connection_pool(threads)
        self._slots = asyncio.Semaphore(threads)
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="genesys")

    async def send(self, request: Request, token: str, *, deadline: float) -> Answer:
        """Send a request once. Raise Unsent or Unanswered when there is no answer."""

        def use(api: Any) -> None:
            api.access_token = token
            api.call_api(
                request.path,
                request.method,
                query_params=dict(request.query),
                header_params={"Accept": "application/json"}
                | ({} if request.body is None else {"Content-Type": "application/json"}),
                body=None if request.body is None else dict(request.body),
                auth_settings=["PureCloud OAuth"],
            )

        return await self._in_thread(use, deadline)

    async def log_in(self, client_id: str, client_secret: str, *, deadline: float) -> Answer:
        """Ask for a token with client credentials; the SDK works out the login host."""

        def use(api: Any) -> None:
            # a body without a token is for the caller to notice; the SDK trips over it
            with suppress(ValueError, KeyError, TypeError):
                api.get_client_credentials_token(client_id, client_secret)

        return await self._in_thread(use, deadline)

    async def close(self) -> None:
        """Wait for requests that are under way, at most their time-outs, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._pool.clear()

    async def _in_thread(self, use: Callable[[Any], None], deadline: float) -> Answer:
        await self._take_slot(deadline)
        remaining = deadline - self._clock.monotonic()
        if remaining <= 0:
            self._slots.release()
            raise Unsent("no time left")
        time_outs = self._time_outs.within(remaining)
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, use, time_outs)
        work.add_done_callback(self._give_back)
        # a cancelled or overdue caller leaves the thread to finish: what it sent can't be called back
        await asyncio.wait({work}, timeout=time_outs.connect + time_outs.read + GRACE)
        if not work.done():
            raise Unanswered("timeout")
        return work.result()

    async def _take_slot(self, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await self._slots.acquire()
        except TimeoutError:
            raise Unsent("no time left") from None

    def _give_back(self, work: asyncio.Future[Answer]) -> None:
        self._slots.release()
        if not work.cancelled():
            work.exception()  # marks it as seen where the caller has gone

    def _exchange(self, use: Callable[[Any], None], time_outs: TimeOuts) -> Answer:
        # an ApiClient for each request: it keeps the last response, and may not be shared by threads
        api = ApiClient(host=self.host)
        exchange = Exchange(self._pool, time_outs)
        api.set_http_client(exchange)
        with suppress(ApiException):  # the answer says it all
            use(api)
        if exchange.answer is None:
            raise Unsent("the SDK sent nothing")
        return exchange.answer
