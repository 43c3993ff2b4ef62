"""Sends requests to Genesys: logs in, waits for limits, repeats reads and never writes."""

from __future__ import annotations

import asyncio
import math
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type

from bot.errors import GenesysError, GenesysUnavailable, LoginRefused, OutcomeUnknown, RateLimited
from bot.genesys.call_events import CallEvents
from bot.genesys.effect_times import EffectTimes
from bot.genesys.transport.answer import Answer, NoTimeLeft, Unanswered, Unsent, Unusable
from bot.genesys.transport.deadline import RequestOptions, unattended
from bot.genesys.transport.errors import TOO_MANY_REQUESTS, error_for, login_error_for, retry_after, transient
from bot.genesys.transport.health import UNAUTHORISED, GenesysHealth, HealthRecord, RateBudget, RequestSeen
from bot.genesys.transport.http import HttpTransport, TimeOuts
from bot.genesys.transport.rate_limiter import Rank, RequestLimit
from bot.genesys.transport.request import GenesysRequest, Login
from bot.genesys.transport.token import Token
from bot.recording.ports import Waiting, nobody_else

if TYPE_CHECKING:
    from collections.abc import Callable

    import urllib3
    from tenacity import RetryCallState

    from bot.recording.ports import Clock

REPEAT_AFTER = (0.2, 0.6)
"""Seconds before a request that failed is sent again."""


@dataclass(frozen=True, slots=True)
class Retries:
    """After which failures a request is sent again. A refusal with 429 is always followed by another attempt."""

    after: tuple[type[Exception], ...]
    needs_json: bool = False
    """Whether an answer that is no JSON object or array is a failure, too."""


READ = Retries((Unsent, Unanswered, Unusable), needs_json=True)
WRITE = Retries((Unsent,))
"""A refused connection is the only failure after which a write certainly was not carried out."""

PROBE = Retries(())


def retrying(retries: Retries, options: RequestOptions, clock: Clock) -> AsyncRetrying:
    """Return the loop around a request's attempts. It ends when the next attempt would come after the deadline."""
    delays = iter(REPEAT_AFTER)

    def wait(state: RetryCallState) -> float:
        failure = _failure(state)
        return failure.retry_after if isinstance(failure, RateLimited) else next(delays, math.inf)

    async def inform(state: RetryCallState) -> None:
        if isinstance(failure := _failure(state), RateLimited):
            await options.progress(Waiting(failure.retry_after))

    return AsyncRetrying(
        retry=retry_if_exception_type((RateLimited, *retries.after)),
        wait=wait,
        stop=lambda state: clock.monotonic() + state.upcoming_sleep >= options.deadline,
        before_sleep=inform,
        sleep=clock.sleep,
        reraise=True,
    )


def _failure(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


LOGIN_PATIENCE = 20.0
"""Seconds for a login that no action waits for."""

PROBE_PATIENCE = 10.0
"""Seconds for a probe of Genesys itself."""

PROBE_REQUEST = GenesysRequest("probe", "TokensApi.get_tokens_me")
"""A read that wants no permission, and that any organization can answer."""

ACCEPTED = 202
NO_TIME_LEFT = "The time for this ran out before it could be sent to Genesys."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GenesysAccount:
    """The OAuth client, and its organization's region."""

    client_id: str
    client_secret: str = field(repr=False)
    environment: str = "mypurecloud.com"
    api_url: str | None = None
    """Instead of the environment's own: a gateway, or a simulator."""

    label: str = ""
    """Names the client in the log, metrics, and checks."""

    divisions: frozenset[str] = frozenset()
    """The ids of the divisions whose calls it is for; empty: of all that its role covers."""

    one_of_several: bool = False

    @property
    def host(self) -> str:
        return (self.api_url or f"https://api.{self.environment}").rstrip("/")

    def covers(self, divisions: frozenset[str]) -> bool:
        """Whether it is for a call in these divisions; none: Genesys doesn't say."""
        return not self.divisions or not divisions or not self.divisions.isdisjoint(divisions)


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
        requests_per_minute: int = 300,
        on_request: Callable[[RequestSeen], None] | None = None,
        pool: urllib3.PoolManager | None = None,
    ) -> None:
        self.account = account
        self.clock = clock
        self.events: CallEvents[Any] = CallEvents(clock)
        self.effect_times = EffectTimes()
        self._token = Token(clock)
        self._record = HealthRecord(clock, on_request)
        self._limit = RequestLimit(clock, requests_per_minute)
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
        options = unattended(self.clock.monotonic() + LOGIN_PATIENCE)
        try:
            await self._token.get(lambda: self._log_in(options))
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
        )

    async def probe(self) -> None:
        """Ask Genesys something cheap, once, so that ``health`` is of now. Raise GenesysError when it is not usable."""
        await self._probe(unattended(self.clock.monotonic() + PROBE_PATIENCE))

    async def _probe(self, options: RequestOptions) -> None:
        try:
            await self._send(PROBE_REQUEST, options, PROBE)
        except (Unsent, Unanswered) as failure:
            raise GenesysUnavailable(f"Genesys does not answer ({failure}).") from failure
        except Unusable as unusable:
            raise error_for(unusable.answer) from unusable
        except (GenesysUnavailable, LoginRefused, RateLimited):
            raise
        except GenesysError as refusal:
            log.debug("probe_refused", cause=str(refusal))  # an answer, and that is enough

    def _probing(self, options: RequestOptions) -> RequestOptions:
        """Return the limits of a probe on behalf of a write: it has the write's rank, so that it waits for no loop."""
        return replace(options, deadline=min(options.deadline, self.clock.monotonic() + PROBE_PATIENCE))

    async def check_health(self) -> None:
        """Probe if Genesys is not usable: without other traffic nobody would notice that it is back."""
        if not self.health().usable:
            with suppress(GenesysError):  # the health says it
                await self.probe()

    async def read(self, request: GenesysRequest, options: RequestOptions) -> Answer:
        """Send a request that changes nothing, up to three times. The answer is a JSON object or array.

        Raise GenesysUnavailable when none of the tries is answered, or what the answer means.
        """
        return await self._answered(request, options)

    async def write(self, request: GenesysRequest, options: RequestOptions) -> Answer:
        """Send a request that changes something, once; repeat it only if it certainly was not carried out.

        Raise OutcomeUnknown when it may have been (408, 5xx, time-out, dropped), GenesysUnavailable when it can't
        have been, Conflict on 409, or what the answer means. Success means accepted, not done.
        """
        if self._record.trial_due and not options.confirms:
            await self._probe(self._probing(options))  # a write that tried it could leave its outcome unknown
        try:
            return await self._send(request, options, WRITE)
        except Unsent as failure:
            raise GenesysUnavailable(f"Genesys can't be reached ({failure}).") from failure
        except Unanswered as failure:
            raise OutcomeUnknown(f"Genesys did not answer ({failure.kind}).") from failure
        except Unusable as unusable:
            raise OutcomeUnknown(evidence=unusable.answer.evidence) from unusable

    async def pause(self, seconds: float, options: RequestOptions) -> bool:
        """Sleep, and return whether there is still time; don't sleep if there won't be."""
        if self.clock.monotonic() + seconds >= options.deadline:
            return False
        await self.clock.sleep(seconds)
        return True

    async def _answered(self, request: GenesysRequest | Login, options: RequestOptions) -> Answer:
        try:
            return await self._send(request, options, READ)
        except (Unsent, Unanswered) as failure:
            raise GenesysUnavailable(f"Genesys does not answer ({failure}).") from failure
        except Unusable as unusable:
            answer = unusable.answer
            raise GenesysUnavailable(
                f"Genesys's answer can't be used (HTTP {answer.status}).", evidence=answer.evidence
            ) from unusable

    async def _send(self, request: GenesysRequest | Login, options: RequestOptions, retries: Retries) -> Answer:
        """Send until there is an answer to keep. Raise Unsent, Unanswered, Unusable, or what the answer means."""
        sending = _Sending(request, options, needs_json=retries.needs_json)
        return await retrying(retries, options, self.clock)(self._attempt, sending)

    async def _attempt(self, sending: _Sending) -> Answer:
        """Send once, and once more with a new token if Genesys refuses the token."""
        if isinstance(sending.request, Login):
            return sending.kept(await self._exchange(sending, None))
        token = await self._good_token(sending.options)
        answer = await self._admitted(sending, token)
        if answer.status == UNAUTHORISED:
            renewed = await self._good_token(sending.options, refused=token)
            answer = await self._admitted(sending, renewed)
            if answer.status == UNAUTHORISED:
                self._record.login_refused()
        return sending.kept(answer)

    async def _good_token(self, options: RequestOptions, *, refused: str | None = None) -> str:
        """Return a token, waiting within the action's deadline for a login that another task has begun."""
        try:
            async with asyncio.timeout(options.deadline - self.clock.monotonic()):
                urgent = options.rank is Rank.PROTECTION
                return await self._token.get(lambda: self._log_in(options), refused=refused, urgent=urgent)
        except TimeoutError:
            raise GenesysUnavailable(NO_TIME_LEFT) from None

    async def _log_in(self, options: RequestOptions) -> Answer:
        if not (self.account.client_id + self.account.client_secret).isascii():
            raise LoginRefused("The OAuth client's id or secret has characters that none of Genesys's have.")
        try:
            return await self._answered(Login(self.account.client_id, self.account.client_secret), options)
        except LoginRefused:
            self._record.login_refused()
            raise

    async def _admitted(self, sending: _Sending, token: str) -> Answer:
        """Send when it is this request's turn, and learn from the answer what the limit leaves.

        A person's secure pause or stop has its turn at once until Genesys has refused it, whatever is held back.
        """
        request, options = sending.request, sending.options
        if not options.confirms:
            self._record.check(may_try=request.changes_nothing)  # before it takes its place among those who wait
        if options.rank is Rank.PROTECTION and not sending.refusals:
            self._limit.admit_at_once()
        else:
            room = 1 if request.changes_nothing else 2  # a write wants to be confirmed
            await self._limit.admit(
                options.rank, deadline=options.deadline, progress=options.progress, room=room, route=request.call
            )
        stated = None
        try:
            answer = await self._exchange(sending, token)
            stated = RateBudget.stated(answer)
        finally:
            self._limit.landed(stated)
        if answer.status == TOO_MANY_REQUESTS:
            seconds = retry_after(answer) or 1.0
            everything = self._limit.refused(request.call, request.operation, seconds, stated)
            log.warning("requests_held", operation="all" if everything else request.operation, seconds=seconds)
        return answer

    async def _exchange(self, sending: _Sending, token: str | None) -> Answer:
        """Send once if the deadline and the circuit breaker allow it, and record the result.

        Analytics can be away while calls are controlled as ever, and the other way round: its queries don't tell.
        """
        request, options = sending.request, sending.options
        began = self.clock.monotonic()
        if began >= options.deadline:
            raise GenesysUnavailable(NO_TIME_LEFT)
        try:
            with nullcontext() if options.confirms else self._record.passage(may_try=request.changes_nothing):
                still_ours = nobody_else if request.changes_nothing else options.still_ours
                answer = await self._http.send(
                    request, token, deadline=options.deadline, rank=options.rank, still_ours=still_ours
                )
        except NoTimeLeft:
            raise  # Genesys has nothing to do with that
        except (Unsent, Unanswered) as failure:
            # one that had hardly any time says nothing of Genesys
            had_time = failure.kind != "timeout" or options.deadline - began >= self._read_timeout
            seconds = self.clock.monotonic() - began
            self._record.failed(request, failure, seconds=seconds, tells=had_time and not request.asks)
            raise
        self._record.answered(request, answer, seconds=self.clock.monotonic() - began, tells=not request.asks)
        return answer


@dataclass(slots=True)
class _Sending:
    """A request while it is sent."""

    request: GenesysRequest | Login
    options: RequestOptions
    needs_json: bool
    refusals: int = 0
    """How often Genesys has answered with 429."""

    def kept(self, answer: Answer) -> Answer:
        """Return a successful answer. Raise Unusable, or what the answer means."""
        if answer.status == TOO_MANY_REQUESTS:
            seconds = retry_after(answer) or 2.0**self.refusals
            self.refusals += 1
            raise RateLimited(retry_after=seconds, evidence=answer.evidence)
        pending = answer.status == ACCEPTED and self.request.may_be_pending
        needs_json = self.needs_json and not pending
        if transient(answer) or (answer.ok and needs_json and not isinstance(answer.json(), (dict, list))):
            raise Unusable(answer)
        if not answer.ok:
            raise login_error_for(answer) if isinstance(self.request, Login) else error_for(answer)
        return answer
