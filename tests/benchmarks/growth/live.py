"""Live recordings, from one to many: the loops, the lists, and the idle bot measured from outside."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.recording.models import Mechanism, Recording, RecordingState
from tests.benchmarks import live
from tests.benchmarks.audit.trails import SUPERVISORS
from tests.benchmarks.child import processor_seconds
from tests.benchmarks.grown import opened_store
from tests.benchmarks.growth.rows import CONSTANT, LINEAR, Growth, in_turns
from tests.benchmarks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.database.transaction import SqlTransaction
    from bot.sandbox.genesys import SimulatedCall

SETTLE_SECONDS, IDLE_SECONDS = 30.0, 15.0
QUIET = {"RECORDING_REMIND_AFTER": "0", "GENESYS_REQUESTS_PER_MINUTE": "300", "LOG_LEVEL": "warning"}


async def in_process(directory: Path, sizes: Sequence[int]) -> list[Growth]:
    async with AsyncExitStack() as stack:
        floors = {
            size: await stack.enter_async_context(live.floor(directory / f"live-{size}.db", size)) for size in sizes
        }
        return [
            await in_turns(what, expected, {size: partial(step, at) for size, at in floors.items()})
            for what, expected, step in (
                ("one look of the loops", LINEAR, live._look),
                ("`/record list`, drawn", CONSTANT, live._list),
                ("App Home, drawn", LINEAR, live._home),
            )
        ]


async def idle(sizes: Sequence[int]) -> Growth:
    """Measure the processor time of an idle second of the real bot, with notifications of up to 1,000 agents."""
    found = {}
    for size in sizes:
        async with stage() as at:
            calls = [at.genesys.add_call(agent=f"Agent {number}", recording=True) for number in range(size)]
            async with opened_store(at.database) as store:
                await store.write(partial(_add, calls))
            with closing(sqlite3.connect(at.database)) as outside:
                outside.execute("DELETE FROM cards")  # posting thousands of cards is not idling
                outside.commit()
            async with at.serving(**QUIET) as bot:
                await asyncio.sleep(SETTLE_SECONDS)
                before = processor_seconds(bot.pid)
                await asyncio.sleep(IDLE_SECONDS)
                found[size] = 1000 * (processor_seconds(bot.pid) - before) / IDLE_SECONDS
    return Growth("processor time of an idle second of the bot", LINEAR, found)


def _add(calls: list[SimulatedCall], transaction: SqlTransaction) -> None:
    """Add a recording of each call."""
    now = datetime.now(UTC)
    for number, call in enumerate(calls):
        agent = call.agents[0]
        recording = Recording(
            id=uuid7(),
            conversation_id=call.conversation_id,
            state=RecordingState.ACTIVE,
            version=3,
            started_by=SUPERVISORS[number % len(SUPERVISORS)],
            requested_at=now,
            started_at=now,
            participant_id=agent.id,
            agent_user_id=agent.user_id,
            mechanism=Mechanism.ADHOC,
            audit_seq=number,
            requested_seq=10**9 + number,
        )
        transaction.add_recording(recording, channel=None, asked_by=recording.started_by)
