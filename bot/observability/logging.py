"""Structured logs to stderr, with secrets removed."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import MutableMapping

REDACTED = "[redacted]"
SECRET_NAMES = re.compile(r"token|secret|password|authorization|signature|cookie|ticket", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?:Bearer|Basic)\s+[\w.~+/=-]+|v0=[0-9a-f]{16,}"
    r"|(?<=://)[^\s/@]+(?=@)|(?<=ticket=)[^&\s\"']+|(?<=client_secret=)[^&\s\"']+|(?<=token=)[^&\s\"']+|(?<=X-Amz-Signature=)\w+"
)
SECRET_VALUES: set[str] = set()
"""Secrets of this process, removed wherever they are repeated: another system may quote one in an error."""
SHORTEST_SECRET = 8
"""Shorter ones would take ordinary words out of the log."""
BY_ANYBODY = frozenset({"slack_signature_refused", "slack_payload_refused", "connections_limited"})
"""Events that anyone who reaches the port can cause as often as they like."""
OF_THE_PORT = ("asyncio", "aiohttp")
"""Loggers of libraries for which the same holds."""
LINES_A_MINUTE = 20
MINUTE_SECONDS = 60.0
CHATTY = ("slack_bolt", "slack_sdk", "aiohttp.access", "alembic", "aiosqlite", "urllib3", "sqlalchemy")


def keep_secret(*values: str) -> None:
    """Remove these values from every line from now on."""
    SECRET_VALUES.update(value for value in values if len(value) >= SHORTEST_SECRET)


class RepeatLimit(logging.Filter):
    """Drops lines that anybody can cause once there were enough of their kind in a minute; the next one counts them."""

    def __init__(self) -> None:
        super().__init__()
        self._minutes: dict[str, tuple[float, int]] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg.get("event") if isinstance(record.msg, dict) else None
        if event not in BY_ANYBODY and not record.name.startswith(OF_THE_PORT):
            return True
        kind = str(event or record.name)
        began, count = self._minutes.get(kind, (record.created, 0))
        if record.created - began >= MINUTE_SECONDS:
            if (dropped := count - LINES_A_MINUTE) > 0 and isinstance(record.msg, dict):
                record.msg = record.msg | {"lines_dropped": dropped}
            began, count = record.created, 0
        self._minutes[kind] = began, count + 1
        return count < LINES_A_MINUTE


def without_secrets(text: str) -> str:
    """Return a text without this process's secrets, by value."""
    for secret in SECRET_VALUES:
        text = text.replace(secret, REDACTED)
    return text


def redacted(value: Any) -> Any:
    """Return ``value`` without anything that is a secret or has the name or shape of one, however deep."""
    if isinstance(value, str):
        return SECRET_SHAPES.sub(REDACTED, without_secrets(value))
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
        processors=[
            structlog.stdlib.filter_by_level,  # first: nothing is done for a line that is not written
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
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
    handler.addFilter(RepeatLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
