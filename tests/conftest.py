"""What tests of several folders share, and what happens around a test run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.support import garbage, temporary_files
from tests.support.clocks.steady_time import SteadyLoop
from tests.support.databases.compiled_statements import share_compiled_statements
from tests.support.databases.postgres import database, postgres_database, postgres_server
from tests.support.logs import configure_logs, logs_as_before
from tests.support.measured import _measure_processes
from tests.support.skips import pytest_terminal_summary
from tests.support.waits_first import pytest_collection_modifyitems

__all__ = [
    "_measure_processes",
    "database",
    "logs_as_before",
    "postgres_database",
    "postgres_server",
    "pytest_collection_modifyitems",
    "pytest_terminal_summary",
]


def pytest_configure() -> None:
    temporary_files.keep_in_memory()
    configure_logs()
    share_compiled_statements()
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")  # no example fails because the machine is busy
    garbage.look_never()


def pytest_collection_finish() -> None:
    garbage.look_seldom()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    garbage.look_no_more()  # pytest has looked by then, and told what failed while garbage was thrown away


def pytest_asyncio_loop_factories() -> dict[str, type[SteadyLoop]]:
    """Have pytest-asyncio run tests and fixtures in loops whose time stands while the machine does."""
    return {"steady": SteadyLoop}
