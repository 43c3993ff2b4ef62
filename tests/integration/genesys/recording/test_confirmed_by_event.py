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
from bot.genesys.effect_times import EVENTS_OVERDUE
from bot.recording.models import Mechanism, Target
from bot.recording.ports import permit_anyone
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.web_api.bodies import call_body
from tests.integration.genesys.listener import WITHIN, Listener
from tests.support.clocks.fake_clock import SteppedClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import ConfirmedChange
    from bot.recording.ports import Waiting
    from bot.sandbox.genesys.state.calls import SimulatedCall

PATIENCE = 25.0


@dataclass
class Desk:
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
            Target(self.call.id),
            reason_code=None,
            deadline=self.clock.monotonic() + PATIENCE,
            progress=_nobody,
            permit=permit_anyone,
        )

    async def stop(self) -> ConfirmedChange:
        return await self.control.stop(self.target, deadline=self.clock.monotonic() + PATIENCE, progress=_nobody)

    def asked(self) -> list[str]:
        return [one.method for one in self.simulator.requests if self.call.id in one.path]

    async def pushed(self, event: dict[str, Any] | None = None) -> None:
        """Push an event, and wait until the bot has it."""
        self.simulator.notifications.push(self.call, event or call_body(self.call))
        await self.listener.next_news()

    async def until_sent(self, count: int = 1) -> None:
        await self.simulator.wait_until(lambda: len(self.simulator.writes()) >= count)


async def _nobody(_: Waiting) -> None: ...


@asynccontextmanager
async def opened(*, follow: bool = True) -> AsyncIterator[Desk]:
    clock = SteppedClock()
    simulator = SimulatedGenesys(effect_delay=0, clock=clock.time)
    await simulator.start()
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=clock, read_timeout=WITHIN)
    listener = Listener(simulator, clock, Notifications(client))
    running = asyncio.create_task(listener.notifications.run(listener.on_news, listener.gaps.put_nowait))
    try:
        desk = Desk(simulator, clock, client, listener, simulator.add_call())
        if follow:
            await listener.follow(desk.call.agents[0].user_id or "")
            await listener.next_gap()
        yield desk
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()
        await simulator.stop()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as desk:
        yield desk


async def test_a_start_takes_two_requests_and_a_later_stop_one(desk: Desk) -> None:
    started = await desk.start()
    assert (started.mechanism, started.created) == (Mechanism.ADHOC, True)
    assert started.evidence.correlation_id == desk.simulator.writes()[0].correlation_id
    assert desk.asked() == ["GET", "PATCH"]

    desk.clock.advance(LATEST_SECONDS)
    desk.simulator.requests.clear()
    assert (await desk.stop()).created
    assert desk.asked() == ["PATCH"]
    assert desk.simulator.effective_recording(desk.call.id) == "none"


async def test_a_secure_pause_and_its_end_take_one_request_each(desk: Desk) -> None:
    await desk.start()
    deadline = desk.clock.monotonic() + 10 * LATEST_SECONDS
    for act in (desk.control.pause, desk.control.resume):
        desk.clock.advance(LATEST_SECONDS)
        desk.simulator.requests.clear()
        await act(desk.target, deadline=deadline, progress=_nobody)
        assert desk.asked() == ["PUT"]


async def test_an_event_that_is_lost_costs_one_reading(desk: Desk) -> None:
    desk.simulator.faults.switch_on("events_lost")
    starting = asyncio.ensure_future(desk.start())
    await desk.clock.until_asleep(EVENTS_OVERDUE)
    desk.clock.advance(EVENTS_OVERDUE)
    assert (await starting).created
    assert desk.asked() == ["GET", "PATCH", "GET"]


async def test_an_event_that_comes_twice_confirms_once(desk: Desk) -> None:
    desk.simulator.faults.switch_on("events_twice")
    await desk.start()
    assert desk.asked() == ["GET", "PATCH"]


async def test_a_late_event_confirms_when_it_comes(desk: Desk) -> None:
    desk.simulator.faults.switch_on("events_lost", times=1)
    starting = asyncio.ensure_future(desk.start())
    await desk.clock.until_asleep(EVENTS_OVERDUE)
    await desk.pushed()
    assert (await starting).created
    assert desk.asked() == ["GET", "PATCH"]


async def test_an_event_of_the_effect_confirms_a_write_without_an_answer(desk: Desk) -> None:
    desk.simulator.faults.switch_on("drop_after", times=1, only="write")
    assert (await desk.start()).created
    assert desk.asked() == ["GET", "PATCH"]


async def test_an_event_that_does_not_show_the_effect_confirms_nothing(desk: Desk) -> None:
    desk.simulator.faults.switch_on("write_ignored", times=1)
    before = call_body(desk.call)
    starting = asyncio.ensure_future(desk.start())
    await desk.clock.until_asleep(EVENTS_OVERDUE)
    await desk.pushed(before)
    assert not starting.done()
    desk.simulator.set_recording(desk.call.id)
    assert (await starting).created


async def test_an_event_with_the_agent_alone_confirms_nothing(desk: Desk) -> None:
    desk.simulator.faults.switch_on("write_ignored", times=1)
    starting = asyncio.ensure_future(desk.start())
    await desk.clock.until_asleep(EVENTS_OVERDUE)
    event = call_body(desk.call)
    event["participants"] = [
        one | {"recording": True, "recordingState": "active", "recordersState": {"adhocState": "active"}}
        for one in event["participants"]
        if one["purpose"] == "agent"
    ]
    await desk.pushed(event)
    desk.clock.advance(PATIENCE)
    with pytest.raises(OutcomeUnknown):
        await starting


async def test_an_event_older_than_the_write_never_confirms_it(desk: Desk) -> None:
    """The recording ran and was stopped a moment ago; the event of that start comes late, after the next write."""
    await desk.start()
    old = call_body(desk.call)
    stopping = asyncio.ensure_future(desk.stop())
    await stopping
    desk.simulator.faults.switch_on("write_ignored", times=1)
    desk.simulator.requests.clear()
    starting = asyncio.ensure_future(desk.start())
    await desk.until_sent()
    await desk.pushed(old)
    await desk.simulator.wait_until(lambda: len(desk.asked()) > 2)
    assert desk.asked() == ["GET", "PATCH", "GET"]  # it has the call read, and that shows no effect
    assert not starting.done()
    desk.clock.advance(PATIENCE)
    with pytest.raises(OutcomeUnknown):
        await starting


async def test_an_agents_first_start_asks_for_their_events() -> None:
    async with opened(follow=False) as desk:
        starting = asyncio.ensure_future(desk.start())
        assert await desk.listener.next_gap() == {desk.call.agents[0].user_id}
        desk.clock.advance(1.0)
        await starting
        desk.call = desk.simulator.add_call()
        desk.simulator.requests.clear()
        await desk.start()
        assert desk.asked() == ["GET", "PATCH"]
        assert len(desk.simulator.requests) == 2
