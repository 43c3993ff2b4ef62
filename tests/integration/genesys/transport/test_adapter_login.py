"""One token for all requests, renewed in time, under one lock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import GenesysUnavailable, LoginRefused
from bot.genesys import GenesysAccount, GenesysClient

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.integration.genesys.desk import Desk
    from tests.support.clocks.fake_clock import FakeClock


async def test_a_token_is_renewed_after_four_fifths_of_its_life(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.client.login()
    desk.clock.advance(0.79 * 86400)
    await desk.look(call.id)
    assert desk.simulator.logins.count == 1

    desk.clock.advance(0.02 * 86400)
    await desk.look(call.id)
    assert desk.simulator.logins.count == 2
    assert desk.asked() == ["GET 200", "GET 200"]


async def test_many_requests_at_once_log_in_once(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await asyncio.gather(*(desk.look(call.id) for _ in range(12)))
    assert desk.simulator.logins.count == 1

    desk.simulator.logins.expire_all()
    await asyncio.gather(*(desk.look(call.id) for _ in range(4)))
    assert desk.simulator.logins.count == 2


async def test_a_renewal_that_fails_does_not_stop_the_work(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.client.login()
    desk.clock.advance(0.9 * 86400)
    desk.simulator.faults.switch_on("login_refused")

    assert (await desk.look(call.id)).connected
    tries = [seen.operation for seen in desk.seen].count("login")
    await desk.look(call.id)
    assert [seen.operation for seen in desk.seen].count("login") == tries

    desk.clock.advance(0.2 * 86400)
    with pytest.raises(LoginRefused):
        await desk.look(call.id)


async def test_a_refused_login_is_said_plainly(desk: Desk) -> None:
    desk.simulator.faults.switch_on("login_refused")

    with pytest.raises(LoginRefused) as refused:
        await desk.client.login()

    assert refused.value.evidence.http_status == 400
    health = desk.client.health()
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


async def test_a_login_host_that_is_away_is_unavailable(desk: Desk) -> None:
    await desk.simulator.stop()

    with pytest.raises(GenesysUnavailable):
        await desk.client.login()

    assert [seen.error for seen in desk.seen] == ["not_connected"] * 3
    assert desk.client.health().last_error == "genesys_unavailable"


async def test_health_recovers_with_the_next_answer(desk: Desk) -> None:
    call = desk.simulator.add_call()
    await desk.look(call.id)
    assert desk.client.health().usable

    desk.simulator.faults.switch_on("server_error", times=3)
    with pytest.raises(GenesysUnavailable):
        await desk.look(call.id)
    assert not desk.client.health().usable

    await desk.look(call.id)
    health = desk.client.health()
    assert health.usable
    assert health.last_contact == desk.clock.now()


async def test_a_region_has_its_own_hosts() -> None:
    account = GenesysAccount(client_id="id", client_secret="secret", environment="mypurecloud.de")
    assert account.host == "https://api.mypurecloud.de"


async def test_a_cancelled_action_lets_its_request_finish(desk: Desk) -> None:
    call = desk.simulator.add_call()
    arrived = asyncio.Event()
    desk.simulator.on_write(lambda _: arrived.set())
    desk.simulator.faults.switch_on("slow", value=0.05, only="write")
    action = asyncio.create_task(desk.start(call.id))
    async with asyncio.timeout(60):
        await arrived.wait()

    action.cancel()
    with pytest.raises(asyncio.CancelledError):
        await action
    await asyncio.gather(*(desk.look(call.id) for _ in range(8)))  # its slot comes back

    assert desk.simulator.recording_starts(call.id) == 1
