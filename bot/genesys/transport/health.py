"""The health of Genesys, judged by the requests that were sent anyway; sends none itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.genesys.transport.errors import retry_after, transient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.genesys.transport.answer import Answer, Unanswered, Unsent
    from bot.recording.ports import Clock

LOGIN = "login"
"""The operation of a login request."""
UNAUTHORISED = 401
STATED = ("count", "allowed", "reset")


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
    """Keeps GenesysHealth up to date, and passes each request on to the telemetry."""

    def __init__(self, clock: Clock, on_request: Callable[[RequestSeen], None] | None) -> None:
        self._clock = clock
        self._on_request = on_request
        self.health = GenesysHealth()

    def answered(self, operation: str, method: str, answer: Answer, *, seconds: float) -> None:
        budget = RateBudget.stated(answer) or self.health.budget
        if transient(answer):
            self.health = replace(self.health, last_error="genesys_unavailable", budget=budget)
        else:
            limited = "rate_limited" if answer.status == 429 else None  # noqa: PLR2004
            self.health = replace(
                self.health,
                # any answer except 401 shows that the token was good
                logged_in=self.health.logged_in or answer.ok or (operation != LOGIN and answer.status != UNAUTHORISED),
                last_contact=self._clock.now(),
                last_error=limited,
                budget=budget,
            )
        self._pass_on(
            RequestSeen(
                operation=operation,
                method=method,
                status=answer.status,
                error=None,
                seconds=seconds,
                retry_after=retry_after(answer),
                correlation_id=answer.correlation_id,
                code=None if answer.ok else answer.code,
            )
        )

    def failed(self, operation: str, method: str, failure: Unsent | Unanswered, *, seconds: float) -> None:
        self.health = replace(self.health, last_error="genesys_unavailable")
        self._pass_on(RequestSeen(operation=operation, method=method, status=None, error=failure.kind, seconds=seconds))

    def login_refused(self) -> None:
        self.health = replace(self.health, logged_in=False, last_error="login_refused")

    def _pass_on(self, seen: RequestSeen) -> None:
        if self._on_request is not None:
            self._on_request(seen)
