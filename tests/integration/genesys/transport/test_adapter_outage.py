"""While Genesys is down people are told at once, nothing is lost, and it is noticed when it is back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import GenesysUnavailable, LoginRefused, OutcomeUnknown
from bot.genesys import GenesysAccount, GenesysClient, RequestSeen
from bot.genesys.transport.health import FAILURES, TRIAL_EVERY
from bot.runtime.background import health_worker
from bot.runtime.workers import Supervisor
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.integration.genesys.desk import Desk

DOWN = ["server_error", "drop_before", "hang"]


async def go_down(desk: Desk, conversation_id: str, fault: str = "server_error", only: str = "") -> None:
    """Have Genesys fail, and people notice it."""
    await desk.client.login()
    desk.simulator.faults.switch_on(fault, only=only)
    for _ in range(2):
        with pytest.raises(GenesysUnavailable):
            await desk.look(conversation_id)
    desk.simulator.requests.clear()


@pytest.mark.parametrize("fault", DOWN)
async def test_nothing_is_sent_while_genesys_is_down(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    began = desk.clock.now()
    await go_down(desk, call.id, fault)
    at = desk.clock.monotonic()

    for verb in ("start", "stop", "pause", "look"):
        with pytest.raises(GenesysUnavailable, match="nothing was sent") as refused:
            await getattr(desk, verb)(target)
        assert refused.value.since is not None
        assert refused.value.since >= began
        assert refused.value.next_trial is not None
        assert 0 < refused.value.next_trial <= TRIAL_EVERY

    assert (desk.asked(), desk.clock.monotonic()) == ([], at)
    assert desk.simulator.effective_recording(call.id) == "active"
    assert desk.client.health().down_since is not None


async def test_it_takes_five_failures(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on("server_error")

    for _ in range(4):
        with pytest.raises(GenesysUnavailable):
            await desk.look(call.id)

    assert len(desk.asked()) == FAILURES


@pytest.mark.parametrize("fault", ["forbidden", "rate_limited", "not_a_user"])
async def test_a_refusal_is_an_answer(desk: Desk, fault: str) -> None:
    call = desk.simulator.add_call()
    desk.simulator.faults.switch_on(fault, value=1)
    desk.patience = 0.5
    for _ in range(2 * FAILURES):
        with pytest.raises(Exception):  # noqa: B017  each its own; what counts is the health
            await desk.look(call.id)
        desk.clock.advance(1.0)
    assert desk.client.health().down_since is None


async def test_a_silent_host_counts_as_well(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.simulator.stop()
    for _ in range(2):
        with pytest.raises(GenesysUnavailable):
            await desk.look(call.id)
    with pytest.raises(GenesysUnavailable, match="nothing was sent"):
        await desk.look(call.id)


async def test_one_trial_now_and_then_finds_out_when_it_is_back(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await go_down(desk, call.id)

    desk.clock.advance(TRIAL_EVERY)
    with pytest.raises(GenesysUnavailable):
        await desk.look(call.id)
    assert desk.asked() == ["GET 503"]

    desk.simulator.faults.switch_off("server_error")
    with pytest.raises(GenesysUnavailable):
        await desk.look(call.id)
    assert desk.asked() == ["GET 503"]

    desk.clock.advance(TRIAL_EVERY)
    assert (await desk.look(call.id)).connected
    assert (await desk.start(call.id)).created
    assert desk.client.health().usable


async def test_a_write_is_no_trial(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    await go_down(desk, call.id)
    desk.clock.advance(TRIAL_EVERY)

    with pytest.raises(GenesysUnavailable):
        await desk.stop(target)
    assert desk.asked() == ["GET 503"]

    desk.clock.advance(TRIAL_EVERY)
    desk.simulator.faults.switch_off("server_error")
    await desk.stop(target)
    assert desk.asked() == ["GET 503", "GET 200", "PATCH 202", "GET 200"]


@pytest.mark.parametrize("requests_per_minute", [11])
async def test_what_a_pause_is_preceded_by_waits_for_nothing_either(desk: Desk) -> None:
    """Once Genesys may be back, one read tells whether it is; with a loop's rank it would leave the rest to people."""
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    await go_down(desk, call.id)
    desk.simulator.faults.switch_off("server_error")
    desk.clock.advance(TRIAL_EVERY)
    began = desk.clock.time()

    await desk.pause(target)

    put = next(request for request in desk.simulator.requests if request.method == "PUT")
    assert put.at == began


async def test_the_confirmation_of_a_write_is_never_kept_back(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("server_error", times=3 * FAILURES, only="read")
    desk.patience = 200.0

    effect = await desk.stop(target)

    assert effect.created
    assert desk.asked() == ["PATCH 202", *["GET 503"] * 3 * FAILURES, "GET 200"]
    assert desk.client.health().down_since is None


async def test_a_write_that_was_sent_before_is_unknown_and_never_failed(desk: Desk) -> None:
    call = desk.simulator.add_call()
    target = await desk.started(call.id)
    desk.simulator.faults.switch_on("server_error", only="call")
    desk.simulator.faults.switch_on("drop_after", only="write")

    with pytest.raises(OutcomeUnknown):
        await desk.stop(target)

    assert desk.writes() == 1
    assert desk.client.health().down_since is not None


async def test_a_deadline_that_left_no_time_says_nothing_of_genesys(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.client.login()
    desk.simulator.faults.switch_on("hang", only="read")
    desk.patience = 0.02
    for _ in range(FAILURES):
        with pytest.raises(GenesysUnavailable):
            await desk.look(call.id)
        desk.clock.advance(1.0)
    assert desk.client.health().down_since is None


async def test_a_probe_costs_one_request_and_needs_no_permission(desk: Desk) -> None:
    desk.simulator.faults.switch_on("server_error", times=1)
    with pytest.raises(GenesysUnavailable):
        await desk.client.probe()
    assert not desk.client.health().usable

    await desk.client.probe()
    assert desk.client.health().usable
    assert desk.asked() == ["GET 503", "GET 200"]


async def test_a_probe_finds_the_login_mended(desk: Desk) -> None:
    desk.simulator.faults.switch_on("login_refused")
    with pytest.raises(LoginRefused):
        await desk.client.probe()
    desk.simulator.faults.switch_off("login_refused")
    await desk.client.probe()

    desk.simulator.faults.switch_on("unauthorised")
    with pytest.raises(LoginRefused):
        await desk.client.probe()
    assert not desk.client.health().usable
    desk.simulator.faults.switch_off("unauthorised")
    desk.simulator.faults.switch_on("forbidden")
    await desk.client.probe()
    assert desk.client.health().usable


async def test_a_probe_of_what_is_out_of_reach(desk: Desk) -> None:
    await desk.client.login()
    await desk.simulator.stop()
    with pytest.raises(GenesysUnavailable):
        await desk.client.probe()


async def test_the_watch_probes_only_while_genesys_is_not_usable(simulator: SimulatedGenesys) -> None:
    seen: asyncio.Queue[RequestSeen] = asyncio.Queue()
    clock = SteppedClock()
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=clock, on_request=seen.put_nowait)
    simulator.faults.switch_on("server_error", times=1)
    watch = asyncio.create_task(
        Supervisor(clock, lambda _name, _times: None).run(health_worker(client.check_health, TRIAL_EVERY))
    )
    try:
        found = []
        for _ in range(4):
            await clock.until_asleep(TRIAL_EVERY)
            clock.advance(TRIAL_EVERY)
            await clock.until_asleep(TRIAL_EVERY)
            found.append(client.health().usable)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await client.close()

    assert found == [False, True, True, True]
    assert [seen.get_nowait().status for _ in range(seen.qsize())] == [200, 503, 200]
