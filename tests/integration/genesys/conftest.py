from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.genesys import GenesysAccount, GenesysClient, RequestSeen
from bot.sandbox.genesys import SimulatedGenesys
from tests.integration.genesys.bench import Bench
from tests.support.clocks.fake_clock import FakeClock
from tests.support.clocks.steady_sockets import steady_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def simulator(clock: FakeClock) -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0, clock=clock.time)
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def read_timeout(request: pytest.FixtureRequest) -> float:
    """Seconds: few where a test has Genesys hang, so many elsewhere that a busy machine changes nothing."""
    callspec = getattr(request.node, "callspec", None)
    fault = None if callspec is None else callspec.params.get("fault")
    return 0.2 if fault in {"hang", "hang_after", "slow"} else 60.0


@pytest.fixture
def requests_per_minute() -> int:
    return 300


@pytest.fixture
async def bench(
    simulator: SimulatedGenesys, clock: FakeClock, read_timeout: float, requests_per_minute: int
) -> AsyncIterator[Bench]:
    seen: list[RequestSeen] = []
    account = GenesysAccount(
        client_id=simulator.client_id, client_secret=simulator.client_secret, api_url=simulator.url
    )
    client = GenesysClient(
        account,
        clock=clock,
        read_timeout=read_timeout,
        pool=steady_pool(),
        requests_per_minute=requests_per_minute,
        on_request=seen.append,
    )
    yield Bench(simulator=simulator, clock=clock, client=client, seen=seen)
    await client.close()
