"""Genesys's request limit is waited out where there is time, and the person is told."""

from __future__ import annotations

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
