"""The platform's rate limits: for each token, and for some routes of the whole organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 60.0
"""Seconds."""


@dataclass(slots=True)
class _Window:
    began: float
    count: int = 0


@dataclass(slots=True)
class RateLimit:
    """Fixed windows of a minute, which begin with a token's first request."""

    clock: Callable[[], float]
    allowed: int = 300
    """Requests a window; may be changed at any time."""

    _windows: dict[str, _Window] = field(default_factory=dict)
    _latest: str = ""

    def count(self, token: str) -> bool:
        """Count a request, and say whether it is within the limit."""
        now = self.clock()
        window = self._windows.get(token)
        if window is None or not 0 <= now - window.began < WINDOW:
            self._windows = {t: w for t, w in self._windows.items() if 0 <= now - w.began < WINDOW}
            window = self._windows[token] = _Window(now)
        window.count += 1
        self._latest = token
        return window.count <= self.allowed

    def reset_in(self, token: str) -> float:
        """Return the seconds until the token's window ends."""
        window = self._windows.get(token)
        return WINDOW if window is None else max(0.0, window.began + WINDOW - self.clock())

    def headers(self, token: str) -> dict[str, str]:
        window = self._windows.get(token)
        return {
            "inin-ratelimit-count": str(window.count if window else 0),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(round(self.reset_in(token))),
        }

    def snapshot(self) -> dict[str, Any]:
        """Show the window of the token that was used last."""
        window = self._windows.get(self._latest)
        current = window if window and 0 <= self.clock() - window.began < WINDOW else None
        count = current.count if current else 0
        return {
            "count": count,
            "allowed": self.allowed,
            "reset": self.reset_in(self._latest) if current else 0.0,
            "limited": count > self.allowed,
        }


@dataclass(slots=True)
class OrganizationLimits:
    """Limits that all clients of an organization share on some routes.

    Source: the platform's limits of August 2026, with limits of an organization on routes of queues, agents and
    conversations beside the 300 a minute of a token. Whether such a refusal carries the token's ``inin-ratelimit-*``
    headers is documented nowhere, so ``token_headers`` has it both ways.
    """

    clock: Callable[[], float]
    allowed: dict[str, int] = field(default_factory=dict)
    """Requests a window, by the path of a route; may be changed at any time."""

    token_headers: bool = True
    _windows: dict[str, _Window] = field(default_factory=dict)

    def count(self, route: str, requests: int = 1) -> bool:
        """Count requests of this client, or of another, and say whether they are within the limit."""
        if route not in self.allowed:
            return True
        now = self.clock()
        window = self._windows.get(route)
        if window is None or not 0 <= now - window.began < WINDOW:
            window = self._windows[route] = _Window(now)
        window.count += requests
        return window.count <= self.allowed[route]

    def reset_in(self, route: str) -> float:
        """Return the seconds until the route's window ends."""
        window = self._windows.get(route)
        return WINDOW if window is None else max(0.0, window.began + WINDOW - self.clock())
