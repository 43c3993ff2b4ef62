"""The real clock, once: a change that takes a moment is confirmed by the next reading that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.genesys import ConversationsControl, GenesysAccount, GenesysClient
from bot.recording.clock import SystemClock
from bot.recording.models import Target
from bot.recording.ports import anybody
from bot.sandbox.genesys import SimulatedGenesys

if TYPE_CHECKING:
    from bot.recording.ports import RecordingControl, Waiting


async def test_a_delayed_effect_is_confirmed() -> None:
    clock = SystemClock()
    simulator = SimulatedGenesys(effect_delay=0.05)
    await simulator.start()
    account = GenesysAccount(simulator.client_id, simulator.client_secret, api_url=simulator.url)
    client = GenesysClient(account, clock=clock, confirm_delays=(0.005, 0.01))
    control: RecordingControl = ConversationsControl(client)
    call = simulator.add_call()

    async def nobody(_: Waiting) -> None: ...

    deadline = clock.monotonic() + 25
    effect = await control.start(Target(call.id), reason_code=None, deadline=deadline, progress=nobody, permit=anybody)
    assert effect.created
    assert len(simulator.writes()) == 1
    assert len(simulator.requests) > 3
    assert simulator.effective_recording(call.id) == "active"

    await client.close()
    await simulator.stop()
