"""Logging in: client credentials against tokens that expire by the clock."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.genesys.web_api import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.faults import FaultSwitches


@dataclass(slots=True)
class Logins:
    """The login service; ``count`` is how often somebody got a token."""

    client_id: str
    client_secret: str = field(repr=False)
    token_lifetime: float
    clock: Callable[[], float]
    faults: FaultSwitches
    count: int = 0
    refused: int = 0
    _tokens: dict[str, float] = field(default_factory=dict, repr=False)
    """When each token expires."""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer ``POST /oauth/token``."""
        form = await request.post()
        if self.faults.take("login_refused", "login") or not self._known(request, form.get):
            self.refused += 1
            return _refuse("invalid_client", "client not found: invalid client credentials")
        if form.get("grant_type") != "client_credentials":
            return _refuse("unsupported_grant_type", "only client_credentials is simulated")
        now = self.clock()
        self._tokens = {token: expires for token, expires in self._tokens.items() if expires > now}
        token = secrets.token_urlsafe(48)
        self._tokens[token] = now + self.token_lifetime
        self.count += 1
        return web.json_response(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": math.ceil(self.token_lifetime),
            }
        )

    def authorise(self, header: str | None) -> str:
        """Return the token in an Authorization header; raise the platform's 401 for any other."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise answers.no_token()
        if self._tokens.get(token, -math.inf) <= self.clock():
            raise answers.bad_token()
        return token

    def expire_all(self) -> None:
        """Make every token invalid, as a change of the client's roles does."""
        self._tokens.clear()

    def _known(self, request: web.Request, form: Callable[[str], object]) -> bool:
        given = _basic(request.headers.get("Authorization", "")) or (f"{form('client_id')}:{form('client_secret')}")
        return hmac.compare_digest(given.encode(), f"{self.client_id}:{self.client_secret}".encode())


def _basic(header: str) -> str | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _refuse(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "description": description, "error_description": description}, status=400)
