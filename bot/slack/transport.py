"""How Slack's requests come in: Socket Mode with a watchdog, or signed HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

if TYPE_CHECKING:
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.ports import Clock
    from bot.slack.web import SlackIdentity

log = structlog.get_logger(__name__)

EVENTS_PATH = "/slack/events"
PING_SECONDS = 5.0
STUCK_SECONDS = 5.0
"""After this long without a connection the watchdog throws the ticket away: slack_sdk may retry a used one for ever."""
FORCE_SECONDS = 20.0
"""After this long it starts a new connection itself."""


def bolt_app(client: AsyncWebClient, identity: SlackIdentity, *, signing_secret: str | None) -> AsyncApp:
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
    app = AsyncApp(
        name="record-bot",
        logger=quiet,
        client=client,
        signing_secret=signing_secret or "",
        authorize=authorize,
        process_before_response=True,  # the other runner polls for the acknowledgement every 10 ms
    )

    @app.error
    async def broke(error: Exception) -> None:
        log.error("slack_request_broke", exc_info=error)

    return app


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """``POST /slack/events``: checks the signature itself, since Bolt would log the body of a forged request."""

    app: AsyncApp
    verifier: SignatureVerifier

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self._signed(await request.read(), request):
            log.warning("slack_signature_refused", remote=request.remote)
            return web.json_response({"error": "the signature is missing, wrong or too old"}, status=401)
        answer = await self.app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    def _signed(self, body: bytes, request: web.Request) -> bool:
        try:
            return self.verifier.is_valid(
                body=body,
                timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
                signature=request.headers.get("X-Slack-Signature", ""),
            )
        except (ValueError, TypeError):  # no UTF-8, a timestamp that is no number, a signature with umlauts
            return False


@dataclass
class SocketState:
    """What readiness shows of the socket."""

    connected: bool = False
    reconnects: int = 0
    connections: int | None = None
    last_hello: float | None = None


@dataclass(frozen=True, slots=True)
class SocketDoor:
    """Socket Mode, kept alive."""

    handler: AsyncSocketModeHandler
    clock: Clock
    state: SocketState = field(default_factory=SocketState)

    @classmethod
    def open(cls, app: AsyncApp, app_token: str, clock: Clock, ping_seconds: float = PING_SECONDS) -> SocketDoor:
        handler = AsyncSocketModeHandler(app, app_token, ping_interval=ping_seconds)
        door = cls(handler, clock)
        handler.client.message_listeners.append(door.on_message)
        return door

    async def on_message(self, _client: Any, message: dict[str, Any], _raw: str | None = None) -> None:
        """Take note of Slack's hello: the connection counts from then on."""
        if message.get("type") == "hello":
            self.state.reconnects += self.state.last_hello is not None
            self.state.last_hello = self.clock.monotonic()
            self.state.connections = message.get("num_connections")
            self.state.connected = True

    async def run(self) -> None:
        """Connect and stay connected until cancelled."""
        connecting = asyncio.ensure_future(self.handler.connect_async())  # type: ignore[no-untyped-call]
        try:
            await self._watch()
        finally:
            connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await connecting
            await self.close()

    async def close(self) -> None:
        """Let go of everything; also where it was never run."""
        await self.handler.close_async()  # type: ignore[no-untyped-call]

    async def _watch(self) -> None:
        client = self.handler.client
        lost_at: float | None = self.clock.monotonic()
        while True:
            await self.clock.sleep(0.5)
            self.state.connected = await client.is_connected() and self.state.last_hello is not None
            if self.state.connected:
                lost_at = None
                continue
            now = self.clock.monotonic()
            lost_at = now if lost_at is None else lost_at
            if now - lost_at > FORCE_SECONDS:
                lost_at = now
                log.warning("socket_forced_anew")
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(FORCE_SECONDS):
                        await client.connect_to_new_endpoint(force=True)
            elif now - lost_at > STUCK_SECONDS and client.wss_uri is not None:
                log.warning("socket_ticket_thrown_away")
                client.wss_uri = None
