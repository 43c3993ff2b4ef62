"""A refused look-up holds back look-ups: a person's secure pause and stop are not held up by it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import RateLimited, RequestTooLarge
from bot.genesys import GenesysDirectory
from bot.recording.ports import Priority
from bot.sandbox.genesys.web_api.directory import QUEUES_PATH

if TYPE_CHECKING:
    from tests.integration.genesys.bench import Bench

WAIT = 12.0
"""Seconds that Genesys asks for."""


async def look_up(bench: Bench, patience: float = 5.0) -> None:
    """Look a queue's name up, for as long as ``patience`` seconds."""
    directory = GenesysDirectory(bench.client)
    deadline = bench.clock.monotonic() + patience
    await directory.names("queue", frozenset({"some-queue"}), deadline=deadline, priority=Priority.LOOP)


async def refused_look_up(bench: Bench) -> None:
    with pytest.raises(RateLimited):
        await look_up(bench)


@pytest.mark.parametrize("token_headers", [True, False])
async def test_a_secure_pause_is_not_held_up_by_a_refused_look_up(bench: Bench, *, token_headers: bool) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.organization_limits.token_headers = token_headers
    bench.simulator.organization_limits.allowed[QUEUES_PATH] = 0
    await refused_look_up(bench)
    began = bench.clock.time()

    await bench.pause(target)

    assert bench.simulator.effective_recording(call.id) == "paused"
    put = next(request for request in bench.simulator.requests if request.method == "PUT")
    assert put.at == began
    assert bench.waits == []


async def test_the_refused_operation_waits_as_long_as_genesys_says(bench: Bench) -> None:
    bench.simulator.faults.switch_on("look_ups_limited", times=1, value=WAIT)
    await refused_look_up(bench)

    with pytest.raises(RateLimited) as limited:
        await look_up(bench)

    assert limited.value.retry_after == WAIT
    assert bench.asked() == ["GET 429"]
    assert bench.client.health().held == {"look up names (queue)": WAIT}
    bench.clock.advance(WAIT)
    await look_up(bench)
    assert bench.asked() == ["GET 429", "GET 200"]
    assert bench.client.health().held == {}


async def test_another_call_of_the_same_route_is_held_as_well(bench: Bench) -> None:
    first, second = bench.simulator.add_call(), bench.simulator.add_call()
    bench.simulator.faults.switch_on("rate_limited", times=1, value=WAIT, only="GET conversation call ")
    bench.patience = 5.0
    with pytest.raises(RateLimited):
        await bench.look(first.id)

    with pytest.raises(RateLimited):
        await bench.look(second.id)

    assert bench.asked() == ["GET 429"]


async def test_a_start_is_not_held_up_by_a_refused_look_up(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("look_ups_limited", value=WAIT)
    await refused_look_up(bench)

    assert (await bench.start(call.id)).created
    assert bench.waits == []


async def test_a_refusal_with_the_token_used_up_holds_everything(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.rate_limit.allowed = 0
    await refused_look_up(bench)

    with pytest.raises(RateLimited):
        await bench.start(call.id)

    assert bench.asked() == ["GET 429"]
    assert bench.client.health().requests_left == 0


@pytest.mark.parametrize("verb", ["pause", "stop"])
async def test_a_persons_pause_and_stop_are_tried_once_although_everything_is_held(bench: Bench, verb: str) -> None:
    """The count that held everything may be another's, or old; a refusal costs a request, card data costs more."""
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.rate_limit.allowed = 0
    await refused_look_up(bench)
    bench.simulator.rate_limit.allowed = 300
    began = bench.clock.time()

    await (bench.pause(target) if verb == "pause" else bench.stop(target))

    write = next(request for request in bench.simulator.requests if request.is_write)
    assert write.at == began
    assert bench.simulator.effective_recording(call.id) == ("paused" if verb == "pause" else "none")


async def test_a_pause_takes_a_token_that_still_holds_and_leaves_its_renewal_to_others(bench: Bench) -> None:
    """The login may be slow, or held back for a minute; the old token is good for a fifth of its life more."""
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.clock.advance(0.85 * 86400)
    bench.seen.clear()

    await bench.pause(target)

    assert [seen.operation for seen in bench.seen[:2]] == ["pause recording", "login"]


async def test_a_pause_that_is_refused_itself_waits_and_goes_again(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("rate_limited", times=1, value=WAIT, only="PUT")

    await bench.pause(target)

    assert bench.waits == [WAIT]
    assert bench.asked() == ["PUT 429", "PUT 202", "GET 200"]


async def test_a_loops_pause_is_held_like_any_request(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.rate_limit.allowed = 0
    await refused_look_up(bench)

    with pytest.raises(RateLimited):
        await bench.of_a_loop().pause(target)

    assert bench.writes() == 0


async def test_a_pause_has_a_connection_of_its_own_while_all_others_hang(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("hang", times=4, value=60, only="read")
    looks = [asyncio.create_task(bench.look(call.id)) for _ in range(4)]
    await bench.simulator.wait_until(lambda: len(bench.simulator.requests) == 4)

    pause = asyncio.create_task(bench.pause(target))

    await bench.simulator.wait_until(lambda: [request.status for request in bench.simulator.writes()] == [202])
    for task in (pause, *looks):
        task.cancel()
    await asyncio.gather(pause, *looks, return_exceptions=True)
    bench.simulator.gate.closing.set()  # lets go of what hangs


# --- 413 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["request_too_large", "answer_too_large"])
async def test_a_list_that_is_too_large_is_asked_for_in_smaller_pages(bench: Bench, fault: str) -> None:
    for number in range(60):
        bench.simulator.add_call(agent=f"Agent {number}")
    bench.simulator.faults.switch_on(fault, value=30)
    directory = GenesysDirectory(bench.client)

    listed = await directory.live_calls(deadline=bench.deadline)

    assert len(listed.calls) == 60
    assert bench.clock.slept == []
    sizes = [request.query["pageSize"] for request in bench.simulator.requests]
    assert sizes == ["100", "50", "25", "25", "25"]
    await directory.live_calls(deadline=bench.deadline)
    assert [request.query["pageSize"] for request in bench.simulator.requests][5:] == ["25", "25", "25"]


async def test_names_that_are_too_many_are_asked_for_in_smaller_pages(bench: Bench) -> None:
    ids = frozenset(bench.simulator.floor.directory.user_id(f"Agent {number}") for number in range(60))
    bench.simulator.faults.switch_on("request_too_large", value=30)

    names = await GenesysDirectory(bench.client).names("user", ids, deadline=bench.deadline)

    assert names.keys() == ids


async def test_a_page_that_is_too_large_however_small_is_an_error_without_a_wait(bench: Bench) -> None:
    bench.simulator.faults.switch_on("request_too_large", value=0)

    with pytest.raises(RequestTooLarge) as refused:
        await GenesysDirectory(bench.client).names("user", frozenset({"a"}), deadline=bench.deadline)

    assert refused.value.evidence.http_status == 413
    assert bench.clock.slept == []
