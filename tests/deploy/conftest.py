from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.runtime.serve import Serving
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import GENESYS_PATIENCE, SOCKET_PING, ServingScenario, settings_for, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def scenario(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[ServingScenario]:
    """A bot that serves over Socket Mode, between both simulators."""
    clock = AcceleratedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="socket", directory=tmp_path, changes={})
        serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE, socket_ping=SOCKET_PING)
        scenario = ServingScenario(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await scenario.begin()
        yield scenario
        await scenario.end()
