"""Whether Genesys is up, judged by the requests that were sent anyway; sends none itself.

While Genesys is down, a circuit breaker answers in its place, and lets a trial request through now and then.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.errors import GenesysUnavailable
from bot.genesys.transport.errors import retry_after, transient
from bot.genesys.transport.request import Login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from bot.genesys.transport.answer import Answer, Unanswered, Unsent
    from bot.genesys.transport.request import GenesysRequest
    from bot.recording.ports import Clock

UNAUTHORISED = 401
STATED = ("count", "allowed", "reset")

FAILURES = 5
"""How many requests in a row have to go unanswered for Genesys to be down."""

WINDOW = 60.0
"""Seconds within which they have to."""

TRIAL_EVERY = 5.0
"""Seconds from a trial's failure to the next one."""


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One HTTP request for metrics, logs, and traces: no body, and no id except Genesys's own of the request."""

    operation: str
    method: str
    status: int | None
    error: str | None
    """``not_connected``, ``timeout`` or ``dropped``, if there was no answer."""

    seconds: float
    retry_after: float | None = None
    correlation_id: str | None = None
    """By which Genesys finds the request again."""

    code: str | None = None
    """Genesys's own, if it refused."""

    client: str | None = None
    """The label of the OAuth client, if there are several."""


@dataclass(frozen=True, slots=True)
class RateBudget:
    """Genesys's request limit, from the ``inin-ratelimit-*`` headers of the newest answer."""

    used: int
    allowed: int
    reset: int
    """Seconds until the count starts again."""

    @property
    def left(self) -> int:
        return max(self.allowed - self.used, 0)

    @classmethod
    def stated(cls, answer: Answer) -> RateBudget | None:
        """Read it from an answer's headers; None where they don't say."""
        try:
            used, allowed, reset = (int(answer.headers[f"inin-ratelimit-{name}"]) for name in STATED)
        except (KeyError, ValueError):
            return None
        return cls(used=used, allowed=allowed, reset=reset)


@dataclass(frozen=True, slots=True)
class GenesysHealth:
    """Whether Genesys is usable, for readiness."""

    logged_in: bool = False
    last_contact: datetime | None = None
    """The newest answer of any kind that was no failure of Genesys's."""

    last_error: str | None = None
    """The kind of the newest failure; None once a request has succeeded since."""

    budget: RateBudget | None = None
    """Genesys's own count."""

    requests_left: int = 0
    """How many requests may be sent at once, by the bot's own limit and Genesys's."""

    requests_waiting: int = 0
    held: Mapping[str, float] = field(default_factory=dict)
    """Operations that are held back by themselves since Genesys refused them, and for how many seconds more."""

    down_since: datetime | None = None
    """Since when nothing but trials is sent, where Genesys is down."""

    @property
    def usable(self) -> bool:
        return self.logged_in and self.last_error in {None, "rate_limited"}


class HealthRecord:
    """Keeps GenesysHealth up to date, breaks the circuit, and passes each request on to the telemetry.

    The circuit is closed while Genesys answers, with any status; a refusal is an answer. It opens when FAILURES
    requests in a row failed within WINDOW; then only a trial goes through, one at a time.

    A request that does not ``tell`` of Genesys changes nothing about the circuit.
    """

    def __init__(self, clock: Clock, on_request: Callable[[RequestSeen], None] | None) -> None:
        self._clock = clock
        self._on_request = on_request
        self._failed: deque[tuple[float, datetime]] = deque(maxlen=FAILURES)
        self._next_trial = 0.0
        self._trial_under_way = False
        self.health = GenesysHealth()

    @property
    def trial_due(self) -> bool:
        """Whether the circuit is open, and it is time to see if Genesys is back."""
        overdue = self._clock.monotonic() >= self._next_trial
        return self.health.down_since is not None and overdue and not self._trial_under_way

    def check(self, *, may_try: bool) -> None:
        """Raise GenesysUnavailable while Genesys is down, unless a trial is due and this request may be it."""
        since = self.health.down_since
        if since is None or (may_try and self.trial_due):
            return
        seconds = max(0.0, self._next_trial - self._clock.monotonic())
        raise GenesysUnavailable(
            f"Genesys has not answered since {since:%H:%M:%S} UTC, so nothing was sent;"
            f" the bot tries it again in {max(1, round(seconds))} s.",
            since=since,
            next_trial=seconds,
        )

    @contextmanager
    def passage(self, *, may_try: bool) -> Iterator[None]:
        """Let a request through, as the trial if the circuit is open, or raise GenesysUnavailable."""
        self.check(may_try=may_try)
        if self.health.down_since is None:
            yield
            return
        self._trial_under_way = True
        try:
            yield
        finally:
            self._trial_under_way = False

    def answered(self, request: GenesysRequest | Login, answer: Answer, *, seconds: float, tells: bool) -> None:
        budget = RateBudget.stated(answer) or self.health.budget
        if transient(answer):
            self.health = replace(self.health, last_error="genesys_unavailable", budget=budget)
        else:
            limited = "rate_limited" if answer.status == 429 else None  # noqa: PLR2004
            self.health = replace(
                self.health,
                # any answer except 401 shows that the token was good
                logged_in=self.health.logged_in
                or answer.ok
                or (answer.status != UNAUTHORISED and not isinstance(request, Login)),
                last_contact=self._clock.now(),
                last_error=limited,
                budget=budget,
            )
        if tells and transient(answer):
            self._count_failure()
        elif tells:
            self._failed.clear()
            self.health = replace(self.health, down_since=None)
        self._pass_on(
            RequestSeen(
                operation=request.operation,
                method=request.method,
                status=answer.status,
                error=None,
                seconds=seconds,
                retry_after=retry_after(answer),
                correlation_id=answer.correlation_id,
                code=None if answer.ok else answer.code,
            )
        )

    def failed(
        self, request: GenesysRequest | Login, failure: Unsent | Unanswered, *, seconds: float, tells: bool
    ) -> None:
        self.health = replace(self.health, last_error="genesys_unavailable")
        if tells:
            self._count_failure()
        self._pass_on(RequestSeen(request.operation, request.method, status=None, error=failure.kind, seconds=seconds))

    def login_refused(self) -> None:
        self.health = replace(self.health, logged_in=False, last_error="login_refused")

    def _count_failure(self) -> None:
        """Note a request that had no answer, or one that says that Genesys can't give any."""
        now = self._clock.monotonic()
        self._failed.append((now, self._clock.now()))
        began, since = self._failed[0]
        if self.health.down_since is None and len(self._failed) == FAILURES and now - began <= WINDOW:
            self.health = replace(self.health, down_since=since)
        self._next_trial = now + TRIAL_EVERY

    def _pass_on(self, seen: RequestSeen) -> None:
        if self._on_request is not None:
            self._on_request(seen)
