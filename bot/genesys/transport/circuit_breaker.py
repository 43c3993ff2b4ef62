"""Answers at once while Genesys is down, and lets a trial request through now and then."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.errors import GenesysUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bot.recording.ports import Clock

FAILURES = 5
"""How many requests in a row have to go unanswered."""

WINDOW = 60.0
"""Seconds within which they have to."""

TRIAL_EVERY = 5.0
"""Seconds from a trial's failure to the next one."""


class Circuit:
    """Closed while Genesys answers, with any status; a refusal is an answer.

    Opens when FAILURES requests in a row failed within WINDOW; then only a trial goes through, one at a time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: deque[tuple[float, datetime]] = deque(maxlen=FAILURES)
        self._next_trial = 0.0
        self._trial_under_way = False
        self.down_since: datetime | None = None
        """When the first of the failures was that opened it; None while it is closed."""

    @property
    def trial_due(self) -> bool:
        """Whether it is open, and it is time to see if Genesys is back."""
        overdue = self._clock.monotonic() >= self._next_trial
        return self.down_since is not None and overdue and not self._trial_under_way

    def check(self, *, may_try: bool) -> None:
        """Raise GenesysUnavailable while it is open, unless a trial is due and this request may be it."""
        if self.down_since is not None and not (may_try and self.trial_due):
            raise self._refusal(self.down_since)

    @contextmanager
    def passage(self, *, may_try: bool) -> Iterator[None]:
        """Let a request through, as the trial if the circuit is open, or raise GenesysUnavailable."""
        self.check(may_try=may_try)
        if self.down_since is None:
            yield
            return
        self._trial_under_way = True
        try:
            yield
        finally:
            self._trial_under_way = False

    def answered(self) -> None:
        self._failed.clear()
        self.down_since = None

    def failed(self) -> None:
        """Note a request that had no answer, or one that says that Genesys can't give any."""
        now = self._clock.monotonic()
        self._failed.append((now, self._clock.now()))
        if self.down_since is None and len(self._failed) == FAILURES and now - self._failed[0][0] <= WINDOW:
            self.down_since = self._failed[0][1]
        self._next_trial = now + TRIAL_EVERY

    def _refusal(self, since: datetime) -> GenesysUnavailable:
        seconds = max(0.0, self._next_trial - self._clock.monotonic())
        return GenesysUnavailable(
            f"Genesys has not answered since {since:%H:%M:%S} UTC, so nothing was sent;"
            f" the bot tries it again in {max(1, round(seconds))} s.",
            since=since,
            next_trial=seconds,
        )
