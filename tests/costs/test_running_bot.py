"""What a whole start and a whole stop cost the database of a running bot, all its workers included.

From the command until the card and the audit lines are in Slack, and each worker has looked at what was written. The
clock is slow: no wait for the next message, or for a request's outcome, ends while the bot works.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from bot.database.engine import open_engines
from bot.runtime import container
from bot.runtime.serve import Serving
from tests.costs.tally import Cost, tallied
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.clocks.steady_sockets import steady_pool
from tests.support.scenario import ADA, GENESYS_PATIENCE, ServingScenario, settings_for, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import URL

    from bot.database.engine import Engines

SLOW = 0.2
GAP_SECONDS = 1.5
"""After a message in the audit channel, the next one waits no longer than that."""
LOOK_SECONDS = 10.0
"""After a write, no worker waits longer than that before it looks."""
QUIET_PASSES = 20
"""So often in a row nothing reads before the bot counts as being at rest."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Engines]:
    """The engines that the bot opens."""
    found: list[Engines] = []

    def remembered(url: str | URL) -> Engines:
        found.append(open_engines(url))
        return found[-1]

    monkeypatch.setattr(container, "open_engines", remembered)
    return found


@pytest.fixture
async def scenario(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated: Path, opened: list[Engines]
) -> AsyncIterator[ServingScenario]:
    shutil.copy(migrated, tmp_path)
    clock = AcceleratedClock(speed=SLOW)
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="http", directory=tmp_path, changes={})
        serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE, genesys_pool=steady_pool())
        scenario = ServingScenario(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await scenario.begin()
        # what is done once is not counted, such as to ask Slack who a person is, and Genesys what a queue is called
        call = another_call(scenario)
        await start(scenario, opened, call)
        await stop(scenario, opened, call)
        yield scenario
        await scenario.end()


def another_call(scenario: ServingScenario) -> str:
    """Put another call of the same agent and queue on the floor."""
    return scenario.genesys.add_call(agent="Anna Meier").conversation_id


async def start(scenario: ServingScenario, opened: list[Engines], call: str) -> None:
    await scenario.types(ADA, f"start {call} complaint a scratched voice")
    await until_at_rest(scenario, opened, call, "Recording")


async def stop(scenario: ServingScenario, opened: list[Engines], call: str) -> None:
    await scenario.types(ADA, f"stop {call}")
    await until_at_rest(scenario, opened, call, "Stopped")


async def until_at_rest(scenario: ServingScenario, opened: list[Engines], call: str, shown: str) -> None:
    """Wait until Slack shows it, and each worker has looked at what was written."""
    (engines,) = opened
    await scenario.until(lambda: scenario.shows(shown) and call in scenario.card().text)
    scenario.clock.jump(GAP_SECONDS)
    await scenario.until_delivered()
    scenario.clock.jump(LOOK_SECONDS)
    passes = 0
    while passes < QUIET_PASSES:
        await asyncio.sleep(0.01)
        reading = any(one.pool.checkedout() for one in engines.readers)  # type: ignore[attr-defined]  # of a QueuePool
        passes = 0 if reading else passes + 1


async def test_what_a_whole_start_costs(scenario: ServingScenario, opened: list[Engines]) -> None:
    call = another_call(scenario)
    with tallied(opened[0]) as tally:
        await start(scenario, opened, call)

    tally.assert_within(Cost(commits=6, written=20, read=18), together=True)


async def test_what_a_whole_stop_costs(scenario: ServingScenario, opened: list[Engines]) -> None:
    call = another_call(scenario)
    await start(scenario, opened, call)
    with tallied(opened[0]) as tally:
        await stop(scenario, opened, call)

    tally.assert_within(Cost(commits=6, written=20, read=17), together=True)
