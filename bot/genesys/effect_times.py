"""When to read whether a write has taken effect: as soon as this organization's effects have lately appeared."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_AT = (0.1, 0.25, 0.6, 1.5, 3.5, 7.5)
"""Seconds after a write at which its effect is read, where nothing is known of this organization's effects."""
THEN_EVERY = 4.0
REMEMBERED = 5
EARLIER = 0.7
"""The first reading comes a little earlier than the effects of late, so that it notices when they come sooner again."""
SOONEST_FIRST = 0.05
LATEST_FIRST = 2.0
APART = 1.4
"""A reading is at least so many times as late as the first. Less than 1 / EARLIER: where the first one comes too early,
the next one is no later than the effects of late."""
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
        first = READ_AT[0]
        if self._seen:
            first = min(max(SOONEST_FIRST, EARLIER * statistics.median(self._seen)), LATEST_FIRST)
        if events_flow:
            first = max(EVENTS_OVERDUE, 2 * first)
        yield first
        at = first
        for later in READ_AT:
            if later > APART * first:
                at = later
                yield at
        while True:
            at += THEN_EVERY
            yield at
