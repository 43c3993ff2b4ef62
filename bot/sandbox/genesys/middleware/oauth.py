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


@dataclass(frozen=True, slots=True)
class _Token:
    client_id: str
    expires_at: float


@dataclass(slots=True)
class Logins:
    """The login service; ``count`` is how often somebody got a token."""

    secrets: dict[str, str] = field(repr=False)
    """Of the OAuth clients, by their ids."""
    token_lifetime: float
    clock: Callable[[], float]
    faults: FaultSwitches
    count: int = 0
    refused: int = 0
    revoked: set[str] = field(default_factory=set)
    """Clients whose logins and tokens are refused."""
    _tokens: dict[str, _Token] = field(default_factory=dict, repr=False)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer ``POST /oauth/token``."""
        form = await request.post()
        client_id = self._known(request, form.get)
        if self.faults.take("login_refused", "login") or client_id is None:
            self.refused += 1
            return _refuse("invalid_client", "client not found: invalid client credentials")
        if form.get("grant_type") != "client_credentials":
            return _refuse("unsupported_grant_type", "only client_credentials is simulated")
        now = self.clock()
        self._tokens = {text: token for text, token in self._tokens.items() if token.expires_at > now}
        token = secrets.token_urlsafe(48)
        self._tokens[token] = _Token(client_id, now + self.token_lifetime)
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
        known = self._tokens.get(token)
        if known is None or known.expires_at <= self.clock() or known.client_id in self.revoked:
            raise answers.bad_token()
        return token

    def client_of(self, token: str) -> str:
        """Return the id of the client that a token was issued to."""
        return self._tokens[token].client_id

    def expire_all(self) -> None:
        """Make every token invalid, as a change of the client's roles does."""
        self._tokens.clear()

    def _known(self, request: web.Request, form: Callable[[str], object]) -> str | None:
        """Return the id of the client whose credentials these are."""
        given = _basic(request.headers.get("Authorization", "")) or (f"{form('client_id')}:{form('client_secret')}")
        client_id = given.partition(":")[0]
        expected = f"{client_id}:{self.secrets.get(client_id, '')}"
        good = client_id in self.secrets and hmac.compare_digest(given.encode(), expected.encode())
        return client_id if good and client_id not in self.revoked else None


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
