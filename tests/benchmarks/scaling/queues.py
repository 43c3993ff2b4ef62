"""The parts of the model: simulated time, a limit of requests in a rolling window, Genesys's own count, a relay."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.genesys.transport.rate_limiter import Rank

if TYPE_CHECKING:
    from collections.abc import Callable

    Served = Callable[[float], None]
    """Gets the seconds that the request waited."""

WINDOW = 60.0


class Simulation:
    """Events in the order of their times, and in the order of their planning where those are equal."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, time: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self.at(self.now + seconds, event)

    def run(self, until: float = math.inf) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event()


@dataclass(order=True, slots=True)
class Ticket:
    """A request that waits for its turn."""

    rank: Rank
    number: int
    room: int = field(compare=False)
    since: float = field(compare=False)
    deadline: float = field(compare=False)
    served: Served = field(compare=False)
    refused: Callable[[], None] = field(compare=False)


def _ignored() -> None:
    """Do nothing about a refusal."""


class RollingLimit:
    """Admits ``allowed`` requests in any window, as ``bot.genesys.transport.rate_limiter.RequestLimit`` does.

    Higher ranks go first. Loops leave ``reserve`` requests to people. Each request holds its place for the length of
    the window, so this is a queue with ``allowed`` servers and a constant service time: M/D/c for random arrivals.
    """

    def __init__(self, simulation: Simulation, allowed: int, *, window: float = WINDOW, reserve: int = 0) -> None:
        self.allowed = allowed
        self.window = window
        self.admitted = 0
        self._simulation = simulation
        self._reserve = reserve
        self._sent: deque[float] = deque()
        self._queue: list[Ticket] = []
        self._numbers = itertools.count()
        self._held_until = 0.0
        self._wakes_at = math.inf

    @property
    def left(self) -> int:
        now = self._simulation.now
        while self._sent and self._sent[0] + self.window <= now:
            self._sent.popleft()
        return self.allowed - len(self._sent)

    @property
    def free(self) -> int:
        """Return how many requests are left if all that wait are sent."""
        return self.left - sum(ticket.room for ticket in self._queue[: self.allowed])

    def still_waiting(self, rank: Rank) -> list[float]:
        """Return how long each request of a rank has waited that is still waiting."""
        return [self._simulation.now - ticket.since for ticket in self._queue if ticket.rank is rank]

    def admit_at_once(self) -> None:
        self._sent.append(self._simulation.now)
        self.admitted += 1

    def admit(
        self,
        rank: Rank,
        served: Served,
        *,
        room: int = 1,
        patience: float = math.inf,
        refused: Callable[[], None] = _ignored,
    ) -> None:
        """Call ``served`` when it is this request's turn, or ``refused`` when that comes after its patience."""
        now = self._simulation.now
        heapq.heappush(self._queue, Ticket(rank, next(self._numbers), room, now, now + patience, served, refused))
        self._serve()

    def hold(self, seconds: float) -> None:
        """Send nothing for so long, because Genesys has refused."""
        self._held_until = max(self._held_until, self._simulation.now + seconds)

    def _serve(self) -> None:
        now = self._simulation.now
        while self._queue:
            ticket = self._queue[0]
            if now > ticket.deadline:
                heapq.heappop(self._queue).refused()
                continue
            missing = ticket.room + (self._reserve if ticket.rank is Rank.LOOP else 0) - self.left
            if missing > 0 or now < self._held_until:
                frees = self._sent[missing - 1] + self.window if missing > 0 else now
                self._wake(max(frees, self._held_until))
                return
            heapq.heappop(self._queue)
            self.admit_at_once()
            ticket.served(now - ticket.since)

    def _wake(self, at: float) -> None:
        if at >= self._wakes_at:
            return
        self._wakes_at = at

        def wake() -> None:
            if self._wakes_at == at:
                self._wakes_at = math.inf
                self._serve()

        self._simulation.at(at, wake)


class FixedWindow:
    """Genesys's count of a token: so many in each window, which begins with the first request after the last one."""

    def __init__(self, simulation: Simulation, allowed: int) -> None:
        self.allowed = allowed
        self._simulation = simulation
        self._began = -math.inf
        self._count = 0

    def accepts(self) -> bool:
        now = self._simulation.now
        if now - self._began >= WINDOW:
            self._began, self._count = now, 0
        self._count += 1
        return self._count <= self.allowed

    @property
    def resets_in(self) -> float:
        return max(0.0, self._began + WINDOW - self._simulation.now)


class Relay:
    """Sends what waits, one message at a time, each ``seconds`` after the one before; up to ``batch`` items in one.

    An item that waits is replaced by a newer one with the same key: a card is rendered once, in its newest state.
    """

    def __init__(self, simulation: Simulation, seconds: float, *, batch: int = 1) -> None:
        self.delays: list[float] = []
        """Seconds from the first change that an item shows until its message is sent."""

        self._simulation = simulation
        self._seconds = seconds
        self._batch = batch
        self._waiting: dict[object, float] = {}
        self._free_at = 0.0
        self._planned = False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def put(self, key: object) -> None:
        self._waiting.setdefault(key, self._simulation.now)
        self._plan()

    def _plan(self) -> None:
        if self._waiting and not self._planned:
            self._planned = True
            self._simulation.at(max(self._free_at, self._simulation.now), self._send)

    def _send(self) -> None:
        self._planned = False
        for key in list(itertools.islice(self._waiting, self._batch)):
            self.delays.append(self._simulation.now - self._waiting.pop(key))
        self._free_at = self._simulation.now + self._seconds
        self._plan()
