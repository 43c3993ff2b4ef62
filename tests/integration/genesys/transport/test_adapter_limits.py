"""Genesys's request limit is waited out where there is time, and the person is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import OutcomeUnknown, RateLimited

if TYPE_CHECKING:
    from tests.integration.genesys.desk import Desk


@pytest.mark.parametrize("only", ["read", "write"])
async def test_a_limit_is_waited_out_as_long_as_it_says(desk: Desk, only: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", times=1, value=7, only=only)

    effect = await desk.start(call.id)

    assert effect.created
    assert desk.waits == [7.0]
    assert 7.0 in desk.clock.slept
    assert desk.simulator.recording_starts(call.id) == 1


async def test_a_limit_that_lasts_beyond_the_deadline_is_an_error(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", value=60)

    with pytest.raises(RateLimited) as limited:
        await desk.start(call.id)

    assert limited.value.retry_after == 60.0
    evidence = limited.value.evidence
    assert (evidence.http_status, evidence.code) == (429, "too.many.requests.retry.after")
    assert evidence.correlation_id == desk.simulator.requests[0].correlation_id
    assert (desk.waits, desk.clock.slept) == ([], [])
    assert desk.asked() == ["GET 429"]


async def test_without_a_time_each_wait_is_twice_the_last(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited_bare")

    with pytest.raises(RateLimited) as limited:
        await desk.start(call.id)

    assert desk.waits == [1.0, 2.0, 4.0, 8.0]
    assert limited.value.retry_after == 16.0


async def test_a_limit_on_a_write_leaves_nothing_open(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", value=60, only="write")

    with pytest.raises(RateLimited):
        await desk.start(call.id)

    assert desk.simulator.recording_starts(call.id) == 0


async def test_a_limit_on_the_confirmation_leaves_the_outcome_unknown(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("rate_limited", value=60, only="read")

    with pytest.raises(OutcomeUnknown):
        await desk.stop(target)

    assert desk.asked() == ["PATCH 202", "GET 429"]


async def test_the_budget_and_the_waits_are_visible(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", times=1, value=3)

    await desk.look(call.id)

    budget = desk.client.health().budget
    assert budget is not None
    assert (budget.allowed, budget.left) == (300, 298)
    assert [(seen.operation, seen.status, seen.retry_after) for seen in desk.seen] == [
        ("login", 200, None),
        ("read call", 429, 3.0),
        ("read call", 200, None),
    ]


# --- the bot's own limit ------------------------------------------------------------------------------------------


@pytest.fixture
def requests_per_minute() -> int:
    return 30


async def test_the_bot_keeps_to_its_own_limit(desk: Desk) -> None:
    call = desk.simulator.add_call()
    for _ in range(30):
        await desk.look(call.id)
    assert desk.client.health().requests_left == 0
    desk.clock.advance(50)

    await desk.look(call.id)

    assert desk.waits == [10.0]
    assert len(desk.asked()) == 31


async def test_a_wait_beyond_the_deadline_is_an_error_and_sends_nothing(desk: Desk) -> None:
    call = desk.simulator.add_call()
    for _ in range(30):
        await desk.look(call.id)

    with pytest.raises(RateLimited) as limited:
        await desk.start(call.id)

    assert limited.value.retry_after == 60.0
    assert (desk.waits, len(desk.asked())) == ([], 30)


async def test_a_loop_never_takes_the_room_of_a_start(desk: Desk) -> None:
    call = desk.simulator.add_call()
    loop = desk.of_a_loop()
    for _ in range(27):
        await loop.look(call.id)
    with pytest.raises(RateLimited):
        await loop.look(call.id)

    effect = await desk.start(call.id)

    assert effect.created
    assert (desk.waits, len(desk.asked())) == ([], 30)


async def test_a_start_that_nobody_waits_for_goes_behind_people(desk: Desk) -> None:
    call, other = desk.simulator.add_call(), desk.simulator.add_call()
    for _ in range(27):
        await desk.of_a_loop().look(call.id)
    with pytest.raises(RateLimited):
        await desk.of_a_loop().start(call.id)
    assert (await desk.start(other.id)).created
    assert (desk.simulator.recording_starts(call.id), desk.waits) == (0, [])


async def test_slow_loops_leave_threads_to_people(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.client.login()
    desk.simulator.faults.switch_on("hang", times=2, value=60, only="read")
    looks = [asyncio.create_task(desk.of_a_loop().look(call.id)) for _ in range(8)]
    await desk.simulator.wait_until(lambda: len(desk.simulator.requests) == 2)

    assert (await desk.look(call.id)).connected
    assert len(desk.simulator.requests) == 3

    for look in looks:
        look.cancel()
    await asyncio.gather(*looks, return_exceptions=True)
    desk.simulator.gate.closing.set()  # lets go of what hangs


async def test_genesys_own_count_is_kept_to(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.rate_limit.allowed = 5
    for _ in range(5):
        await desk.look(call.id)
    assert desk.client.health().requests_left == 0

    with pytest.raises(RateLimited) as limited:
        await desk.look(call.id)

    assert limited.value.retry_after == 61.0
    assert len(desk.asked()) == 5


async def test_a_refusal_makes_everybody_wait_who_asks_for_the_same(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", times=1, value=40)
    with pytest.raises(RateLimited):
        await desk.look(call.id)
    desk.clock.advance(30)

    await desk.look(call.id)

    assert desk.waits == [10.0]
    assert desk.asked() == ["GET 429", "GET 200"]


async def test_a_stop_is_sent_at_once_and_its_confirmation_waits_for_room(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    for _ in range(25):
        await desk.look(call.id)
    desk.clock.advance(45)
    for _ in range(2):
        await desk.look(call.id)
    assert desk.client.health().requests_left == 0
    asked_at = desk.clock.time()

    await desk.stop(target)

    write, confirmation = desk.simulator.requests[27:]
    assert (write.method, write.status, write.at) == ("PATCH", 202, asked_at)
    assert desk.waits == pytest.approx([14.8])
    assert (confirmation.method, confirmation.status) == ("GET", 200)
    assert confirmation.at == pytest.approx(asked_at + 14.9)


async def test_a_loops_stop_is_sent_only_where_there_is_room_to_confirm_it(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    for _ in range(23):
        await desk.look(call.id)
    desk.clock.advance(45)

    await desk.of_a_loop().stop(target)

    assert desk.waits == pytest.approx([14.9])
    assert desk.asked()[23:] == ["PATCH 202", "GET 200"]
