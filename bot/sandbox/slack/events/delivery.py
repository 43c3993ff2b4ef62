"""How a payload reaches the app: the result, and delivery by HTTP with Slack's signature."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.slack.state.workspace import SimulatedMessage

OK = 200
FIRST_SERVER_ERROR = 500


class NotDelivered(Exception):
    """Slack got no usable answer from the app; the text is the error that Slack shows."""

    def __init__(self, code: str, *, status: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Payload:
    """What goes to the app. ``kind`` is Slack's envelope type; ``answered`` says that the ack may carry a body."""

    kind: str
    body: dict[str, Any]
    answered: bool = False
    retry: int = 0
    retry_reason: str = ""
    age: float = 0.0
    """How many seconds ago Slack sent it; it waited for an app that stood still."""

    def waiting(self, seconds: float) -> Payload:
        """Return the payload as an app reads it so much later: each time in it is Slack's, of when it was sent."""
        body = dict(self.body)
        if "action_ts" in body:
            body["action_ts"] = _earlier(body["action_ts"], seconds)
        if "actions" in body:
            body["actions"] = [one | {"action_ts": _earlier(one["action_ts"], seconds)} for one in body["actions"]]
        return replace(self, body=body, age=seconds)


@dataclass(frozen=True)
class Ack:
    """The app's answer. ``status`` is HTTP's, None over a socket."""

    body: Any = None
    status: int | None = None


@dataclass
class DeliveryResult:
    """The result of one payload.

    ``seconds`` runs from sending to the ack. ``shown`` holds the messages that Slack made of it for the person;
    ``again`` is the second delivery where a fault delivered it twice.
    """

    payload: Payload
    acked: bool = False
    seconds: float | None = None
    status: int | None = None
    body: Any = None
    error: str | None = None
    shown: list[SimulatedMessage] = field(default_factory=list)
    again: DeliveryResult | None = None

    def snapshot(self) -> dict[str, Any]:
        return {
            "kind": self.payload.kind,
            "acked": self.acked,
            "seconds": self.seconds,
            "status": self.status,
            "error": self.error,
        }


class Transport(Protocol):
    """One of the two ways to an app."""

    async def send(self, payload: Payload) -> Ack:
        """Deliver and wait for the ack. Raises NotDelivered."""
        ...


@dataclass(frozen=True)
class HttpTransport:
    """Slack's signed HTTP requests to one address. ``ack_timeout`` in seconds."""

    url: str
    signing_secret: str = field(repr=False)
    session: aiohttp.ClientSession
    clock: Callable[[], float]
    ack_timeout: float

    async def send(self, payload: Payload) -> Ack:
        content_type, body = encoded(payload)
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **self.signature(body, payload.age),
        }
        if payload.retry:
            headers["X-Slack-Retry-Num"] = str(payload.retry)
            headers["X-Slack-Retry-Reason"] = payload.retry_reason or "http_timeout"
        try:
            async with (
                asyncio.timeout(self.ack_timeout),
                self.session.post(self.url, data=body.encode(), headers=headers, allow_redirects=False) as response,
            ):
                return _ack(response.status, response.content_type, await response.text())
        except TimeoutError:
            raise NotDelivered("operation_timeout") from None
        except aiohttp.ClientError:
            raise NotDelivered("dispatch_failed") from None

    def signature(self, body: str, age: float = 0.0) -> dict[str, str]:
        """Return the headers with which Slack proves that a body is its own, sent so many seconds ago."""
        timestamp = str(int(self.clock() - age))
        base = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def _earlier(ts: str, seconds: float) -> str:
    return f"{float(ts) - seconds:.6f}"


def encoded(payload: Payload) -> tuple[str, str]:
    """Return the content type and the body with which Slack sends this kind of payload."""
    if payload.kind == "slash_commands":
        return "application/x-www-form-urlencoded", urlencode(payload.body)
    if payload.kind == "interactive":
        return "application/x-www-form-urlencoded", urlencode({"payload": json.dumps(payload.body)})
    return "application/json", json.dumps(payload.body)


def _ack(status: int, content_type: str, text: str) -> Ack:
    if status != OK:
        code = "http_service_error" if status >= FIRST_SERVER_ERROR else "http_client_error"
        raise NotDelivered(code, status=status)
    if content_type != "application/json":
        return Ack(text or None, status)
    try:
        return Ack(json.loads(text) if text else None, status)
    except ValueError:
        raise NotDelivered("invalid_command_response", status=status) from None
