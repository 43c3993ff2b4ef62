"""Receives Slack's requests over either transport: gives each an id, and measures it until its acknowledgement."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from structlog.contextvars import bind_contextvars, clear_contextvars
from typing_extensions import override

from bot.slack.payloads import sound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.slack.client import SlackIdentity
    from bot.slack.request_age import RequestAges

log = structlog.get_logger(__name__)

EVENTS_PATH = "/slack/events"
SURFACES = {
    "block_actions": "button",
    "block_suggestion": "options",
    "view_submission": "modal",
    "view_closed": "modal",
    "shortcut": "shortcut",
    "message_action": "shortcut",
    "event_callback": "event",
}
"""Names of ours, by the type of a payload."""
ID_LENGTH = 12
BROKE = 500
UNUSABLE = 400
"""HTTP's status for what nothing can be made of."""

Watch = Callable[[str], "AbstractContextManager[None]"]
"""Covers the handling of one request; it is given the surface."""


class WatchedApp(AsyncApp):
    """Bolt's app, with an id and a measurement for each request."""

    watch: Watch = staticmethod(lambda _surface: nullcontext())
    ages: RequestAges | None = None

    @override
    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        body = sound(req.body)
        if body is None:
            log.warning("slack_payload_refused")
            return BoltResponse(status=UNUSABLE, body="")
        req.body = body
        if self.ages is not None:
            self.ages.note(req.headers, body)
        # The context goes with the tasks that are begun here, but not with the connection's next request.
        clear_contextvars()
        bind_contextvars(request=request_id(req.body))
        try:
            with self.watch(surface_of(req.body)):
                answer = await super().async_dispatch(req)
                return answer if answer.status < BROKE else BoltResponse(status=UNUSABLE, body="")
        except Exception:
            log.exception("slack_request_failed")
            return BoltResponse(status=UNUSABLE, body="")
        finally:
            clear_contextvars()


def surface_of(body: Mapping[str, Any]) -> str:
    """Say by which of a few surfaces a request came."""
    return "command" if "command" in body else SURFACES.get(str(body.get("type")), "other")


def request_id(body: Mapping[str, Any]) -> str:
    """Return the same short id for each delivery of a request: a digest of Slack's id, which may open a window."""
    own = body.get("trigger_id") or body.get("event_id")
    return secrets.token_hex(ID_LENGTH // 2) if not own else hashlib.sha256(str(own).encode()).hexdigest()[:ID_LENGTH]


def bolt_app(
    client: AsyncWebClient,
    identity: SlackIdentity,
    *,
    signing_secret: str | None,
    watch: Watch | None = None,
    ages: RequestAges | None = None,
) -> AsyncApp:
    """Make the Bolt app. It never calls ``auth.test`` inside a request's three seconds: the identity is known."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=identity.enterprise_id,
            team_id=identity.team_id,
            bot_user_id=identity.bot_user_id,
            bot_id=identity.bot_id,
            bot_token=client.token,
        )

    quiet = logging.getLogger("slack.bolt")
    quiet.setLevel(logging.ERROR)  # it warns that one token was given in two ways, and logs bodies at lower levels
    app = WatchedApp(
        name="record-bot",
        logger=quiet,
        client=client,
        signing_secret=signing_secret or "",
        authorize=authorize,
        process_before_response=True,  # the other runner polls for the acknowledgement every 10 ms
    )

    if watch is not None:
        app.watch = watch
    app.ages = ages

    @app.error
    async def broke(error: Exception) -> None:
        log.error("slack_request_failed", exc_info=error)

    return app


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """``POST /slack/events``: checks the signature itself, because Bolt would log the body of a forged request."""

    app: AsyncApp
    verifier: SignatureVerifier

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self._signed(await request.read(), request):
            log.warning("slack_signature_refused", remote=request.remote)
            return web.json_response({"error": "the signature is missing, wrong or too old"}, status=401)
        try:
            asked = await to_bolt_request(request)
        except Exception:  # noqa: BLE001  Bolt's parsing of a body can raise anything
            log.warning("slack_payload_refused")
            return web.json_response({"error": "that is no payload of Slack's"}, status=UNUSABLE)
        return await to_aiohttp_response(await self.app.async_dispatch(asked))

    def _signed(self, body: bytes, request: web.Request) -> bool:
        try:
            return self.verifier.is_valid(
                body=body,
                timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
                signature=request.headers.get("X-Slack-Signature", ""),
            )
        except (ValueError, TypeError, OverflowError):  # no UTF-8, no number or one too large, a signature with umlauts
            return False
