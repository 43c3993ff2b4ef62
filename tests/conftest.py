"""What tests of several folders share."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.measured import _measure_processes
from tests.support.postgres import database, postgres_database, postgres_server
from tests.support.skips import pytest_terminal_summary
from tests.support.steady import SteadyLoops, SteadyModule
from tests.support.steady_sockets import connect

__all__ = ["_measure_processes", "database", "postgres_database", "postgres_server", "pytest_terminal_summary"]


def pytest_configure() -> None:
    """Let no limit pass while the machine stands still: a test waits for what happens, not for the machine."""
    asyncio.set_event_loop_policy(SteadyLoops())


@pytest.fixture(autouse=True)
def _steady_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients of Genesys and Slack that measure the machine's time take nobody for silent who stood still."""
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    monkeypatch.setattr("slack_sdk.socket_mode.aiohttp.time", SteadyModule())
