"""Sends each event to the metrics, the log, and the traces, with the same ids."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import get_contextvars

from bot.audit.entry import Phase
from bot.observability.metrics import Metrics
from bot.observability.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.observability.metrics import SeenRequest

log = structlog.get_logger(__name__)

KEPT = ("error", "cause", "mechanism", "http_status", "code", "context_id", "correlation_id")
"""The logged fields of an entry's outcome: values of the code or Genesys, never typed text."""


@dataclass(frozen=True, slots=True)
class Observing:
    """One process's observers."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=Tracing)

    @contextmanager
    def request(self, surface: str) -> Iterator[None]:
        """Cover the handling of a request of Slack's, up to its acknowledgement."""
        began = time.perf_counter()
        try:
            with self.tracing.request(surface):
                yield
        finally:
            # a line in the log takes as long as a listener: it is written once the answer has gone
            asyncio.get_running_loop().call_soon(self._acknowledged, surface, time.perf_counter() - began)

    def _acknowledged(self, surface: str, seconds: float) -> None:
        self.metrics.ack.labels(surface).observe(seconds)
        log.info("slack_request_acknowledged", surface=surface, milliseconds=_milliseconds(seconds))

    def genesys(self, seen: SeenRequest) -> None:
        """Note a request to Genesys; those of loops, which are many, are of interest to few."""
        self.metrics.on_request(seen)
        self.tracing.genesys(seen)
        say = log.info if get_contextvars() else log.debug
        say(
            "genesys_request_completed",
            operation=seen.operation,
            method=seen.method,
            status=seen.status,
            error=seen.error,
            correlation_id=seen.correlation_id,
            milliseconds=_milliseconds(seen.seconds),
            **({} if seen.client is None else {"client": seen.client}),
        )

    def read(self, seconds: float) -> None:
        self.metrics.database.labels("read").observe(seconds)

    def written(self, seconds: float, entries: Sequence[Entry]) -> None:
        """Note a committed transaction and the entries in it."""
        self.metrics.database.labels("write").observe(seconds)
        self.tracing.written(seconds, entries)
        for entry in entries:
            self.metrics.on_entry(entry)
            outcome = {name: entry.outcome[name] for name in KEPT if name in entry.outcome}
            log.info(
                "request_recorded" if entry.phase is Phase.REQUESTED else "outcome_recorded",
                action=entry.action,
                phase=entry.phase.value,
                audit_seq=entry.seq,
                milliseconds=_milliseconds(seconds),
                **(outcome | {"attempt_id": str(entry.attempt_id)}),
            )

    def card(self, recording_id: UUID, seconds: float) -> None:
        """Note that a card shows the newest state of its recording."""
        self.tracing.card(recording_id, seconds)
        log.info("card_shown", recording_id=str(recording_id), milliseconds=_milliseconds(seconds))


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
