"""From the call on Genesys's floor to our record of it: by push, within no time, and without spending requests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from bot.genesys import ConversationsControl, GenesysAccount, GenesysClient
from bot.recording.models import RecordingState
from bot.recording.monitoring.call_monitor import Follower
from bot.recording.monitoring.observations import Observations
from bot.sandbox.genesys import SimulatedGenesys
from tests.integration.genesys.listener import WITHIN, Listener, listening
from tests.support.clocks.fake_clock import SteppedClock
from tests.support.databases.trail import entries, trail_lines
from tests.support.recording.service import Harness, asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class Floor:
    """A call that is being recorded, and everything that follows it."""

    harness: Harness
    simulator: SimulatedGenesys
    listener: Listener
    follower: Follower
    call: str

    async def state(self) -> RecordingState:
        recording = await self.harness.store.newest_recording(self.call)
        assert recording is not None
        return recording.state

    async def hear(self) -> None:
        """Have the follower take the next news."""
        await self.follower.on_news(*await self.listener.next_news())

    async def look_around_for(self, seconds: int) -> None:
        for _ in range(seconds):
            self.harness.clock.advance(1.0)
            await self.follower.poll()


@asynccontextmanager
async def recorded(simulator: SimulatedGenesys, harness: Harness, listener: Listener) -> AsyncIterator[Floor]:
    call = simulator.add_call()
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=harness.clock, read_timeout=WITHIN)
    service = replace(harness.service, control=ConversationsControl(client))
    observations = Observations(harness.store, harness.clock)
    follower = Follower(harness.store, service.control, observations, harness.clock, listener.notifications)
    await service.carry_out(await service.intake.start(asked(), call.id, None))
    await follower.poll()
    follower.missed_news(await listener.next_gap())
    await follower.poll()
    simulator.requests.clear()
    try:
        yield Floor(harness, simulator, listener, follower, call.id)
    finally:
        await client.close()


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    clock = SteppedClock()
    simulator = SimulatedGenesys(effect_delay=0, clock=clock.time)
    await simulator.start()
    try:
        async with (
            open_harness(tmp_path / "bot.db") as harness,
            listening(simulator, clock) as listener,
            recorded(simulator, harness, listener) as floor,
        ):
            yield floor
    finally:
        await simulator.stop()


async def test_a_minute_of_a_live_recording_costs_no_request(floor: Floor) -> None:
    await floor.look_around_for(60)
    assert floor.simulator.requests == []
    assert await floor.state() is RecordingState.ACTIVE


async def test_a_call_that_ends_is_seen_without_a_request(floor: Floor) -> None:
    floor.simulator.hang_up(floor.call)
    await floor.hear()
    assert await floor.state() is RecordingState.ENDED
    assert trail_lines(floor.harness.file)[-1] == "observed call:ended"
    assert floor.simulator.requests == []


async def test_a_secure_pause_outside_the_bot_is_seen_with_one_look(floor: Floor) -> None:
    floor.simulator.secure_pause(floor.call)
    await floor.hear()
    assert await floor.state() is RecordingState.PAUSED
    floor.simulator.secure_pause(floor.call, on=False)
    await floor.hear()
    assert await floor.state() is RecordingState.ACTIVE
    assert entries(floor.harness.file)[-1]["outcome"] == {"by": "outside"}
    assert len(floor.simulator.requests) == 2


async def test_a_recording_that_is_ended_outside_the_bot_is_seen(floor: Floor) -> None:
    floor.simulator.set_recording(floor.call, on=False)
    await floor.hear()
    assert await floor.state() is RecordingState.STOPPED


async def test_what_happens_while_the_socket_is_gone_is_seen_once_it_is_back(floor: Floor) -> None:
    await floor.simulator.notifications.drop_sockets()
    floor.simulator.hang_up(floor.call)
    floor.follower.missed_news(await floor.listener.next_gap())
    await floor.look_around_for(3)
    assert await floor.state() is RecordingState.ENDED
