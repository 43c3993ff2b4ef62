"""Structured logs to stderr, with secrets removed."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

REDACTED = "[redacted]"
SECRET_NAMES = re.compile(r"token|secret|password|authorization|signature|cookie|ticket", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?:Bearer|Basic)\s+[\w.~+/=-]+|v0=[0-9a-f]{16,}"
    r"|(?<=://)[^\s/@]+(?=@)|(?<=ticket=)[^&\s\"']+|(?<=client_secret=)[^&\s\"']+|(?<=token=)[^&\s\"']+"
)
CHATTY = ("slack_bolt", "slack_sdk", "aiohttp.access", "alembic", "aiosqlite", "urllib3", "sqlalchemy")


def redacted(value: Any) -> Any:
    """Return ``value`` without anything that has the name or the shape of a secret, however deep."""
    if isinstance(value, str):
        return SECRET_SHAPES.sub(REDACTED, value)
    if isinstance(value, dict):
        return {
            key: REDACTED if SECRET_NAMES.search(str(key)) and one is not None else redacted(one)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redacted(one) for one in value]
    return value


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return redacted(dict(event))  # type: ignore[no-any-return]


def configure(*, format_: str | None = None, level: str = "info") -> None:
    """Send all logs, the libraries' too, through one pipeline: text on a terminal, else JSON, unless set otherwise."""
    chosen = format_ or ("text" if sys.stderr.isatty() else "json")
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if chosen == "text"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
