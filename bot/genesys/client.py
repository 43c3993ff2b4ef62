"""The way to Genesys: logs in, waits out limits, repeats reads and never writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import GenesysUnavailable, LoginRefused, OutcomeUnknown, RateLimited
from bot.genesys.errors import LIMITING, error_for, login_error_for, retry_after, transient
from bot.genesys.health import GenesysHealth, HealthRecord, RequestSeen
from bot.genesys.http import Answer, TimeOuts, Unanswered, Unsent
from bot.genesys.token import Token
from bot.genesys.wire import Request, Wire
from bot.recording.ports import Waiting

if TYPE_CHECKING:
    from bot.recording.ports import Clock, Progress

LOGIN_PATIENCE = 20.0
"""Seconds for a login that no action waits for."""

REPEAT_AFTER = (0.2, 0.6)
"""Seconds before a read that was not answered is sent again."""

UNAUTHORISED = 401
NO_TIME_LEFT = "The time for this ran out before it could be sent to Genesys."

Send = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class GenesysAccount:
    """The OAuth client, and where its organisation lives."""

    client_id: str
    client_secret: str = field(repr=False)
    environment: str = "mypurecloud.com"
    api_url: str | None = None
    """Instead of the environment's own: a gateway, or a simulator."""

    @property
    def host(self) -> str:
        return (self.api_url or f"https://api.{self.environment}").rstrip("/")


@dataclass(frozen=True, slots=True)
class Within:
    """How long an action may take, and who is told when it has to wait.

    ``deadline`` is a reading of the clock's ``monotonic``; nothing is sent after it.
    """

    deadline: float
    progress: Progress

    @classmethod
    def unattended(cls, deadline: float) -> Within:
        """For requests that nobody waits for."""
        return cls(deadline, _nobody)


class GenesysClient:
    """Sends requests to one organisation. Built once; ``close`` it at the end."""

    def __init__(
        self,
        account: GenesysAccount,
        *,
        clock: Clock,
        concurrency: int = 4,
        connect_timeout: float = 3.0,
        read_timeout: float = 5.0,
        confirm_delays: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0),
        on_request: Callable[[RequestSeen], None] | None = None,
    ) -> None:
        self.account = account
        self.clock = clock
        self.confirm_delays = confirm_delays
        self._token = Token(clock)
        self._record = HealthRecord(clock, on_request)
        self._wire = Wire(
            account.host,
            clock=clock,
            threads=concurrency,
            time_outs=TimeOuts(connect=connect_timeout, read=read_timeout),
        )

    async def login(self) -> None:
        """Log in, unless a token still holds. Raise LoginRefused or GenesysUnavailable."""
        within = Within.unattended(self.clock.monotonic() + LOGIN_PATIENCE)
        try:
            await self._token.get(lambda: self._log_in(within))
        except RateLimited as limited:
            raise GenesysUnavailable(str(limited), evidence=limited.evidence) from limited

    async def close(self) -> None:
        await self._wire.close()

    def health(self) -> GenesysHealth:
        return self._record.health

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
        """Send a request that changes something, once; again only where it certainly was not carried out.

        Raise OutcomeUnknown when it may have been (408, 5xx, time-out, dropped), GenesysUnavailable when it can't
        have been, Conflict on 409, or what the answer means. Success means accepted, not done.
        """
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
        """Sleep, and say whether there is still time to do something; no sleep where there won't be."""
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
        answer = await self._unlimited(lambda: self._send(request, token, within), within)
        if answer.status != UNAUTHORISED:
            return answer
        renewed = await self._good_token(within, refused=token)
        answer = await self._unlimited(lambda: self._send(request, renewed, within), within)
        if answer.status == UNAUTHORISED:
            self._record.login_refused()
        return answer

    async def _good_token(self, within: Within, *, refused: str | None = None) -> str:
        """Return a token, waiting no longer than the action may take for a login that somebody else has begun."""
        try:
            async with asyncio.timeout(within.deadline - self.clock.monotonic()):
                return await self._token.get(lambda: self._log_in(within), refused=refused)
        except TimeoutError:
            raise GenesysUnavailable(NO_TIME_LEFT) from None

    async def _unlimited(self, send: Send, within: Within) -> Answer:
        """Send, waiting for as long as a 413 or 429 asks (1, 2, 4 … seconds where it doesn't say)."""
        back_off = 1.0
        while (answer := await send()).status in LIMITING:
            seconds = retry_after(answer) or back_off
            if self.clock.monotonic() + seconds >= within.deadline:
                raise RateLimited(retry_after=seconds, evidence=answer.evidence)
            await within.progress(Waiting(seconds))
            await self.clock.sleep(seconds)
            back_off *= 2
        return answer

    async def _send(self, request: Request, token: str, within: Within) -> Answer:
        return await self._seen(
            request.operation,
            request.method,
            lambda: self._wire.send(request, token, deadline=within.deadline),
            within,
        )

    async def _log_in(self, within: Within) -> Answer:
        async def post() -> Answer:
            return await self._seen(
                "login",
                "POST",
                lambda: self._wire.log_in(self.account.client_id, self.account.client_secret, deadline=within.deadline),
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

    async def _seen(self, operation: str, method: str, send: Send, within: Within) -> Answer:
        """Send once, unless it is too late, and record what came of it."""
        began = self.clock.monotonic()
        if began >= within.deadline:
            raise GenesysUnavailable(NO_TIME_LEFT)
        try:
            answer = await send()
        except (Unsent, Unanswered) as failure:
            self._record.failed(operation, method, failure, seconds=self.clock.monotonic() - began)
            raise
        self._record.answered(operation, method, answer, seconds=self.clock.monotonic() - began)
        return answer


async def _nobody(_: Waiting) -> None:
    """Tell nobody."""
