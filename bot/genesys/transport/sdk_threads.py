"""Sends requests through the synchronous SDK in its own threads, a limited number at a time, each with a deadline."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.genesys.transport.connections import connection_pool
from bot.genesys.transport.http import Answer, Exchange, NoTimeLeft, TimeOuts, Unanswered, Unsent
from bot.genesys.transport.rate_limiter import Rank
from bot.genesys.transport.sdk import ApiClient, ApiException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import urllib3

    from bot.recording.ports import Clock

GRACE = 1.0
"""Seconds that a thread may overrun its time-outs (a slow name server, a trickling body) before it is left alone."""

NO_TIME = "no time left"
WORD = re.compile(r"[a-z]*|v2")
"""A segment of a path that is no id."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the Genesys API. ``operation`` names it in logs and metrics; ids in ``path`` are quoted."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    asks: bool = False
    """Whether it only asks although its method is POST."""

    @property
    def route(self) -> str:
        """The operation as Genesys limits it: its method and its path, without the ids."""
        words = (word if WORD.fullmatch(word) else "*" for word in self.path.split("/"))
        return f"{self.method} {'/'.join(words)}"

    @property
    def changes_nothing(self) -> bool:
        return self.method == "GET" or self.asks


class Wire:
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

    async def send(self, request: Request, token: str, *, deadline: float, rank: Rank = Rank.PERSON) -> Answer:
        """Send a request once. Raise Unsent or Unanswered when there is no answer.

        Loops leave threads to people, however long Genesys takes.
        """

        def use(api: Any) -> None:
            api.access_token = token
            api.call_api(
                request.path,
                request.method,
                query_params=dict(request.query),
                header_params={"Accept": "application/json"}
                | ({} if request.body is None else {"Content-Type": "application/json"}),
                body=request.body,
                auth_settings=["PureCloud OAuth"],
            )

        slots = {Rank.LOOP: (self._background, self._slots, self._all), Rank.PROTECTION: (self._all,)}
        return await self._in_thread(use, deadline, slots.get(rank, (self._slots, self._all)))

    async def log_in(self, client_id: str, client_secret: str, *, deadline: float) -> Answer:
        """Ask for a token with client credentials; the SDK works out the login host."""

        def use(api: Any) -> None:
            # a body without a token is for the caller to notice; the SDK trips over it
            with suppress(ValueError, LookupError, TypeError):
                api.get_client_credentials_token(client_id, client_secret)

        return await self._in_thread(use, deadline, (self._login,))

    async def close(self) -> None:
        """Wait for requests that are under way, at most their time-outs, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._pool.clear()

    async def _in_thread(
        self, use: Callable[[Any], None], deadline: float, slots: tuple[asyncio.Semaphore, ...]
    ) -> Answer:
        with ExitStack() as stack:
            for slot in slots:
                await self._take(slot, deadline)
                stack.callback(slot.release)
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                raise NoTimeLeft(NO_TIME)
            time_outs = self._time_outs.within(remaining)
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, use, time_outs)
            taken = stack.pop_all()
        work.add_done_callback(partial(_give_back, taken))
        # a cancelled or overdue caller leaves the thread to finish: what it sent can't be called back
        await asyncio.wait({work}, timeout=time_outs.connect + time_outs.read + GRACE)
        if not work.done():
            raise Unanswered("timeout")
        return work.result()

    async def _take(self, slot: asyncio.Semaphore, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await slot.acquire()
        except TimeoutError:
            raise NoTimeLeft(NO_TIME) from None

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


def _give_back(slots: ExitStack, work: asyncio.Future[Answer]) -> None:
    slots.close()
    if not work.cancelled():
        work.exception()  # marks it as seen where the caller has gone
