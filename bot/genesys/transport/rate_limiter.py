"""One limit for all requests to Genesys: people before background work, first come, first served.

Genesys answers 429 for two reasons. If the token's own requests are used up, nothing is sent. If an operation is
limited for the whole organization, perhaps because of other integrations, only that operation is held back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING

from bot.errors import RateLimited
from bot.recording.ports import Waiting

if TYPE_CHECKING:
    from bot.genesys.transport.health import RateBudget
    from bot.recording.ports import Clock, Progress

WINDOW = 60.0
"""Seconds in which so many requests may be sent, and the longest that Genesys can have all of them wait."""

ROUNDING = 1.0
"""Seconds by which the stated end of Genesys's window may be too early, as it is given in whole ones."""

LOOK_UP = 1.0
"""Seconds after which a waiting request estimates its wait again: others may have given up, or gone ahead."""

LEAST_RESERVE = 3
"""What a person's start takes."""

WORTH_SAYING = 1.0
"""Seconds of waiting after which a person is informed."""


class Rank(IntEnum):
    """Who goes first."""

    PROTECTION = 0
    """A person's secure pause or stop: until it is sent, something is recorded that is not to be."""

    CONFIRMATION = 1
    """Reads the effect of what was sent already."""

    PERSON = 2
    LOOP = 3


@dataclass(frozen=True, slots=True, order=True)
class _Ticket:
    rank: Rank
    number: int
    route: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """An operation that Genesys has refused, until when."""

    operation: str
    until: float


class RequestLimit:
    """Admits so many requests in any minute, or as many as Genesys says are left where those are fewer.

    Loops leave a tenth of them, and always enough for a start, to people. Times are readings of ``monotonic``.
    """

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self.per_minute = per_minute
        self.reserve = max(LEAST_RESERVE, per_minute // 10)
        self._clock = clock
        self._sent: deque[float] = deque()
        self._under_way = 0
        self._stated: RateBudget | None = None
        self._stated_until = 0.0
        self._held_until = 0.0
        self._held: dict[str, _Held] = {}
        self._queue: list[_Ticket] = []
        self._numbers = count()

    @property
    def left(self) -> int:
        """How many requests may be sent at once."""
        now = self._clock.monotonic()
        if now < self._held_until:
            return 0
        stated = self._stated_left(now)
        own = self._own_left(now)
        return max(0, own if stated is None else min(own, stated))

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def held(self) -> dict[str, float]:
        """Return the operations that are held back by themselves, and for how many seconds more."""
        now = self._clock.monotonic()
        return {held.operation: held.until - now for held in self._held.values() if held.until > now}

    def admit_at_once(self) -> None:
        """Admit a request that nothing may hold up, ``landed`` has to follow: Genesys's refusal is worth the try."""
        self._sent.append(self._clock.monotonic())
        self._under_way += 1

    async def admit(self, rank: Rank, *, deadline: float, progress: Progress, room: int = 1, route: str = "") -> None:
        """Return when it is this request's turn; ``landed`` has to follow.

        ``room`` is how many requests have to fit: this one, and what it entails. ``progress`` is told of a wait.
        Raise RateLimited at once when the turn comes after the deadline.
        """
        ticket = _Ticket(rank, next(self._numbers), route)
        self._queue.append(ticket)
        told = self._clock.monotonic() + WORTH_SAYING
        try:
            while (seconds := self._wait(ticket, room)) > 0:
                turn = self._clock.monotonic() + seconds
                if turn >= deadline:
                    raise RateLimited(retry_after=seconds)
                if turn >= told:
                    await progress(Waiting(seconds))
                    told = turn + WORTH_SAYING
                await self._clock.sleep(min(seconds, LOOK_UP))
        finally:
            self._queue.remove(ticket)
        self.admit_at_once()

    def landed(self, stated: RateBudget | None) -> None:
        """Note that an admitted request is over, and what its answer said of Genesys's own count."""
        self._under_way -= 1
        if stated is None:
            return
        now = self._clock.monotonic()
        until = now + min(max(stated.reset, 0), WINDOW) + ROUNDING
        known = self._stated if now < self._stated_until else None
        same_window = known is not None and abs(until - self._stated_until) <= 2 * ROUNDING
        if known is not None and same_window and stated.used < known.used:
            return  # an older answer that was overtaken
        self._stated, self._stated_until = stated, until
        if stated.left > 0:
            self._held_until = 0.0  # what held everything is over, or was another client's

    def refused(self, route: str, operation: str, seconds: float, stated: RateBudget | None) -> bool:
        """Hold back what Genesys has refused with 429, for so long. Return whether that is everything.

        ``stated`` is what the refusal said of the token's count; without it the bot's own count decides.
        """
        now = self._clock.monotonic()
        until = now + min(seconds, WINDOW)
        used_up = stated.left <= 0 if stated is not None else self._own_left(now) <= 0
        if used_up:
            self._held_until = max(self._held_until, until)
            return True
        self._held = {name: held for name, held in self._held.items() if held.until > now}
        known = self._held.get(route)
        self._held[route] = _Held(operation, until if known is None else max(until, known.until))
        return False

    def _wait(self, ticket: _Ticket, room: int) -> float:
        """Return the seconds until there is room for this request and for all that go before it."""
        now = self._clock.monotonic()
        needed = room + sum(other < ticket and now >= self._route_held_until(other.route) for other in self._queue)
        if ticket.rank is Rank.LOOP:
            needed += self.reserve
        waits = [self._held_until - now, self._route_held_until(ticket.route) - now]
        stated = self._stated_left(now)
        if stated is not None and needed > stated:
            waits.append(self._stated_until - now)
        if (missing := needed - self._own_left(now)) > 0:
            frees = self._sent[missing - 1] if missing <= len(self._sent) else now
            waits.append(frees + WINDOW - now)
        return max(waits)

    def _route_held_until(self, route: str) -> float:
        held = self._held.get(route)
        return 0.0 if held is None else held.until

    def _own_left(self, now: float) -> int:
        while self._sent and now - self._sent[0] >= WINDOW:
            self._sent.popleft()
        return self.per_minute - len(self._sent)

    def _stated_left(self, now: float) -> int | None:
        """Return what Genesys's own count leaves in its present window; what is under way may not be in it yet."""
        if self._stated is None or now >= self._stated_until:
            return None
        return self._stated.left - self._under_way
