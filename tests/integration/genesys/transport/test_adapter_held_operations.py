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
    from tests.integration.genesys.desk import Desk

WAIT = 12.0
"""Seconds that Genesys asks for."""


async def look_up(desk: Desk, patience: float = 5.0) -> None:
    """Look a queue's name up, for as long as ``patience`` seconds."""
    directory = GenesysDirectory(desk.client)
    deadline = desk.clock.monotonic() + patience
    await directory.names("queue", frozenset({"some-queue"}), deadline=deadline, priority=Priority.LOOP)


async def refused_look_up(desk: Desk) -> None:
    with pytest.raises(RateLimited):
        await look_up(desk)


@pytest.mark.parametrize("token_headers", [True, False])
async def test_a_secure_pause_is_not_held_up_by_a_refused_look_up(desk: Desk, *, token_headers: bool) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.organization_limits.token_headers = token_headers
    desk.simulator.organization_limits.allowed[QUEUES_PATH] = 0
    await refused_look_up(desk)
    began = desk.clock.time()

    await desk.pause(target)

    assert desk.simulator.effective_recording(call.id) == "paused"
    put = next(request for request in desk.simulator.requests if request.method == "PUT")
    assert put.at == began
    assert desk.waits == []


async def test_the_refused_operation_waits_as_long_as_genesys_says(desk: Desk) -> None:
    desk.simulator.faults.switch_on("look_ups_limited", times=1, value=WAIT)
    await refused_look_up(desk)

    with pytest.raises(RateLimited) as limited:
        await look_up(desk)

    assert limited.value.retry_after == WAIT
    assert desk.asked() == ["GET 429"]
    assert desk.client.health().held == {"look up names (queue)": WAIT}
    desk.clock.advance(WAIT)
    await look_up(desk)
    assert desk.asked() == ["GET 429", "GET 200"]
    assert desk.client.health().held == {}


async def test_another_call_of_the_same_route_is_held_as_well(desk: Desk) -> None:
    first, second = desk.simulator.add_call(), desk.simulator.add_call()
    desk.simulator.faults.switch_on("rate_limited", times=1, value=WAIT, only="GET conversation call ")
    desk.patience = 5.0
    with pytest.raises(RateLimited):
        await desk.look(first.id)

    with pytest.raises(RateLimited):
        await desk.look(second.id)

    assert desk.asked() == ["GET 429"]


async def test_a_start_is_not_held_up_by_a_refused_look_up(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("look_ups_limited", value=WAIT)
    await refused_look_up(desk)

    assert (await desk.start(call.id)).created
    assert desk.waits == []


async def test_a_refusal_with_the_token_used_up_holds_everything(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.rate_limit.allowed = 0
    await refused_look_up(desk)

    with pytest.raises(RateLimited):
        await desk.start(call.id)

    assert desk.asked() == ["GET 429"]
    assert desk.client.health().requests_left == 0


@pytest.mark.parametrize("verb", ["pause", "stop"])
async def test_a_persons_pause_and_stop_are_tried_once_although_everything_is_held(desk: Desk, verb: str) -> None:
    """The count that held everything may be another's, or old; a refusal costs a request, card data costs more."""
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.rate_limit.allowed = 0
    await refused_look_up(desk)
    desk.simulator.rate_limit.allowed = 300
    began = desk.clock.time()

    await (desk.pause(target) if verb == "pause" else desk.stop(target))

    write = next(request for request in desk.simulator.requests if request.is_write)
    assert write.at == began
    assert desk.simulator.effective_recording(call.id) == ("paused" if verb == "pause" else "none")


async def test_a_pause_takes_a_token_that_still_holds_and_leaves_its_renewal_to_others(desk: Desk) -> None:
    """The login may be slow, or held back for a minute; the old token is good for a fifth of its life more."""
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.clock.advance(0.85 * 86400)
    desk.seen.clear()

    await desk.pause(target)

    assert [seen.operation for seen in desk.seen[:2]] == ["pause recording", "login"]


async def test_a_pause_that_is_refused_itself_waits_and_goes_again(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("rate_limited", times=1, value=WAIT, only="PUT")

    await desk.pause(target)

    assert desk.waits == [WAIT]
    assert desk.asked() == ["PUT 429", "PUT 202", "GET 200"]


async def test_a_loops_pause_is_held_like_any_request(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.rate_limit.allowed = 0
    await refused_look_up(desk)

    with pytest.raises(RateLimited):
        await desk.of_a_loop().pause(target)

    assert desk.writes() == 0


async def test_a_pause_has_a_connection_of_its_own_while_all_others_hang(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("hang", times=4, value=60, only="read")
    looks = [asyncio.create_task(desk.look(call.id)) for _ in range(4)]
    await desk.simulator.wait_until(lambda: len(desk.simulator.requests) == 4)

    pause = asyncio.create_task(desk.pause(target))

    await desk.simulator.wait_until(lambda: [request.status for request in desk.simulator.writes()] == [202])
    for task in (pause, *looks):
        task.cancel()
    await asyncio.gather(pause, *looks, return_exceptions=True)
    desk.simulator.gate.closing.set()  # lets go of what hangs


# --- 413 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["request_too_large", "answer_too_large"])
async def test_a_list_that_is_too_large_is_asked_for_in_smaller_pages(desk: Desk, fault: str) -> None:
    for number in range(60):
        desk.simulator.add_call(agent=f"Agent {number}")
    desk.simulator.faults.switch_on(fault, value=30)
    directory = GenesysDirectory(desk.client)

    listed = await directory.live_calls(deadline=desk.deadline)

    assert len(listed.calls) == 60
    assert desk.clock.slept == []
    sizes = [request.query["pageSize"] for request in desk.simulator.requests]
    assert sizes == ["100", "50", "25", "25", "25"]
    await directory.live_calls(deadline=desk.deadline)
    assert [request.query["pageSize"] for request in desk.simulator.requests][5:] == ["25", "25", "25"]


async def test_names_that_are_too_many_are_asked_for_in_smaller_pages(desk: Desk) -> None:
    ids = frozenset(desk.simulator.floor.directory.user_id(f"Agent {number}") for number in range(60))
    desk.simulator.faults.switch_on("request_too_large", value=30)

    names = await GenesysDirectory(desk.client).names("user", ids, deadline=desk.deadline)

    assert names.keys() == ids


async def test_a_page_that_is_too_large_however_small_is_an_error_without_a_wait(desk: Desk) -> None:
    desk.simulator.faults.switch_on("request_too_large", value=0)

    with pytest.raises(RequestTooLarge) as refused:
        await GenesysDirectory(desk.client).names("user", frozenset({"a"}), deadline=desk.deadline)

    assert refused.value.evidence.http_status == 413
    assert desk.clock.slept == []
