"""One token for all requests, renewed in time, under one lock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import GenesysUnavailable, LoginRefused
from bot.genesys import GenesysAccount, GenesysClient

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.integration.genesys.bench import Bench
    from tests.support.clocks.fake_clock import FakeClock


async def test_a_token_is_renewed_after_four_fifths_of_its_life(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.client.login()
    bench.clock.advance(0.79 * 86400)
    await bench.look(call.id)
    assert bench.simulator.logins.count == 1

    bench.clock.advance(0.02 * 86400)
    await bench.look(call.id)
    assert bench.simulator.logins.count == 2
    assert bench.asked() == ["GET 200", "GET 200"]


async def test_many_requests_at_once_log_in_once(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await asyncio.gather(*(bench.look(call.id) for _ in range(12)))
    assert bench.simulator.logins.count == 1

    bench.simulator.logins.expire_all()
    await asyncio.gather(*(bench.look(call.id) for _ in range(4)))
    assert bench.simulator.logins.count == 2


async def test_a_renewal_that_fails_does_not_stop_the_work(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.client.login()
    bench.clock.advance(0.9 * 86400)
    bench.simulator.faults.switch_on("login_refused")

    assert (await bench.look(call.id)).connected
    tries = [seen.operation for seen in bench.seen].count("login")
    await bench.look(call.id)
    assert [seen.operation for seen in bench.seen].count("login") == tries

    bench.clock.advance(0.2 * 86400)
    with pytest.raises(LoginRefused):
        await bench.look(call.id)


async def test_a_refused_login_is_said_plainly(bench: Bench) -> None:
    bench.simulator.faults.switch_on("login_refused")

    with pytest.raises(LoginRefused) as refused:
        await bench.client.login()

    assert refused.value.evidence.http_status == 400
    health = bench.client.health()
    assert (health.usable, health.logged_in, health.last_error) == (False, False, "login_refused")


async def test_a_wrong_secret_is_refused_and_never_shown(simulator: SimulatedGenesys, clock: FakeClock) -> None:
    for secret in ("hunter2-wrong", "hünter2"):
        account = GenesysAccount(client_id=simulator.client_id, client_secret=secret, api_url=simulator.url)
        assert secret not in repr(account)
        client = GenesysClient(account, clock=clock)
        with pytest.raises(LoginRefused) as refused:
            await client.login()
        assert secret not in repr(refused.value)
        assert refused.value.__context__ is None
        await client.close()


async def test_a_login_host_that_is_away_is_unavailable(bench: Bench) -> None:
    await bench.simulator.stop()

    with pytest.raises(GenesysUnavailable):
        await bench.client.login()

    assert [seen.error for seen in bench.seen] == ["not_connected"] * 3
    assert bench.client.health().last_error == "genesys_unavailable"


async def test_health_recovers_with_the_next_answer(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.look(call.id)
    assert bench.client.health().usable

    bench.simulator.faults.switch_on("server_error", times=3)
    with pytest.raises(GenesysUnavailable):
        await bench.look(call.id)
    assert not bench.client.health().usable

    await bench.look(call.id)
    health = bench.client.health()
    assert health.usable
    assert health.last_contact == bench.clock.now()


async def test_a_region_has_its_own_hosts() -> None:
    account = GenesysAccount(client_id="id", client_secret="secret", environment="mypurecloud.de")
    assert account.host == "https://api.mypurecloud.de"


async def test_a_cancelled_action_lets_its_request_finish(bench: Bench) -> None:
    call = bench.simulator.add_call()
    arrived = asyncio.Event()
    bench.simulator.on_write(lambda _: arrived.set())
    bench.simulator.faults.switch_on("slow", value=0.05, only="write")
    action = asyncio.create_task(bench.start(call.id))
    async with asyncio.timeout(60):
        await arrived.wait()

    action.cancel()
    with pytest.raises(asyncio.CancelledError):
        await action
    await asyncio.gather(*(bench.look(call.id) for _ in range(8)))  # its slot comes back

    assert bench.simulator.recording_starts(call.id) == 1
