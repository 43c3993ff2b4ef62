from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.runtime.serve import Serving
from tests.support.hurried_clock import HurriedClock
from tests.support.world import GENESYS_PATIENCE, SOCKET_PING, World, settings_for, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    """A bot that serves over Socket Mode, between both simulators."""
    clock = HurriedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="socket", directory=tmp_path, changes={})
        serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE, socket_ping=SOCKET_PING)
        world = World(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await world.begin()
        yield world
        await world.end()
