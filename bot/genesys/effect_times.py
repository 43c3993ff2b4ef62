"""When to read whether a write has taken effect: as soon as this organization's effects have lately appeared."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_AT = (0.1, 0.25, 0.6, 1.5, 3.5, 7.5)
"""Seconds after a write at which its effect is read."""
THEN_EVERY = 4.0
REMEMBERED = 5
EARLIER = 0.7
"""The first reading comes a little earlier than the effects of late, so that it notices when they come sooner again."""
LATEST_FIRST = 2.0
EVENTS_OVERDUE = 1.0
"""How long, in seconds, to wait for an event at least before the first reading."""


@dataclass
class EffectTimes:
    """How many seconds the last writes took until their effects were seen."""

    _seen: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def note(self, seconds: float) -> None:
        self._seen.append(seconds)

    def readings(self, *, events_flow: bool) -> Iterator[float]:
        """Return at how many seconds after a write to read. Where events flow, a reading is for a lost one."""
        typical = statistics.median(self._seen) if self._seen else 0.0
        first = min(max(READ_AT[0], EARLIER * typical), LATEST_FIRST)
        if events_flow:
            first = max(EVENTS_OVERDUE, 2 * first)
        yield first
        at = first
        for later in READ_AT:
            if later > 1.5 * first:
                at = later
                yield at
        while True:
            at += THEN_EVERY
            yield at
