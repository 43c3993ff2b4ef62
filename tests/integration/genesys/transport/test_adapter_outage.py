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
    from tests.integration.genesys.bench import Bench

DOWN = ["server_error", "drop_before", "hang"]


async def go_down(bench: Bench, conversation_id: str, fault: str = "server_error", only: str = "") -> None:
    """Have Genesys fail, and people notice it."""
    await bench.client.login()
    bench.simulator.faults.switch_on(fault, only=only)
    for _ in range(2):
        with pytest.raises(GenesysUnavailable):
            await bench.look(conversation_id)
    bench.simulator.requests.clear()


@pytest.mark.parametrize("fault", DOWN)
async def test_nothing_is_sent_while_genesys_is_down(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    began = bench.clock.now()
    await go_down(bench, call.id, fault)
    at = bench.clock.monotonic()

    for verb in ("start", "stop", "pause", "look"):
        with pytest.raises(GenesysUnavailable, match="nothing was sent") as refused:
            await getattr(bench, verb)(target)
        assert refused.value.since is not None
        assert refused.value.since >= began
        assert refused.value.next_trial is not None
        assert 0 < refused.value.next_trial <= TRIAL_EVERY

    assert (bench.asked(), bench.clock.monotonic()) == ([], at)
    assert bench.simulator.effective_recording(call.id) == "active"
    assert bench.client.health().down_since is not None


async def test_it_takes_five_failures(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on("server_error")

    for _ in range(4):
        with pytest.raises(GenesysUnavailable):
            await bench.look(call.id)

    assert len(bench.asked()) == FAILURES


@pytest.mark.parametrize("fault", ["forbidden", "rate_limited", "not_a_user"])
async def test_a_refusal_is_an_answer(bench: Bench, fault: str) -> None:
    call = bench.simulator.add_call()
    bench.simulator.faults.switch_on(fault, value=1)
    bench.patience = 0.5
    for _ in range(2 * FAILURES):
        with pytest.raises(Exception):  # noqa: B017  each its own; what counts is the health
            await bench.look(call.id)
        bench.clock.advance(1.0)
    assert bench.client.health().down_since is None


async def test_a_silent_host_counts_as_well(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.simulator.stop()
    for _ in range(2):
        with pytest.raises(GenesysUnavailable):
            await bench.look(call.id)
    with pytest.raises(GenesysUnavailable, match="nothing was sent"):
        await bench.look(call.id)


async def test_one_trial_now_and_then_finds_out_when_it_is_back(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await go_down(bench, call.id)

    bench.clock.advance(TRIAL_EVERY)
    with pytest.raises(GenesysUnavailable):
        await bench.look(call.id)
    assert bench.asked() == ["GET 503"]

    bench.simulator.faults.switch_off("server_error")
    with pytest.raises(GenesysUnavailable):
        await bench.look(call.id)
    assert bench.asked() == ["GET 503"]

    bench.clock.advance(TRIAL_EVERY)
    assert (await bench.look(call.id)).connected
    assert (await bench.start(call.id)).created
    assert bench.client.health().usable


async def test_a_write_is_no_trial(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    await go_down(bench, call.id)
    bench.clock.advance(TRIAL_EVERY)

    with pytest.raises(GenesysUnavailable):
        await bench.stop(target)
    assert bench.asked() == ["GET 503"]

    bench.clock.advance(TRIAL_EVERY)
    bench.simulator.faults.switch_off("server_error")
    await bench.stop(target)
    assert bench.asked() == ["GET 503", "GET 200", "PATCH 202", "GET 200"]


@pytest.mark.parametrize("requests_per_minute", [11])
async def test_what_a_pause_is_preceded_by_waits_for_nothing_either(bench: Bench) -> None:
    """Once Genesys may be back, one read tells whether it is; with a loop's rank it would leave the rest to people."""
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    await go_down(bench, call.id)
    bench.simulator.faults.switch_off("server_error")
    bench.clock.advance(TRIAL_EVERY)
    began = bench.clock.time()

    await bench.pause(target)

    put = next(request for request in bench.simulator.requests if request.method == "PUT")
    assert put.at == began


async def test_the_confirmation_of_a_write_is_never_kept_back(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("server_error", times=3 * FAILURES, only="read")
    bench.patience = 200.0

    effect = await bench.stop(target)

    assert effect.created
    assert bench.asked() == ["PATCH 202", *["GET 503"] * 3 * FAILURES, "GET 200"]
    assert bench.client.health().down_since is None


async def test_a_write_that_was_sent_before_is_unknown_and_never_failed(bench: Bench) -> None:
    call = bench.simulator.add_call()
    target = await bench.started(call.id)
    bench.simulator.faults.switch_on("server_error", only="call")
    bench.simulator.faults.switch_on("drop_after", only="write")

    with pytest.raises(OutcomeUnknown):
        await bench.stop(target)

    assert bench.writes() == 1
    assert bench.client.health().down_since is not None


async def test_a_deadline_that_left_no_time_says_nothing_of_genesys(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.client.login()
    bench.simulator.faults.switch_on("hang", only="read")
    bench.patience = 0.02
    for _ in range(FAILURES):
        with pytest.raises(GenesysUnavailable):
            await bench.look(call.id)
        bench.clock.advance(1.0)
    assert bench.client.health().down_since is None


async def test_a_probe_costs_one_request_and_needs_no_permission(bench: Bench) -> None:
    bench.simulator.faults.switch_on("server_error", times=1)
    with pytest.raises(GenesysUnavailable):
        await bench.client.probe()
    assert not bench.client.health().usable

    await bench.client.probe()
    assert bench.client.health().usable
    assert bench.asked() == ["GET 503", "GET 200"]


async def test_a_probe_finds_the_login_mended(bench: Bench) -> None:
    bench.simulator.faults.switch_on("login_refused")
    with pytest.raises(LoginRefused):
        await bench.client.probe()
    bench.simulator.faults.switch_off("login_refused")
    await bench.client.probe()

    bench.simulator.faults.switch_on("unauthorised")
    with pytest.raises(LoginRefused):
        await bench.client.probe()
    assert not bench.client.health().usable
    bench.simulator.faults.switch_off("unauthorised")
    bench.simulator.faults.switch_on("forbidden")
    await bench.client.probe()
    assert bench.client.health().usable


async def test_a_probe_of_what_is_out_of_reach(bench: Bench) -> None:
    await bench.client.login()
    await bench.simulator.stop()
    with pytest.raises(GenesysUnavailable):
        await bench.client.probe()


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
