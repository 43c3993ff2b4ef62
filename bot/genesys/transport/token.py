"""The access token: fetched once, renewed before it expires, and once more when Genesys refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.errors import GenesysError, GenesysUnavailable

if TYPE_CHECKING:
    from bot.genesys.transport.answer import Answer
    from bot.recording.ports import Clock

RENEW_AT = 0.8
"""The part of its lifetime after which a token is renewed."""

RENEWAL_PAUSE = 30.0
"""Seconds between tries to renew a token that still holds."""

DEFAULT_LIFETIME = 86400.0
"""Seconds, as default and maximum: Genesys's own default for client credentials."""

LogIn = Callable[[], Awaitable["Answer"]]
"""Sends the login request; raises GenesysError."""


class Token:
    """One access token, shared by all requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value: str | None = None
        self._renew_at = 0.0
        self._expires_at = 0.0

    async def get(self, log_in: LogIn, *, refused: str | None = None, urgent: bool = False) -> str:
        """Return a valid token, logging in if there is none; never ``refused``, an earlier token.

        An ``urgent`` request takes a token that is still valid; so does any other while another task renews it.
        """
        if (value := self._good(refused)) is not None:
            return value
        if (urgent or self._lock.locked()) and (value := self._still_valid(refused)) is not None:
            return value
        async with self._lock:
            if (value := self._good(refused)) is not None:
                return value  # another task has renewed it meanwhile
            try:
                return self._keep(await log_in())
            except GenesysError:
                if (value := self._still_valid(refused)) is None:
                    raise
                self._renew_at = self._clock.monotonic() + RENEWAL_PAUSE
                return value

    def _good(self, refused: str | None) -> str | None:
        return self._still_valid(refused) if self._clock.monotonic() < self._renew_at else None

    def _still_valid(self, refused: str | None) -> str | None:
        valid = self._value != refused and self._clock.monotonic() < self._expires_at
        return self._value if valid else None

    def _keep(self, answer: Answer) -> str:
        body = answer.document()
        value = body.get("access_token")
        if not isinstance(value, str) or not value:
            raise GenesysUnavailable("Genesys's login answered without a token.", evidence=answer.evidence)
        stated = body.get("expires_in")
        lifetime = DEFAULT_LIFETIME
        if isinstance(stated, (int, float)) and stated > 0:
            lifetime = float(min(stated, DEFAULT_LIFETIME))
        now = self._clock.monotonic()
        self._value, self._renew_at, self._expires_at = value, now + RENEW_AT * lifetime, now + lifetime
        return value
