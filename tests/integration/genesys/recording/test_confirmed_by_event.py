"""A write is confirmed by the event that shows its effect, without a request; never by one that may be older."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import OutcomeUnknown
from bot.genesys import ConversationsControl, GenesysAccount, GenesysClient, Notifications
from bot.genesys.call_events import LATEST_SECONDS
from bot.genesys.effect_times import EVENTS_OVERDUE, READ_AT
from bot.recording.models import Mechanism, Target
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.web_api.bodies import call_body
from tests.integration.genesys.listener import WITHIN, Listener
from tests.support.clocks.fake_clock import SteppedClock
from tests.support.recording.change_options import permit_anyone, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import ConfirmedChange
    from bot.sandbox.genesys.state.calls import SimulatedCall

PATIENCE = 25.0


@dataclass
class Bench:
    """The adapter and the notifications on one client, and a call whose agent's events flow."""

    simulator: SimulatedGenesys
    clock: SteppedClock
    client: GenesysClient
    listener: Listener
    call: SimulatedCall

    @property
    def control(self) -> ConversationsControl:
        return ConversationsControl(self.client)

    @property
    def target(self) -> Target:
        agent = self.call.agents[0]
        return Target(self.call.id, agent.id, Mechanism.ADHOC, agent_user_id=agent.user_id)

    async def start(self) -> ConfirmedChange:
        return await self.control.start(
            Target(self.call.id), within(self.clock, PATIENCE), reason_code=None, permit=permit_anyone
        )

    async def stop(self) -> ConfirmedChange:
        return await self.control.stop(self.target, within(self.clock, PATIENCE))

    def asked(self) -> list[str]:
        return [one.method for one in self.simulator.requests if self.call.id in one.path]

    async def pushed(self, event: dict[str, Any] | None = None) -> None:
        """Push an event, and wait until the bot has it."""
        self.simulator.notifications.push(self.call, event or call_body(self.call))
        await self.listener.next_news()

    async def until_sent(self, count: int = 1) -> None:
        await self.simulator.wait_until(lambda: len(self.simulator.writes()) >= count)

    async def until_decided_or_waiting(self, change: asyncio.Future[ConfirmedChange]) -> None:
        """Wait until a change has its result, or the bot waits for the time of the first reading."""
        asleep = asyncio.ensure_future(self.clock.until_asleep(READ_AT[0], EVENTS_OVERDUE))
        ends: list[asyncio.Future[Any]] = [change, asleep]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not change.done():
            await asleep
        asleep.cancel()


@asynccontextmanager
async def opened(*, follow: bool = True) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    simulator = SimulatedGenesys(effect_delay=0, clock=clock.time)
    await simulator.start()
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=clock, read_timeout=WITHIN)
    listener = Listener(simulator, clock, Notifications(client))
    running = asyncio.create_task(listener.notifications.run(listener.on_news, listener.gaps.put_nowait))
    try:
        bench = Bench(simulator, clock, client, listener, simulator.add_call())
        if follow:
            await listener.follow(bench.call.agents[0].user_id or "")
            await listener.next_gap()
        yield bench
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()
        await simulator.stop()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


async def test_a_start_takes_two_requests_and_a_later_stop_one(bench: Bench) -> None:
    started = await bench.start()
    assert (started.mechanism, started.created) == (Mechanism.ADHOC, True)
    assert started.evidence.correlation_id == bench.simulator.writes()[0].correlation_id
    assert bench.asked() == ["GET", "PATCH"]

    bench.clock.advance(LATEST_SECONDS)
    bench.simulator.requests.clear()
    assert (await bench.stop()).created
    assert bench.asked() == ["PATCH"]
    assert bench.simulator.effective_recording(bench.call.id) == "none"


async def test_a_secure_pause_and_its_end_take_one_request_each(bench: Bench) -> None:
    await bench.start()
    how = within(bench.clock, 10 * LATEST_SECONDS)
    for act in (bench.control.pause, bench.control.resume):
        bench.clock.advance(LATEST_SECONDS)
        bench.simulator.requests.clear()
        await act(bench.target, how)
        assert bench.asked() == ["PUT"]


async def test_an_event_that_is_lost_costs_one_reading(bench: Bench) -> None:
    bench.simulator.faults.switch_on("events_lost")
    starting = asyncio.ensure_future(bench.start())
    await bench.clock.until_asleep(EVENTS_OVERDUE)
    bench.clock.advance(EVENTS_OVERDUE)
    assert (await starting).created
    assert bench.asked() == ["GET", "PATCH", "GET"]


async def test_an_event_that_comes_twice_confirms_once(bench: Bench) -> None:
    bench.simulator.faults.switch_on("events_twice")
    await bench.start()
    assert bench.asked() == ["GET", "PATCH"]


async def test_a_late_event_confirms_when_it_comes(bench: Bench) -> None:
    bench.simulator.faults.switch_on("events_lost", times=1)
    starting = asyncio.ensure_future(bench.start())
    await bench.clock.until_asleep(EVENTS_OVERDUE)
    await bench.pushed()
    assert (await starting).created
    assert bench.asked() == ["GET", "PATCH"]


async def test_an_event_of_the_effect_confirms_a_write_without_an_answer(bench: Bench) -> None:
    bench.simulator.faults.switch_on("drop_after", times=1, only="write")
    assert (await bench.start()).created
    assert bench.asked() == ["GET", "PATCH"]


async def test_an_event_that_does_not_show_the_effect_confirms_nothing(bench: Bench) -> None:
    bench.simulator.faults.switch_on("write_ignored", times=1)
    before = call_body(bench.call)
    starting = asyncio.ensure_future(bench.start())
    await bench.clock.until_asleep(EVENTS_OVERDUE)
    await bench.pushed(before)
    assert not starting.done()
    bench.simulator.set_recording(bench.call.id)
    assert (await starting).created


async def test_an_event_with_the_agent_alone_confirms_nothing(bench: Bench) -> None:
    bench.simulator.faults.switch_on("write_ignored", times=1)
    starting = asyncio.ensure_future(bench.start())
    await bench.clock.until_asleep(EVENTS_OVERDUE)
    event = call_body(bench.call)
    event["participants"] = [
        one | {"recording": True, "recordingState": "active", "recordersState": {"adhocState": "active"}}
        for one in event["participants"]
        if one["purpose"] == "agent"
    ]
    await bench.pushed(event)
    bench.clock.advance(PATIENCE)
    with pytest.raises(OutcomeUnknown):
        await starting


async def test_an_event_older_than_the_write_never_confirms_it(bench: Bench) -> None:
    """The recording ran and was stopped a moment ago; the event of that start comes late, after the next write."""
    await bench.start()
    old = call_body(bench.call)
    stopping = asyncio.ensure_future(bench.stop())
    await stopping
    bench.simulator.faults.switch_on("write_ignored", times=1)
    bench.simulator.requests.clear()
    starting = asyncio.ensure_future(bench.start())
    await bench.until_sent()
    await bench.pushed(old)
    await bench.simulator.wait_until(lambda: len(bench.asked()) > 2)
    assert bench.asked() == ["GET", "PATCH", "GET"]  # it has the call read, and that shows no effect
    assert not starting.done()
    bench.clock.advance(PATIENCE)
    with pytest.raises(OutcomeUnknown):
        await starting


async def test_an_agents_first_start_asks_for_their_events() -> None:
    async with opened(follow=False) as bench:
        starting = asyncio.ensure_future(bench.start())
        assert await bench.listener.next_gap() == {bench.call.agents[0].user_id}
        await bench.until_decided_or_waiting(starting)
        bench.clock.advance(EVENTS_OVERDUE)
        await starting
        bench.call = bench.simulator.add_call()
        bench.simulator.requests.clear()
        await bench.start()
        assert bench.asked() == ["GET", "PATCH"]
        assert len(bench.simulator.requests) == 2
