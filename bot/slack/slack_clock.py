"""Slack's clock, as far as its answers tell it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT_SECONDS = 2.0
"""How long a request may take whose answer counts: one that waited in a frozen process would set the clock back."""
AGREES_SECONDS = 2.0
"""A smaller difference is none: the header has whole seconds."""


@dataclass(slots=True)
class SlackClock:
    """Compares this machine's clock with the ``Date`` header of Slack's answers (RFC 9110, 6.6.1)."""

    machine: Callable[[], float] = time.time
    ahead: float = 0.0
    """By how many seconds Slack's clock is ahead of this machine's; 0 until an answer tells."""
    known: bool = False
    """Whether an answer has told."""

    def now(self) -> float:
        """Return Slack's time in seconds since the epoch."""
        return self.machine() + self.ahead

    def difference(self) -> timedelta | None:
        """Return by how much Slack's clock is ahead of this machine's; None until an answer has told it."""
        return timedelta(seconds=self.ahead) if self.known else None

    def heard(self, date: str | None, *, asked_at: float) -> None:
        """Take note of the ``Date`` of an answer to a request that was sent at this time of the machine's."""
        now = self.machine()
        if date is None or not 0 <= now - asked_at <= PROMPT_SECONDS:
            return
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            return
        difference = said.replace(tzinfo=said.tzinfo or UTC).timestamp() + 0.5 - (now + asked_at) / 2
        self.ahead = difference if abs(difference) > AGREES_SECONDS else 0.0
        self.known = True

    def trace(self) -> aiohttp.TraceConfig:
        """Return what has aiohttp's client tell this clock of each answer."""
        trace = aiohttp.TraceConfig()

        async def begun(_session: Any, context: Any, _params: aiohttp.TraceRequestStartParams) -> None:
            context.asked_at = self.machine()

        async def ended(_session: Any, context: Any, params: aiohttp.TraceRequestEndParams) -> None:
            self.heard(params.response.headers.get("Date"), asked_at=context.asked_at)

        trace.on_request_start.append(begun)
        trace.on_request_end.append(ended)
        return trace
