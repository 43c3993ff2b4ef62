"""A contact center of any size, its supervisors, and the limits of Genesys and Slack, in simulated time.

Sources: Genesys's limits ``client.credentials.token.rate.per.minute`` (300, for each OAuth client, not for the
organization), 20 notification channels for a client and 1,000 topics on a channel; Slack's rate limits (one message a
second in a channel; Tier 3, 50 a minute for an app and a workspace, for ``chat.update``). What the bot sends for each
action is measured: ``docs/benchmarks.md`` and ``tests/costs``.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from bot.genesys.transport.rate_limiter import Rank
from tests.benchmarks.scaling.queues import WINDOW, FixedWindow, Relay, RollingLimit, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600.0
PATIENCE = 25.0
"""Seconds after which an action is refused (protocol.md's deadline)."""
ROUND_TRIP = 0.15
"""Seconds for a request to Genesys and its answer. Waiting is counted without it."""
TOPICS = 1_000
LINES_IN_A_MESSAGE = 20
START_SECONDS, REFUSED_STARTS, BACKGROUND_SECONDS = 5.0, 0.001, 60.0
"""What people and background work may wait, and how many starts may be refused: see ``within_limits``."""
POST_SECONDS, EDIT_SECONDS = 1.0, WINDOW / 50


@dataclass(frozen=True)
class Costs:
    """Requests to Genesys, as measured."""

    find: int = 1
    """The reading that a start begins with."""
    write: int = 1
    confirm_start: int = 1
    """The agents are new: their notifications are asked for with the start, and its effect is read."""
    confirm_change: int = 0
    """A notification confirms later changes."""
    background: int = 3
    """For each recording: its agent's subscription, a reading when notifications begin, and one of its file."""


WITHOUT_NOTIFICATIONS = Costs(confirm_change=1, background=8)
"""Each later change is read, and each live call every half a minute, within a tenth of the limit."""


@dataclass(frozen=True)
class Scenario:
    """What is assumed. Recordings begin at random moments (Poisson)."""

    agents: int = 100_000
    clients: int = 1
    calls_an_hour: float = 8.0
    """Of each agent."""
    recorded: float = 0.01
    """The share of calls that supervisors record by hand."""
    seconds: float = 240.0
    """A recording's mean length; in the middle it is paused once, for ``paused`` seconds."""
    paused: float = 45.0
    typed: float = 0.2
    """The share of starts by a typed id, of whose division nothing is known. Others come from the list of calls."""
    divisions: tuple[float, ...] = ()
    """The part of the calls that each client alone may control; empty: any client may control each call."""
    costs: Costs = field(default_factory=Costs)
    requests_a_minute: int = 300
    bots: int = 1
    """Slack apps, each with its own audit channel; the recordings are spread evenly."""
    channels: int = 50
    """Channels with cards, for each bot."""
    hours: float = 1.0
    seed: int = 1

    @property
    def recordings_a_minute(self) -> float:
        return self.agents * self.calls_an_hour * self.recorded / 60


@dataclass
class Result:
    """What was measured in simulated time, in seconds."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    """Of each request of a person, by verb: how long it waited for its turn in all."""
    refused: dict[str, int] = field(default_factory=dict)
    busiest: float = 0.0
    """The part of its limit that the busiest client used."""
    topics: int = 0
    """The most agents that one client followed at the same time."""
    late_loops: float = 0.0
    """How long background requests waited, those included that still do, p99."""
    cards: list[float] = field(default_factory=list)
    """How long edits of cards waited."""
    lines: list[float] = field(default_factory=list)

    def refused_share(self, verb: str) -> float:
        asked = len(self.waits.get(verb, ())) + self.refused.get(verb, 0)
        return self.refused.get(verb, 0) / asked if asked else 0.0


class Client:
    """One OAuth client: the bot's limit before it, and Genesys's count behind it."""

    def __init__(self, simulation: Simulation, allowed: int) -> None:
        self.limit = RollingLimit(simulation, allowed, reserve=allowed // 10)
        self.followed = 0
        self._simulation = simulation
        self._window = FixedWindow(simulation, allowed)

    def send(
        self,
        rank: Rank,
        then: Callable[[float], None],
        *,
        room: int = 1,
        patience: float = PATIENCE,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Send when it is this request's turn; ``then`` gets the seconds that it waited, after the answer.

        A person's secure pause or stop is tried at once, before its turn, until Genesys has refused it.
        """
        asked = self._simulation.now

        def sent(_waited: float) -> None:
            if self._window.accepts():
                waited = self._simulation.now - asked
                self._simulation.after(ROUND_TRIP, lambda: then(waited))
                return
            self.limit.hold(self._window.resets_in)
            left = asked + patience - self._simulation.now
            self.limit.admit(rank, sent, room=room, patience=left, refused=refused)

        if rank is Rank.PROTECTION:
            self.limit.admit_at_once()
            sent(0.0)
        else:
            self.limit.admit(rank, sent, room=room, patience=patience, refused=refused)


class Bot:
    """The relays of one Slack app."""

    def __init__(self, simulation: Simulation, channels: int) -> None:
        self.edits = Relay(simulation, EDIT_SECONDS)
        self.posts = [Relay(simulation, POST_SECONDS) for _ in range(channels)]
        self.audit = Relay(simulation, POST_SECONDS, batch=LINES_IN_A_MESSAGE)
        self._lines = 0

    def write_lines(self, count: int = 2) -> None:
        for _ in range(count):
            self._lines += 1
            self.audit.put(self._lines)


class Model:
    """One run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.result = Result()
        self.simulation = Simulation()
        self.clients = [Client(self.simulation, scenario.requests_a_minute) for _ in range(scenario.clients)]
        self.bots = [Bot(self.simulation, scenario.channels) for _ in range(scenario.bots)]
        self._random = random.Random(scenario.seed)  # noqa: S311  repeatable, and no secret
        self._bounds = list(accumulate(scenario.divisions))
        self._loops: list[float] = []
        self._number = 0

    def run(self) -> Result:
        """Simulate the hours, without the arrivals after them."""
        until = self.scenario.hours * HOUR
        self._plan_next()
        self.simulation.run(until)
        for client in self.clients:
            self._loops += client.limit.still_waiting(Rank.LOOP)
        result, minutes = self.result, until / WINDOW
        result.busiest = max(one.limit.admitted / (one.limit.allowed * minutes) for one in self.clients)
        result.late_loops = percentile(self._loops, 0.99)
        result.cards = [delay for bot in self.bots for delay in bot.edits.delays]
        result.lines = [delay for bot in self.bots for delay in bot.audit.delays]
        return result

    def _plan_next(self) -> None:
        self.simulation.after(self._random.expovariate(self.scenario.recordings_a_minute / WINDOW), self._arrives)

    def _arrives(self) -> None:
        self._plan_next()
        self._number += 1
        _Recording(self, self._number, self._random).start()

    def responsible(self) -> list[Client]:
        """Return the clients in the order in which a call is looked for; the last one finds it.

        By division it is one client's. Where any may control it, the one with the most requests left is asked first.
        """
        if not self._bounds:
            return [max(self.clients, key=lambda client: client.limit.free)]
        owner = self.clients[min(bisect(self._bounds, self._random.random()), len(self.clients) - 1)]
        if self._random.random() >= self.scenario.typed:
            return [owner]
        others = [client for client in self.clients if client is not owner]
        others.sort(key=lambda client: -client.limit.free)
        asked_before = self._random.randrange(len(self.clients))
        return [*others[:asked_before], owner]

    def in_background(self, client: Client) -> None:
        client.send(Rank.LOOP, self._loops.append, patience=math.inf)


class _Recording:
    """One recording from its start to its stop, with a secure pause in the middle."""

    def __init__(self, model: Model, number: int, chance: random.Random) -> None:
        scenario = model.scenario
        self._model, self._simulation, self._costs = model, model.simulation, scenario.costs
        self._number = number
        self._bot = model.bots[number % len(model.bots)]
        self._channel = self._bot.posts[chance.randrange(scenario.channels)]
        self._asked = model.responsible()
        self._client = self._asked[-1]
        length = chance.expovariate(1 / scenario.seconds)
        self._until_pause, self._until_stop = chance.uniform(0, length), length
        self._paused = chance.expovariate(1 / scenario.paused)

    def start(self) -> None:
        self._bot.write_lines(1)
        steps = [(client, Rank.PERSON, 1) for client in self._asked]
        steps += [(self._client, Rank.PERSON, 2)]
        steps += [(self._client, Rank.CONFIRMATION, 1)] * self._costs.confirm_start
        self._ask("start", steps, self._started)

    def _started(self) -> None:
        self._channel.put(self._number)
        self._client.followed += 1
        self._model.result.topics = max(self._model.result.topics, self._client.followed)
        for _ in range(self._costs.background):
            self._model.in_background(self._client)
        self._simulation.after(self._until_pause, partial(self._change, "pause", self._is_paused))

    def _is_paused(self) -> None:
        self._simulation.after(self._paused, partial(self._change, "resume", self._resumed))

    def _resumed(self) -> None:
        self._simulation.after(self._until_stop - self._until_pause, partial(self._change, "stop", self._stopped))

    def _stopped(self) -> None:
        self._client.followed -= 1

    def _change(self, verb: str, then: Callable[[], None]) -> None:
        self._bot.edits.put(self._number)
        self._bot.write_lines(1)
        rank = Rank.PERSON if verb == "resume" else Rank.PROTECTION
        steps = [(self._client, rank, 2)]
        steps += [(self._client, Rank.CONFIRMATION, 1)] * self._costs.confirm_change
        self._ask(verb, steps, then)

    def _ask(self, verb: str, steps: list[tuple[Client, Rank, int]], then: Callable[[], None]) -> None:
        """Send the requests of an action one after another, within its deadline."""
        result, simulation = self._model.result, self._simulation
        deadline, waited = simulation.now + PATIENCE, [0.0]

        def refused() -> None:
            result.refused[verb] = result.refused.get(verb, 0) + 1
            self._settled()
            if verb == "start":
                return  # nothing was recorded
            then()  # the person asks again, or the reconciler does; the recording goes on meanwhile

        def step(number: int, seconds: float) -> None:
            waited[0] += seconds
            if number == len(steps):
                result.waits.setdefault(verb, []).append(waited[0])
                self._settled()
                then()
                return
            client, rank, room = steps[number]
            left = deadline - simulation.now
            client.send(rank, partial(step, number + 1), room=room, patience=left, refused=refused)

        step(0, 0.0)

    def _settled(self) -> None:
        self._bot.edits.put(self._number)
        self._bot.write_lines(1)


def percentile(values: list[float], share: float) -> float:
    """Return the value that so large a share of them doesn't exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def run(scenario: Scenario) -> Result:
    return Model(scenario).run()


def within_limits(scenario: Scenario) -> bool:
    """Whether nobody waits long: 99 of 100 starts wait at most 5 s, of 1,000 at most 1 is refused.

    And whether background requests keep up: without subscriptions there are no notifications.
    """
    result = run(scenario)
    starts = result.waits.get("start", [])
    return (
        percentile(starts, 0.99) <= START_SECONDS
        and result.refused_share("start") <= REFUSED_STARTS
        and result.late_loops <= BACKGROUND_SECONDS
    )


def capacity(scenario: Scenario, *, steps: int = 40) -> int:
    """Return the most agents, in thousands, for whom Genesys's limits suffice: up to ``steps`` thousand a client."""
    thousand = 1_000
    low, high = 0, steps * scenario.clients
    while high - low > scenario.clients // 4:
        middle = (low + high + 1) // 2
        if within_limits(replace(scenario, agents=middle * thousand)):
            low = middle
        else:
            high = middle - 1
    return low * thousand
