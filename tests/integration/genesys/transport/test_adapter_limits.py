"""Genesys's request limit is waited out where there is time, and the person is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import OutcomeUnknown, RateLimited

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench


@pytest.mark.parametrize("only", ["read", "write"])
async def test_a_limit_is_waited_out_as_long_as_it_says(bench: Bench, only: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", times=1, value=7, only=only)

    effect = await bench.start(call.id)

    assert effect.created
    assert bench.waits == [7.0]
    assert 7.0 in bench.clock.slept
    assert bench.simulator.recording_starts(call.id) == 1


async def test_a_limit_that_lasts_beyond_the_deadline_is_an_error(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", value=60)

    with pytest.raises(RateLimited) as limited:
        await bench.start(call.id)

    assert limited.value.retry_after == 60.0
    evidence = limited.value.evidence
    assert (evidence.http_status, evidence.code) == (429, "too.many.requests.retry.after")
    assert evidence.correlation_id == bench.simulator.requests[0].correlation_id
    assert (bench.waits, bench.clock.slept) == ([], [])
    assert bench.asked() == ["GET 429"]


async def test_without_a_time_each_wait_is_twice_the_last(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited_bare")

    with pytest.raises(RateLimited) as limited:
        await bench.start(call.id)

    assert bench.waits == [1.0, 2.0, 4.0, 8.0]
    assert limited.value.retry_after == 16.0


async def test_a_limit_on_a_write_leaves_nothing_open(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", value=60, only="write")

    with pytest.raises(RateLimited):
        await bench.start(call.id)

    assert bench.simulator.recording_starts(call.id) == 0


async def test_a_limit_on_the_confirmation_leaves_the_outcome_unknown(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("rate_limited", value=60, only="read")

    with pytest.raises(OutcomeUnknown):
        await bench.stop(target)

    assert bench.asked() == ["PATCH 202", "GET 429"]


async def test_the_budget_and_the_waits_are_visible(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", times=1, value=3)

    await bench.look(call.id)

    budget = bench.client.health().budget
    assert budget is not None
    assert (budget.allowed, budget.left) == (300, 298)
    assert [(seen.operation, seen.status, seen.retry_after) for seen in bench.seen] == [
        ("login", 200, None),
        ("read call", 429, 3.0),
        ("read call", 200, None),
    ]


# --- the bot's own limit ------------------------------------------------------------------------------------------


@pytest.fixture
def requests_per_minute() -> int:
    return 30


async def test_the_bot_keeps_to_its_own_limit(bench: Bench) -> None:
    call = bench.simulator.add_call()
    for _ in range(30):
        await bench.look(call.id)
    assert bench.client.health().requests_left == 0
    bench.clock.advance(50)

    await bench.look(call.id)

    assert bench.waits == [10.0]
    assert len(bench.asked()) == 31


async def test_a_wait_beyond_the_deadline_is_an_error_and_sends_nothing(bench: Bench) -> None:
    call = bench.simulator.add_call()
    for _ in range(30):
        await bench.look(call.id)

    with pytest.raises(RateLimited) as limited:
        await bench.start(call.id)

    assert limited.value.retry_after == 60.0
    assert (bench.waits, len(bench.asked())) == ([], 30)


async def test_a_loop_never_takes_the_room_of_a_start(bench: Bench) -> None:
    call = bench.simulator.add_call()
    loop = bench.of_a_loop()
    for _ in range(27):
        await loop.look(call.id)
    with pytest.raises(RateLimited):
        await loop.look(call.id)

    effect = await bench.start(call.id)

    assert effect.created
    assert (bench.waits, len(bench.asked())) == ([], 30)


async def test_a_start_that_nobody_waits_for_goes_behind_people(bench: Bench) -> None:
    call, other = bench.simulator.add_call(), bench.simulator.add_call()
    for _ in range(27):
        await bench.of_a_loop().look(call.id)
    with pytest.raises(RateLimited):
        await bench.of_a_loop().start(call.id)
    assert (await bench.start(other.id)).created
    assert (bench.simulator.recording_starts(call.id), bench.waits) == (0, [])


async def test_slow_loops_leave_threads_to_people(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.client.login()
    bench.simulator.faults.switch_on("hang", times=2, value=60, only="read")
    looks = [asyncio.create_task(bench.of_a_loop().look(call.id)) for _ in range(8)]
    await bench.simulator.wait_until(lambda: len(bench.simulator.requests) == 2)

    assert (await bench.look(call.id)).connected
    assert len(bench.simulator.requests) == 3

    for look in looks:
        look.cancel()
    await asyncio.gather(*looks, return_exceptions=True)
    bench.simulator.gate.closing.set()  # lets go of what hangs


async def test_genesys_own_count_is_kept_to(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.rate_limit.allowed = 5
    for _ in range(5):
        await bench.look(call.id)
    assert bench.client.health().requests_left == 0

    with pytest.raises(RateLimited) as limited:
        await bench.look(call.id)

    assert limited.value.retry_after == 61.0
    assert len(bench.asked()) == 5


async def test_a_refusal_makes_everybody_wait_who_asks_for_the_same(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", times=1, value=40)
    with pytest.raises(RateLimited):
        await bench.look(call.id)
    bench.clock.advance(30)

    await bench.look(call.id)

    assert bench.waits == [10.0]
    assert bench.asked() == ["GET 429", "GET 200"]


async def test_a_stop_is_sent_at_once_and_its_confirmation_waits_for_room(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    for _ in range(25):
        await bench.look(call.id)
    bench.clock.advance(45)
    for _ in range(2):
        await bench.look(call.id)
    assert bench.client.health().requests_left == 0
    asked_at = bench.clock.time()

    await bench.stop(target)

    write, confirmation = bench.simulator.requests[27:]
    assert (write.method, write.status, write.at) == ("PATCH", 202, asked_at)
    assert bench.waits == pytest.approx([14.83])  # from when the first reading was due, after 0.07 s
    assert (confirmation.method, confirmation.status) == ("GET", 200)
    assert confirmation.at == pytest.approx(asked_at + 14.9)


async def test_a_loops_stop_is_sent_only_where_there_is_room_to_confirm_it(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    for _ in range(23):
        await bench.look(call.id)
    bench.clock.advance(45)

    await bench.of_a_loop().stop(target)

    assert bench.waits == pytest.approx([14.9])
    assert bench.asked()[23:] == ["PATCH 202", "GET 200"]
