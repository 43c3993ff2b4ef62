"""One HTTP exchange as the SDK's HTTP client: explicit time-outs, no repeats, and the whole answer kept.

The SDK's own client has no time-outs and repeats what was dropped, writes included.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from urllib3 import exceptions

from bot.audit.storable import storable
from bot.errors import Evidence
from bot.genesys.transport.sdk import AbstractHttpClient, ApiException, RESTResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = "application/x-www-form-urlencoded"


class Unsent(Exception):
    """No connection could be made, so the request was not sent."""

    kind = "not_connected"


class NoTimeLeft(Unsent):
    """The deadline passed while the request waited for its turn."""


class Unanswered(Exception):
    """The request may have arrived, and no answer came back."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind
        """``timeout`` or ``dropped``."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status; header names are lower case. Its body is not to be changed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  HTTP's own figures

    def json(self) -> Any:
        """Return the body as JSON, None if it isn't JSON."""
        return self._body

    @cached_property  # a call's is long, and is asked for its error as often as for what it says
    def _body(self) -> Any:
        try:
            return storable(json.loads(self.text))
        except (ValueError, RecursionError):  # or is too deep to be one of Genesys's
            return None

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object, an empty one if it is something else."""
        body = self.json()
        return body if isinstance(body, dict) else {}

    @property
    def code(self) -> str | None:
        """Genesys's error code; the login host calls it ``error``."""
        body = self.document()
        return _text(body.get("code")) or _text(body.get("error"))

    @property
    def message(self) -> str:
        body = self.document()
        return _text(body.get("message")) or _text(body.get("description")) or ""

    @property
    def correlation_id(self) -> str | None:
        """By which Genesys finds the request again."""
        return self.headers.get("inin-correlation-id")

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            http_status=self.status,
            code=self.code,
            context_id=_text(self.document().get("contextId")),
            correlation_id=self.correlation_id,
        )


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
            headers={name.lower(): value for name, value in response.headers.items()},
            text=response.data.decode("utf-8", errors="replace"),
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


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
