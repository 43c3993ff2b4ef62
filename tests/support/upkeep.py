"""Saves what a test run would spend beside its tests.

That is rendered tracebacks, statements compiled again for each database, looks at what never becomes garbage, and
writing temporary files to a disk.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bot.observability import logging as log
from tests.support.databases.compiled_statements import share_compiled_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

COLLECTED_AFTER = 20_000
"""Objects until the next look for garbage; Python's own 700 means thousands of looks in a run."""
IN_MEMORY = Path("/dev/shm")  # noqa: S108  each file in it gets a directory of its own
ROOM = 2 * 2**30
"""Bytes; a run needs about a quarter of it."""


def pytest_configure() -> None:
    keep_files_in_memory()
    configure_logs()
    share_compiled_statements()
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")  # no example fails because the machine is busy
    gc.disable()  # while the tests are collected: all that is imported stays


def pytest_collection_finish() -> None:
    gc.set_threshold(COLLECTED_AFTER, 10, 10)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Spare a worker that ends the looks for garbage: Python takes several, each a second for a million objects.

    pytest has looked by then, and told what failed while garbage was thrown away.
    """
    gc.freeze()


def keep_files_in_memory() -> None:
    """Make temporary files in memory, here and in each process that is started, unless TMPDIR names a place for them.

    The tests write thousands of databases. On a disk that takes a tenth of the run, and no test ends the machine. The
    fault matrix has its files on a disk (``faults/harness/simulators.py``).
    """
    if "TMPDIR" not in os.environ and _suits(IN_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


def _suits(place: Path) -> bool:
    """Say whether files can be written there in any number, and programs started."""
    return (
        os.access(place, os.W_OK | os.X_OK)
        and not os.statvfs(place).f_flag & os.ST_NOEXEC
        and shutil.disk_usage(place).free > ROOM
    )


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Undo what a command configures, or later tests would neither print nor catch what loggers say."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    chatty = {name: logging.getLogger(name).level for name in log.CHATTY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in chatty.items():
        logging.getLogger(name).setLevel(before)
    configure_logs()


def configure_logs() -> None:
    """Print logs as structlog does by default, but tracebacks as Python does: the default formats each with Rich."""
    structlog.reset_defaults()
    *before, _console = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])
