"""Sends requests to Genesys: logs in, waits for limits, repeats reads and never writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import structlog

from bot.errors import GenesysError, GenesysUnavailable, LoginRefused, OutcomeUnknown, RateLimited
from bot.genesys.transport.answer import Answer, NoTimeLeft, Unanswered, Unsent
from bot.genesys.transport.circuit_breaker import TRIAL_EVERY, Circuit
from bot.genesys.transport.deadline import Within
from bot.genesys.transport.errors import TOO_MANY_REQUESTS, error_for, login_error_for, retry_after, transient
from bot.genesys.transport.health import LOGIN, UNAUTHORISED, GenesysHealth, HealthRecord, RateBudget, RequestSeen
from bot.genesys.transport.http import HttpTransport, TimeOuts
from bot.genesys.transport.rate_limiter import Rank, RequestLimit
from bot.genesys.transport.request import Request
from bot.genesys.transport.token import Token
from bot.recording.ports import Waiting

if TYPE_CHECKING:
    import urllib3

    from bot.recording.ports import Clock

LOGIN_PATIENCE = 20.0
"""Seconds for a login that no action waits for."""

PROBE_PATIENCE = 10.0
"""Seconds for a probe of Genesys itself."""

PROBE = Request("probe", "TokensApi.get_tokens_me")
"""A read that wants no permission, and that any organization can answer."""

REPEAT_AFTER = (0.2, 0.6)
"""Seconds before a read that was not answered is sent again."""

NO_TIME_LEFT = "The time for this ran out before it could be sent to Genesys."

Send = Callable[[], Awaitable[Answer]]
Try = Callable[[int], Awaitable[Answer]]
"""Sends once; gets how often it was sent before."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GenesysAccount:
    """The OAuth client, and its organization's region."""

    client_id: str
    client_secret: str = field(repr=False)
    environment: str = "mypurecloud.com"
    api_url: str | None = None
    """Instead of the environment's own: a gateway, or a simulator."""

    @property
    def host(self) -> str:
        return (self.api_url or f"https://api.{self.environment}").rstrip("/")


class GenesysClient:
    """Sends requests to one organization. Built once; ``close`` it at the end.

    ``pool`` makes the connections; without one, the client makes its own.
    """

    def __init__(
        self,
        account: GenesysAccount,
        *,
        clock: Clock,
        concurrency: int = 4,
        connect_timeout: float = 3.0,
        read_timeout: float = 5.0,
        confirm_delays: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0),
        requests_per_minute: int = 300,
        on_request: Callable[[RequestSeen], None] | None = None,
        pool: urllib3.PoolManager | None = None,
    ) -> None:
        self.account = account
        self.clock = clock
        self.confirm_delays = confirm_delays
        self._token = Token(clock)
        self._record = HealthRecord(clock, on_request)
        self._limit = RequestLimit(clock, requests_per_minute)
        self._circuit = Circuit(clock)
        self._read_timeout = read_timeout
        self._http = HttpTransport(
            account.host,
            clock=clock,
            threads=concurrency,
            time_outs=TimeOuts(connect=connect_timeout, read=read_timeout),
            pool=pool,
        )

    async def login(self) -> None:
        """Log in, unless a token still holds. Raise LoginRefused or GenesysUnavailable."""
        within = Within.unattended(self.clock.monotonic() + LOGIN_PATIENCE)
        try:
            await self._token.get(lambda: self._log_in(within))
        except RateLimited as limited:
            raise GenesysUnavailable(str(limited), evidence=limited.evidence) from limited

    async def close(self) -> None:
        await self._http.close()

    def health(self) -> GenesysHealth:
        return replace(
            self._record.health,
            requests_left=self._limit.left,
            requests_waiting=self._limit.waiting,
            held=self._limit.held,
            down_since=self._circuit.down_since,
        )

    async def probe(self) -> None:
        """Ask Genesys something cheap, once, so that ``health`` is of now. Raise GenesysError when it is not usable."""
        await self._probe(Within.unattended(self.clock.monotonic() + PROBE_PATIENCE))

    async def _probe(self, within: Within) -> None:
        try:
            answer = await self._authorised(PROBE, within)
        except (Unsent, Unanswered) as failure:
            raise GenesysUnavailable(f"Genesys does not answer ({failure}).") from failure
        if transient(answer) or answer.status == UNAUTHORISED:
            raise error_for(answer)

    def _probing(self, within: Within) -> Within:
        """Return the limits of a probe on behalf of a write: it has the write's rank, so that it waits for no loop."""
        return replace(within, deadline=min(within.deadline, self.clock.monotonic() + PROBE_PATIENCE))

    async def watch_health(self) -> None:
        """Probe for as long as Genesys is not usable: without other traffic nobody would notice that it is back."""
        while True:
            await self.clock.sleep(TRIAL_EVERY)
            if not self.health().usable:
                with suppress(GenesysError):  # the health says it
                    await self.probe()

    async def read(self, request: Request, within: Within) -> Answer:
        """Send a request that changes nothing, up to three times. The answer is a JSON object or array.

        Raise GenesysUnavailable when none of the tries is answered, or what the answer means.
        """

        async def send() -> Answer:
            answer = await self._authorised(request, within)
            if not answer.ok and not transient(answer):
                raise error_for(answer)
            return answer

        return await self._repeated(send, within)

    async def write(self, request: Request, within: Within) -> Answer:
        """Send a request that changes something, once; repeat it only if it certainly was not carried out.

        Raise OutcomeUnknown when it may have been (408, 5xx, time-out, dropped), GenesysUnavailable when it can't
        have been, Conflict on 409, or what the answer means. Success means accepted, not done.
        """
        if self._circuit.trial_due and not within.confirms:
            await self._probe(self._probing(within))  # a write that tried it could leave its outcome unknown
        try:
            answer = await self._connected(lambda: self._authorised(request, within), within)
        except Unanswered as failure:
            raise OutcomeUnknown(f"Genesys did not answer ({failure.kind}).") from failure
        if transient(answer):
            raise OutcomeUnknown(evidence=answer.evidence)
        if not answer.ok:
            raise error_for(answer)
        return answer

    async def pause(self, seconds: float, within: Within) -> bool:
        """Sleep, and return whether there is still time; don't sleep if there won't be."""
        if self.clock.monotonic() + seconds >= within.deadline:
            return False
        await self.clock.sleep(seconds)
        return True

    async def _repeated(self, send: Send, within: Within) -> Answer:
        delays = iter(REPEAT_AFTER)
        while True:
            try:
                answer = await send()
            except (Unsent, Unanswered) as error:
                failure = GenesysUnavailable(f"Genesys does not answer ({error}).")
            else:
                if answer.ok and isinstance(answer.json(), (dict, list)):
                    return answer
                failure = GenesysUnavailable(
                    f"Genesys's answer can't be used (HTTP {answer.status}).", evidence=answer.evidence
                )
            delay = next(delays, None)
            if delay is None or not await self.pause(delay, within):
                raise failure

    async def _connected(self, send: Send, within: Within) -> Answer:
        """Send until it left, which a refused connection is certain not to have done."""
        delays = iter(REPEAT_AFTER)
        while True:
            try:
                return await send()
            except Unsent as error:
                delay = next(delays, None)
                if delay is None or not await self.pause(delay, within):
                    raise GenesysUnavailable(f"Genesys can't be reached ({error}).") from error

    async def _authorised(self, request: Request, within: Within) -> Answer:
        """Send with a token; with a new one, once, when Genesys refuses it."""
        token = await self._good_token(within)
        answer = await self._unlimited(partial(self._send, request, token, within), within)
        if answer.status != UNAUTHORISED:
            return answer
        renewed = await self._good_token(within, refused=token)
        answer = await self._unlimited(partial(self._send, request, renewed, within), within)
        if answer.status == UNAUTHORISED:
            self._record.login_refused()
        return answer

    async def _good_token(self, within: Within, *, refused: str | None = None) -> str:
        """Return a token, waiting within the action's deadline for a login that another task has begun."""
        try:
            async with asyncio.timeout(within.deadline - self.clock.monotonic()):
                urgent = within.rank is Rank.PROTECTION
                return await self._token.get(lambda: self._log_in(within), refused=refused, urgent=urgent)
        except TimeoutError:
            raise GenesysUnavailable(NO_TIME_LEFT) from None

    async def _unlimited(self, send: Try, within: Within) -> Answer:
        """Send, waiting for as long as a 429 asks (1, 2, 4 … seconds if it doesn't say)."""
        back_off = 1.0
        tries = count()
        while (answer := await send(next(tries))).status == TOO_MANY_REQUESTS:
            seconds = retry_after(answer) or back_off
            if self.clock.monotonic() + seconds >= within.deadline:
                raise RateLimited(retry_after=seconds, evidence=answer.evidence)
            await within.progress(Waiting(seconds))
            await self.clock.sleep(seconds)
            back_off *= 2
        return answer

    async def _send(self, request: Request, token: str, within: Within, tried: int) -> Answer:
        """Send when it is this request's turn, and learn from the answer what the limit leaves.

        A person's secure pause or stop has its turn at once where it was not ``tried`` yet, whatever is held back.
        """
        may_try = request.changes_nothing
        if not within.confirms:
            self._circuit.check(may_try=may_try)  # before it takes its place among those who wait
        room = 1 if may_try else 2  # a write wants to be confirmed
        urgent = within.rank is Rank.PROTECTION
        if urgent and not tried:
            self._limit.admit_at_once()
        else:
            await self._limit.admit(
                within.rank, deadline=within.deadline, progress=within.progress, room=room, route=request.call
            )
        stated = None
        try:
            answer = await self._seen(
                request.operation,
                request.method,
                lambda: self._http.send(request, token, deadline=within.deadline, rank=within.rank),
                within,
                may_try=may_try,
                tells_of_genesys=not request.asks,
            )
            stated = RateBudget.stated(answer)
        finally:
            self._limit.landed(stated)
        if answer.status == TOO_MANY_REQUESTS:
            seconds = retry_after(answer) or 1.0
            everything = self._limit.refused(request.call, request.operation, seconds, stated)
            log.warning("requests_held", operation="all" if everything else request.operation, seconds=seconds)
        return answer

    async def _log_in(self, within: Within) -> Answer:
        async def post(_: int) -> Answer:
            return await self._seen(
                LOGIN,
                "POST",
                lambda: self._http.log_in(self.account.client_id, self.account.client_secret, deadline=within.deadline),
                within,
            )

        async def send() -> Answer:
            answer = await self._unlimited(post, within)
            if not answer.ok and not transient(answer):
                self._record.login_refused()
                raise login_error_for(answer)
            return answer

        if not (self.account.client_id + self.account.client_secret).isascii():
            raise LoginRefused("The OAuth client's id or secret has characters that none of Genesys's have.")
        return await self._repeated(send, within)

    async def _seen(
        self,
        operation: str,
        method: str,
        send: Send,
        within: Within,
        *,
        may_try: bool = True,
        tells_of_genesys: bool = True,
    ) -> Answer:
        """Send one attempt if the deadline and the circuit breaker allow it, and record the result.

        Analytics can be away while calls are controlled as ever, and the other way round: its queries don't tell.
        """
        began = self.clock.monotonic()
        if began >= within.deadline:
            raise GenesysUnavailable(NO_TIME_LEFT)
        try:
            with nullcontext() if within.confirms else self._circuit.passage(may_try=may_try):
                answer = await send()
        except NoTimeLeft:
            raise  # Genesys has nothing to do with that
        except (Unsent, Unanswered) as failure:
            self._record.failed(operation, method, failure, seconds=self.clock.monotonic() - began)
            had_time = failure.kind != "timeout" or within.deadline - began >= self._read_timeout
            if tells_of_genesys and had_time:
                self._circuit.failed()  # one that had hardly any time says nothing of Genesys
            raise
        self._record.answered(operation, method, answer, seconds=self.clock.monotonic() - began)
        if tells_of_genesys and transient(answer):
            self._circuit.failed()
        elif tells_of_genesys:
            self._circuit.answered()
        return answer
