"""The real clock, once: a change that takes a moment is confirmed by the next reading that shows it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bot.genesys import ConversationsControl, GenesysAccount, GenesysClient
from bot.recording.clock import SystemClock
from bot.recording.models import Target
from bot.sandbox.genesys import SimulatedGenesys
from tests.support.recording.change_options import permit_anyone, within

if TYPE_CHECKING:
    from bot.recording.ports import RecordingControl


async def test_a_delayed_effect_is_confirmed() -> None:
    clock, simulator = SystemClock(), SimulatedGenesys(effect_delay=0)
    async with AsyncExitStack() as stack:
        await simulator.start()
        stack.push_async_callback(simulator.stop)
        account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
        client = GenesysClient(account, clock=clock)
        stack.push_async_callback(client.close)
        control: RecordingControl = ConversationsControl(client)
        call = simulator.add_call()
        simulator.faults.switch_on("write_ignored", times=1)

        starting = asyncio.ensure_future(
            control.start(Target(call.id), within(clock, 600), reason_code=None, permit=permit_anyone)
        )
        # The call, the write, a reading without its effect, and the next one: the effect is as late as that.
        await simulator.wait_until(lambda: len(simulator.requests) > 3)
        simulator.set_recording(call.id)
        assert (await starting).created
        assert len(simulator.writes()) == 1
        assert simulator.effective_recording(call.id) == "active"
