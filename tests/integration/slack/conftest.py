from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from bot.runtime.serve import Serving
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.clocks.steady_sockets import steady_pool
from tests.support.databases.sqlite import make_database
from tests.support.scenario import (
    GENESYS_HANGS,
    GENESYS_PATIENCE,
    PATIENCE,
    SOCKET_PING,
    ServingScenario,
    settings_for,
    simulators,
)
from tests.support.slack.sdk_models import wrong_with_requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database at the newest schema; migrating one for each test takes longer than the test."""
    file = tmp_path_factory.mktemp("migrated") / "record-bot.db"
    asyncio.run(make_database(file))
    return file


@pytest.fixture
def transport() -> str:
    """How Slack reaches the bot; tests that want the other way parametrise it."""
    return "http"


@pytest.fixture
def changes() -> dict[str, str]:
    """Settings that differ from the sandbox's; for tests to parametrise."""
    return {}


@pytest.fixture
def optional_scopes() -> set[str]:
    """Scopes that the app was given beside those that it can't do without; for tests to parametrise."""
    return set()


@pytest.fixture
def clock() -> AcceleratedClock:
    return AcceleratedClock()


@pytest.fixture
def socket_ping() -> float:
    """Seconds between two trials of the socket; tests of silent sockets set few."""
    return SOCKET_PING


@pytest.fixture
def patience(request: pytest.FixtureRequest) -> float:
    """Seconds that Genesys may take to answer; tests that have it hang in other ways than by ``fault`` set few."""
    callspec = getattr(request.node, "callspec", None)
    fault = None if callspec is None else callspec.params.get("fault")
    return GENESYS_HANGS if fault in {"hang", "hang_after"} else GENESYS_PATIENCE


@pytest.fixture
def write_limit() -> float:
    """Seconds until a person is told that the database is too slow.

    Tests of that set the bot's own limit. The others may run on a disk that is busy with something else.
    """
    return PATIENCE


@pytest.fixture
async def scenario(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    migrated: Path,
    transport: str,
    changes: dict[str, str],
    clock: AcceleratedClock,
    socket_ping: float,
    patience: float,
    optional_scopes: set[str],
    write_limit: float,
) -> AsyncIterator[ServingScenario]:
    shutil.copy(migrated, tmp_path)
    monkeypatch.setattr("bot.runtime.container.SLACK_WRITE_SECONDS", write_limit)
    async with simulators(clock) as (slack, genesys):
        slack.scopes |= optional_scopes
        settings = settings_for(monkeypatch, slack, genesys, transport=transport, directory=tmp_path, changes=changes)
        serving = Serving(
            settings, clock=clock, genesys_patience=patience, genesys_pool=steady_pool(), socket_ping=socket_ping
        )
        scenario = ServingScenario(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await scenario.begin()
        yield scenario
        slack.faults.switch_all_off()
        genesys.faults.switch_all_off()
        await scenario.end()
        assert slack.warnings == []  # each message has its text beside the blocks
        assert wrong_with_requests(slack.requests) == []
