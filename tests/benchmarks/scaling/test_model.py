"""The model against closed forms, against the bot's own limit, and against itself."""

from __future__ import annotations

import asyncio
import random
from math import factorial
from typing import TYPE_CHECKING

import pytest

from bot.genesys.transport.rate_limiter import Rank, RequestLimit
from bot.recording.ports import tell_nobody
from tests.benchmarks.scaling.__main__ import ROOT, size
from tests.benchmarks.scaling.model import Scenario, percentile, run
from tests.benchmarks.scaling.queues import WINDOW, FixedWindow, Relay, RollingLimit, Simulation
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from collections.abc import Callable


def arrivals(simulation: Simulation, rate: float, count: int, arrive: Callable[[int], None], seed: int = 1) -> None:
    """Plan random arrivals, so many a second on average."""
    chance, at = random.Random(seed), 0.0  # noqa: S311  repeatable, and no secret
    for number in range(count):
        at += chance.expovariate(rate)
        simulation.at(at, lambda number=number: arrive(number))  # type: ignore[misc]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# Closed forms


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_a_relay_is_the_queue_m_d_1(load: float) -> None:
    simulation, service = Simulation(), 1.2
    relay = Relay(simulation, service)
    arrivals(simulation, load / service, 20_000, relay.put)
    simulation.run()

    pollaczek_khinchine = load * service / (2 * (1 - load))
    assert mean(relay.delays) == pytest.approx(pollaczek_khinchine, rel=0.07)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_a_limit_of_one_request_is_the_queue_m_d_1(load: float) -> None:
    simulation, waits = Simulation(), list[float]()
    limit = RollingLimit(simulation, 1)
    arrivals(simulation, load / WINDOW, 20_000, lambda _: limit.admit(Rank.PERSON, waits.append))
    simulation.run()

    assert mean(waits) == pytest.approx(load * WINDOW / (2 * (1 - load)), rel=0.07)


def test_higher_ranks_wait_as_cobham_says() -> None:
    simulation = Simulation()
    limit = RollingLimit(simulation, 1)
    waits: dict[Rank, list[float]] = {Rank.PERSON: [], Rank.LOOP: []}
    people, loops = 0.3, 0.4
    arrivals(simulation, people / WINDOW, 15_000, lambda _: limit.admit(Rank.PERSON, waits[Rank.PERSON].append), 1)
    arrivals(simulation, loops / WINDOW, 20_000, lambda _: limit.admit(Rank.LOOP, waits[Rank.LOOP].append), 2)
    simulation.run()

    residual = (people + loops) * WINDOW / 2
    assert mean(waits[Rank.PERSON]) == pytest.approx(residual / (1 - people), rel=0.07)
    assert mean(waits[Rank.LOOP]) == pytest.approx(residual / ((1 - people) * (1 - people - loops)), rel=0.07)


@pytest.mark.parametrize(("allowed", "load"), [(1, 0.5), (10, 7.0), (30, 30.0)])
def test_without_patience_as_many_are_refused_as_erlang_says(allowed: int, load: float) -> None:
    simulation, refused, served = Simulation(), list[int](), list[float]()
    limit = RollingLimit(simulation, allowed)

    def arrive(number: int) -> None:
        limit.admit(Rank.PERSON, served.append, patience=0.0, refused=lambda: refused.append(number))

    arrivals(simulation, load / WINDOW, 15_000, arrive)
    simulation.run()

    erlang_b = (load**allowed / factorial(allowed)) / sum(load**k / factorial(k) for k in range(allowed + 1))
    assert len(refused) / 15_000 == pytest.approx(erlang_b, rel=0.07)


def test_of_a_burst_a_limit_admits_a_whole_windowful_at_a_time() -> None:
    simulation, limit_, waits = Simulation(), 300, list[float]()
    limit = RollingLimit(simulation, limit_)
    for _ in range(1_000):
        limit.admit(Rank.PERSON, waits.append)
    simulation.run()

    assert waits == [WINDOW * (number // limit_) for number in range(1_000)]


def test_an_overloaded_limit_admits_just_its_limit() -> None:
    simulation = Simulation()
    limit = RollingLimit(simulation, 300)
    arrivals(simulation, 10.0, 9_000, lambda _: limit.admit(Rank.PERSON, lambda _: None))
    simulation.run(900)

    assert limit.admitted == pytest.approx(300 * 15, rel=0.001)


def test_genesys_counts_a_window_from_the_first_request() -> None:
    simulation, accepted = Simulation(), list[bool]()
    window = FixedWindow(simulation, 2)
    for at in (5.0, 64.0, 64.5, 65.0, 66.0, 67.0):
        simulation.at(at, lambda: accepted.append(window.accepts()))
    simulation.run()

    assert accepted == [True, True, False, True, True, False]
    assert window.resets_in == WINDOW - 2.0


def test_a_card_that_waits_is_rendered_once() -> None:
    simulation = Simulation()
    relay = Relay(simulation, 10.0)
    for at, card in ((0.0, "a"), (1.0, "b"), (2.0, "a"), (3.0, "b"), (4.0, "a")):
        simulation.at(at, lambda card=card: relay.put(card))  # type: ignore[misc]
    simulation.run()

    assert relay.delays == [0.0, 9.0, 18.0]


# The bot's own limit

TRACE = (
    *((0.0, Rank.PERSON, 1),) * 4,
    (10.0, Rank.LOOP, 1),
    (12.0, Rank.PERSON, 2),
    (15.0, Rank.LOOP, 1),
    (20.0, Rank.PERSON, 2),
    (25.0, Rank.CONFIRMATION, 1),
    (30.0, Rank.PERSON, 2),
    (61.0, Rank.PERSON, 1),
    (62.0, Rank.LOOP, 1),
    (63.0, Rank.CONFIRMATION, 1),
)
"""When a request comes, its rank, and how many have to fit."""
ALLOWED, RESERVE, TICK = 6, 3, 0.5


def modeled_times() -> list[float]:
    simulation, times = Simulation(), [0.0] * len(TRACE)
    limit = RollingLimit(simulation, ALLOWED, reserve=RESERVE)
    for number, (at, rank, room) in enumerate(TRACE):

        def ask(number: int = number, rank: Rank = rank, room: int = room) -> None:
            limit.admit(rank, lambda _: times.__setitem__(number, simulation.now), room=room)

        simulation.at(at, ask)
    simulation.run()
    return times


async def real_times() -> list[float]:
    clock, times = SteppedClock(elapsed=0.0), [0.0] * len(TRACE)
    limit = RequestLimit(clock, ALLOWED)
    assert limit.reserve == RESERVE

    async def ask(number: int, rank: Rank, room: int) -> None:
        await limit.admit(rank, deadline=10_000.0, progress=tell_nobody, room=room)
        times[number] = clock.monotonic()
        limit.landed(None)

    tasks, waiting = list[asyncio.Task[None]](), list(enumerate(TRACE))
    while waiting or not all(task.done() for task in tasks):
        while waiting and waiting[0][1][0] <= clock.monotonic():
            number, (_, rank, room) = waiting.pop(0)
            tasks.append(asyncio.ensure_future(ask(number, rank, room)))
            await asyncio.sleep(0)
        for _ in range(5 * len(TRACE)):
            await asyncio.sleep(0)
        clock.advance(TICK)
    return times


async def test_the_modeled_limit_admits_when_the_bots_own_does() -> None:
    real = await real_times()

    # the bot's limit estimates again every second, so it may be that much later
    assert modeled_times() == pytest.approx(real, abs=1.0 + TICK)
    assert sorted(range(len(TRACE)), key=real.__getitem__) == sorted(range(len(TRACE)), key=modeled_times().__getitem__)


# The whole model

BUSY = Scenario(agents=50_000, hours=0.25)


def test_a_seed_decides_everything() -> None:
    small = Scenario(agents=20_000, clients=2, divisions=(0.7, 0.3), hours=0.1)

    assert run(small) == run(small)
    assert run(small) != run(Scenario(agents=20_000, clients=2, divisions=(0.7, 0.3), hours=0.1, seed=2))


def test_a_secure_pause_waits_less_than_a_start_and_people_less_than_background_work() -> None:
    result = run(BUSY)
    p99 = {verb: percentile(waits, 0.99) for verb, waits in result.waits.items()}

    assert result.busiest > 0.95
    assert p99["pause"] < p99["start"] < result.late_loops
    assert result.refused_share("pause") < result.refused_share("start")


def test_what_is_sent_is_what_the_recordings_cost() -> None:
    scenario = Scenario(agents=10_000, hours=1.0)
    requests = 1 + 1 + 1 + 3 + 3  # find, write, and confirm the start; pause, resume, stop; the background
    arithmetic = scenario.recordings_a_minute * requests / scenario.requests_a_minute

    assert run(scenario).busiest == pytest.approx(arithmetic, rel=0.07)


def test_more_clients_carry_more() -> None:
    five = run(Scenario(agents=50_000, clients=5, hours=0.25))

    assert percentile(five.waits["start"], 0.99) < 1.0
    assert five.refused == {}


def test_divisions_of_different_sizes_are_worse_than_choosing_by_what_is_left() -> None:
    uneven = run(Scenario(agents=60_000, clients=3, divisions=(0.7, 0.2, 0.1), hours=0.25))
    any_client = run(Scenario(agents=60_000, clients=3, hours=0.25))

    assert uneven.busiest > 1.3 * any_client.busiest
    assert uneven.refused_share("start") > any_client.refused_share("start") == 0.0


@pytest.mark.parametrize(("agents", "clients"), [(20_000, 1), (50_000, 3)])
def test_the_page_shows_what_the_model_finds(agents: int, clients: int) -> None:
    assert size(agents, clients) in (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
