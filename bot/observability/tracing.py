"""OpenTelemetry traces, if an endpoint is set and its SDK is installed; otherwise its API does nothing.

One trace follows a request of Slack's: its acknowledgement, both transactions, the requests to Genesys and the card.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry.context import Context, get_current
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode
from structlog.contextvars import get_contextvars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from opentelemetry.trace import TracerProvider

    from bot.audit.entry import Entry
    from bot.observability.metrics import SeenRequest

log = structlog.get_logger(__name__)

PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
ADVICE = "pip install --require-hashes -r requirements-otel.txt"
"""In the bot's environment. The container image has them."""
CARDS_AWAITED = 1000
"""Of so many recordings it is remembered which trace their newest change belongs to."""
SERVER_ERROR = 500
SEND_SECONDS = 3.0
"""How long a collector may take, the tries together; the bot's end waits for it."""


def open_tracing(endpoint: str | None) -> Tracing:
    """Return tracing to this address, the base of OTLP over HTTP; none without an address or the packages.

    Whatever else the OpenTelemetry SDK can be told (headers, sampling, the service's name) it reads from the
    environment itself.
    """
    if endpoint is None:
        return Tracing()
    if packages_missing():
        log.warning(
            "tracing_disabled", why="OTEL_EXPORTER_OTLP_ENDPOINT is set, but packages are missing", install=ADVICE
        )
        return Tracing()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  an optional package
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  likewise
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  likewise
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  likewise

    timeout = None if os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT") else SEND_SECONDS  # None: as the variable says
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=timeout)
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "record-bot"}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider, close=provider.shutdown)


def packages_missing() -> bool:
    return not all(_installed(package) for package in PACKAGES)


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


class Tracing:
    """Makes a span of each step, after it is done; the current trace goes with the task, as contexts do.

    Without a provider, OpenTelemetry's API does nothing. No method raises, and only ``close`` waits.
    """

    def __init__(self, provider: TracerProvider | None = None, *, close: Callable[[], None] | None = None) -> None:
        self._tracer = (provider or NoOpTracerProvider()).get_tracer("record-bot")
        self._close = close
        self._awaited: OrderedDict[UUID, tuple[Context, dict[str, Any]]] = OrderedDict()

    @contextmanager
    def request(self, surface: str) -> Iterator[None]:
        """Cover the handling of a request of Slack's; what begins inside belongs to it."""
        with self._tracer.start_as_current_span(
            f"slack {surface}",
            context=Context(),
            kind=SpanKind.SERVER,
            attributes=_ids(),
            record_exception=False,
            set_status_on_exception=False,  # it would take the error's words along, which the log redacts
        ) as span:
            try:
                yield
            except Exception:
                span.set_status(StatusCode.ERROR)
                raise

    def written(self, seconds: float, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        self._span(
            "database write",
            seconds,
            {
                "record_bot.audit_seqs": [entry.seq for entry in entries],
                "record_bot.entries": [f"{entry.action} {entry.phase.value}" for entry in entries],
            },
        )
        for recording_id in {entry.recording_id for entry in entries if entry.recording_id is not None}:
            self._awaited[recording_id] = (get_current(), _ids())
            self._awaited.move_to_end(recording_id)
        while len(self._awaited) > CARDS_AWAITED:
            self._awaited.popitem(last=False)

    def genesys(self, seen: SeenRequest) -> None:
        facts = {
            "http.request.method": seen.method,
            "http.response.status_code": seen.status,
            "error.type": seen.error or (str(seen.status) if (seen.status or 0) >= SERVER_ERROR else None),
            "genesys.correlation_id": seen.correlation_id,
        }
        self._span(f"genesys {seen.operation}", seen.seconds, facts, kind=SpanKind.CLIENT)

    def card(self, recording_id: UUID, seconds: float) -> None:
        context, ids = self._awaited.get(recording_id, (None, {}))
        self._span("slack card", seconds, {**ids, "record_bot.recording_id": str(recording_id)}, context=context)

    def close(self) -> None:
        """Send what is still to be sent; it may take some seconds."""
        if self._close is not None:
            self._close()

    def _span(self, name: str, seconds: float, facts: Mapping[str, Any], **more: Any) -> None:
        ended = time.time_ns()
        known = {key: value for key, value in (_ids() | dict(facts)).items() if value is not None}
        span = self._tracer.start_span(name, start_time=ended - int(seconds * 1e9), attributes=known, **more)
        span.end(ended)


def _ids() -> dict[str, Any]:
    """Return the ids that the log lines of this moment have, too."""
    known = get_contextvars()
    return {f"record_bot.{name}": known[name] for name in ("request", "attempt_id") if name in known}
