"""The request limit: how many in a minute, who goes first, and what Genesys's own count changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import RateLimited
from bot.genesys.transport.health import RateBudget
from bot.genesys.transport.rate_limiter import ROUNDING, Rank, RequestLimit
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from bot.recording.ports import Waiting

PER_MINUTE = 30
LOOPS_GET = 27


class Queue:
    """People and loops at a limit; notes who was admitted, in order, and who was told to wait."""

    def __init__(self, clock: SteppedClock, limit: RequestLimit) -> None:
        self.clock = clock
        self.limit = limit
        self.admitted: list[str] = []
        self.told: list[tuple[str, float]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, name: str, rank: Rank = Rank.PERSON, patience: float = 1000.0, route: str = "") -> None:
        async def progress(waiting: Waiting) -> None:
            self.told.append((name, waiting.seconds))

        deadline = self.clock.monotonic() + patience
        await self.limit.admit(rank, deadline=deadline, progress=progress, route=route)
        self.admitted.append(name)
        self.limit.landed(None)

    async def comes(self, name: str, rank: Rank = Rank.PERSON, route: str = "") -> asyncio.Task[None]:
        task = asyncio.create_task(self.ask(name, rank, route=route))
        self.tasks.append(task)
        await settle()
        return task

    async def fill(self, *, seconds_apart: float = 0.0, rank: Rank = Rank.PERSON, count: int = PER_MINUTE) -> None:
        for _ in range(count):
            await self.ask("filler", rank)
            self.clock.advance(seconds_apart)
        self.admitted.clear()

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)
            await settle()


async def settle() -> None:
    """Let everybody who can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def limit(clock: SteppedClock) -> RequestLimit:
    return RequestLimit(clock, PER_MINUTE)


@pytest.fixture
def queue(clock: SteppedClock, limit: RequestLimit) -> Queue:
    return Queue(clock, limit)


async def test_no_minute_has_more_than_allowed(queue: Queue) -> None:
    times: list[float] = []

    async def go_on_asking() -> None:
        while True:
            await queue.ask("one")
            times.append(queue.clock.monotonic())

    task = asyncio.create_task(go_on_asking())
    await settle()
    for _ in range(40):
        queue.clock.advance(7.0)
        await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert len(times) > PER_MINUTE
    assert all(sum(begin <= time < begin + 60.0 for time in times) <= PER_MINUTE for begin in times)


async def test_who_has_to_wait_is_told_for_how_long(queue: Queue) -> None:
    await queue.fill()
    assert queue.limit.left == 0
    queue.clock.advance(50.0)

    task = await queue.comes("ada")
    assert (queue.told, queue.admitted, queue.limit.waiting) == ([("ada", 10.0)], [], 1)
    await queue.pass_time(10)
    await task
    assert (queue.told, queue.admitted, queue.limit.waiting) == ([("ada", 10.0)], ["ada"], 0)


async def test_a_turn_after_the_deadline_is_refused_at_once(queue: Queue) -> None:
    await queue.fill()

    with pytest.raises(RateLimited) as limited:
        await queue.ask("ada", patience=25.0)

    assert limited.value.retry_after == 60.0
    assert (queue.told, queue.clock.slept, queue.limit.waiting) == ([], [], 0)


async def test_loops_leave_a_tenth_and_at_least_a_start_to_people(queue: Queue) -> None:
    await queue.fill(rank=Rank.LOOP, count=LOOPS_GET)

    with pytest.raises(RateLimited):
        await queue.ask("loop", Rank.LOOP, patience=25.0)
    for name in ("first", "second", "third"):
        await queue.ask(name)

    assert queue.admitted == ["first", "second", "third"]
    assert RequestLimit(queue.clock, 300).reserve == 30


async def test_people_go_before_loops_and_each_in_the_order_in_which_they_came(queue: Queue) -> None:
    await queue.fill(seconds_apart=2.0)  # the first is a minute old now: room for one, and one more every 2 s
    await queue.ask("filler")
    queue.admitted.clear()
    await queue.comes("loop 1", Rank.LOOP)
    await queue.comes("ada")
    await queue.comes("loop 2", Rank.LOOP)
    await queue.comes("grace")
    await queue.comes("confirmation", Rank.CONFIRMATION)
    assert queue.limit.waiting == 5

    await queue.pass_time(20)
    await asyncio.gather(*queue.tasks)

    assert queue.admitted == ["confirmation", "ada", "grace", "loop 1", "loop 2"]


async def test_who_gives_up_leaves_the_queue(queue: Queue) -> None:
    await queue.fill(seconds_apart=2.0)
    await queue.ask("filler")
    queue.admitted.clear()
    impatient = await queue.comes("ada")
    await queue.comes("grace")
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)

    await queue.pass_time(2)

    assert (queue.admitted, queue.limit.waiting) == (["grace"], 0)


async def test_what_genesys_says_is_left_counts_where_it_is_less(queue: Queue) -> None:
    await stated(queue, RateBudget(used=298, allowed=300, reset=20))
    assert queue.limit.left == 2
    await stated(queue, RateBudget(used=2, allowed=10_000, reset=60))
    assert queue.limit.left == PER_MINUTE - 2


async def test_genesys_count_holds_until_its_window_ends(queue: Queue) -> None:
    await stated(queue, RateBudget(used=300, allowed=300, reset=20))
    assert queue.limit.left == 0

    task = await queue.comes("ada")
    assert queue.told == [("ada", 20.0 + ROUNDING)]
    await queue.pass_time(21)
    await task
    assert queue.admitted == ["ada"]


async def test_requests_under_way_count_as_not_yet_counted_by_genesys(queue: Queue) -> None:
    await stated(queue, RateBudget(used=298, allowed=300, reset=20))
    for _ in range(2):
        await queue.limit.admit(Rank.PERSON, deadline=queue.clock.monotonic() + 1.0, progress=unexpected)
    assert queue.limit.left == 0
    queue.limit.landed(RateBudget(used=300, allowed=300, reset=20))
    queue.limit.landed(RateBudget(used=299, allowed=300, reset=20))  # overtaken on its way
    assert queue.limit.left == 0


async def test_a_new_window_of_genesys_is_believed(queue: Queue) -> None:
    await stated(queue, RateBudget(used=300, allowed=300, reset=20))
    await stated_again(queue, RateBudget(used=1, allowed=300, reset=60))
    assert queue.limit.left == PER_MINUTE - 1


USED_UP = RateBudget(used=301, allowed=300, reset=20)
OTHERS_DID_IT = RateBudget(used=7, allowed=300, reset=20)


async def test_a_refusal_of_a_used_up_token_holds_everybody_up_for_a_minute_at_most(queue: Queue) -> None:
    assert queue.limit.refused("GET /a", "read a", 5.0, USED_UP)
    assert queue.limit.left == 0
    task = await queue.comes("ada")
    await queue.pass_time(5)
    await task
    assert queue.told == [("ada", 5.0)]

    queue.limit.refused("GET /a", "read a", 3600.0, USED_UP)
    with pytest.raises(RateLimited) as limited:
        await queue.ask("grace", patience=25.0)
    assert limited.value.retry_after == 60.0


@pytest.mark.parametrize("stated_count", [OTHERS_DID_IT, None])
async def test_any_other_refusal_holds_up_its_own_operation(queue: Queue, stated_count: RateBudget | None) -> None:
    assert not queue.limit.refused("GET /a", "read a", 5.0, stated_count)
    assert queue.limit.left == PER_MINUTE
    assert queue.limit.held == {"read a": 5.0}

    with pytest.raises(RateLimited) as limited:
        await queue.ask("ada", patience=4.0, route="GET /a")
    await queue.ask("grace", route="GET /b")

    assert limited.value.retry_after == 5.0
    assert (queue.admitted, queue.told) == (["grace"], [])
    queue.clock.advance(5.0)
    await queue.ask("ada", route="GET /a")
    assert (queue.admitted, queue.limit.held) == (["grace", "ada"], {})


async def test_without_a_count_of_genesys_the_bots_own_says_whether_the_token_is_used_up(queue: Queue) -> None:
    await queue.fill()
    assert queue.limit.refused("GET /a", "read a", 5.0, None)


async def test_who_waits_for_a_held_operation_takes_nobodys_room(queue: Queue) -> None:
    await queue.fill(count=PER_MINUTE - 1)
    queue.limit.refused("GET /a", "read a", 30.0, None)
    held = await queue.comes("ada", route="GET /a")

    await queue.ask("grace", route="GET /b")

    assert queue.admitted == ["grace"]
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)


async def test_a_pause_or_stop_goes_before_everybody(queue: Queue) -> None:
    await queue.fill(seconds_apart=2.0)
    await queue.ask("filler")
    queue.admitted.clear()
    await queue.comes("confirmation", Rank.CONFIRMATION)
    await queue.comes("pause", Rank.PROTECTION)

    await queue.pass_time(4)
    await asyncio.gather(*queue.tasks)

    assert queue.admitted == ["pause", "confirmation"]


async def test_a_later_answer_with_requests_left_ends_the_hold(queue: Queue) -> None:
    queue.limit.refused("GET /a", "read a", 50.0, USED_UP)
    queue.limit.admit_at_once()
    queue.limit.landed(OTHERS_DID_IT)
    assert queue.limit.left == PER_MINUTE - 1


async def stated(queue: Queue, budget: RateBudget) -> None:
    """Send one request whose answer says so."""
    await queue.limit.admit(Rank.PERSON, deadline=queue.clock.monotonic() + 1.0, progress=unexpected)
    queue.limit.landed(budget)


async def stated_again(queue: Queue, budget: RateBudget) -> None:
    """Let the answer to a request that was sent before say so."""
    queue.limit._under_way += 1
    queue.limit.landed(budget)


async def unexpected(waiting: Waiting) -> None:
    raise AssertionError(waiting)
