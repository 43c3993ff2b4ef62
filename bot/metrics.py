"""What Prometheus can scrape."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class SeenRequest(Protocol):
    """One request to Genesys, as its client reports it."""

    @property
    def operation(self) -> str: ...

    @property
    def status(self) -> int | None: ...

    @property
    def error(self) -> str | None: ...

    @property
    def seconds(self) -> float: ...


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "recordbot_genesys_requests",
            "Requests sent to Genesys, by operation and answer.",
            ["operation", "answer"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "recordbot_genesys_request_seconds",
            "How long Genesys took to answer.",
            ["operation"],
            registry=self.registry,
        )
        self.ready = Gauge("recordbot_ready", "1 while the part is usable.", ["part"], registry=self.registry)
        self.entries = Gauge("recordbot_audit_entries", "Entries in the audit trail.", registry=self.registry)
        self.waiting = Gauge(
            "recordbot_audit_entries_undelivered", "Entries that the audit channel lacks.", registry=self.registry
        )
        self.missing = Gauge(
            "recordbot_audit_entries_missing",
            "Entries that the audit channel should have by now: skipped, or waiting for too long.",
            registry=self.registry,
        )
        self.live = Gauge("recordbot_recordings_live", "Live recordings.", registry=self.registry)
        self.open_attempts = Gauge("recordbot_attempts_open", "Requests without an outcome.", registry=self.registry)
        self.reconnects = Gauge(
            "recordbot_socket_reconnects", "How often the Slack socket came back.", registry=self.registry
        )

    def on_request(self, seen: SeenRequest) -> None:
        answer = seen.error or str(seen.status)
        self.requests.labels(seen.operation, answer).inc()
        self.seconds.labels(seen.operation).observe(seen.seconds)

    def page(self) -> bytes:
        return generate_latest(self.registry)
