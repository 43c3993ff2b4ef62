"""How logs are printed in a test run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from bot.observability import logging as log

if TYPE_CHECKING:
    from collections.abc import Iterator


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
