"""What tests of several folders share."""

from __future__ import annotations

from tests.support.clocks.steady_time import SteadyLoop
from tests.support.databases.postgres import database, postgres_database, postgres_server
from tests.support.measured import _measure_processes
from tests.support.skips import pytest_terminal_summary
from tests.support.upkeep import logs_as_before, pytest_collection_finish, pytest_configure, pytest_unconfigure
from tests.support.waits_first import pytest_collection_modifyitems

__all__ = [
    "_measure_processes",
    "database",
    "logs_as_before",
    "postgres_database",
    "postgres_server",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]


def pytest_asyncio_loop_factories() -> dict[str, type[SteadyLoop]]:
    """Have pytest-asyncio run tests and fixtures in loops whose time stands while the machine does."""
    return {"steady": SteadyLoop}
