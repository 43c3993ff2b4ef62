"""Prometheus metrics. Labels have few values, known in the code: never an id, a name, or typed text."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from bot.audit.entry import Phase
from bot.errors import TooManyRequests

if TYPE_CHECKING:
    from bot.audit.entry import Entry

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0)
"""Seconds; Slack waits for three."""
DATABASE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 5.0)
"""Seconds; a person's request waits for 1.5."""
GENESYS_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
VERBS = {
    "recording:start": "start",
    "recording:stop": "stop",
    "recording:pause": "pause",
    "recording:resume": "resume",
    "recording:follow": "follow",
    "recording:extend": "extend",
    "recording:stop_approval": "stop_approval",
    "recording:pause_approval": "pause_approval",
    "recording:still_needed": "still_needed",
    "recording:keep": "keep",
    "recording:release": "release",
    "recording:listen": "listen",
    "recording:read": "read",
    "audit:export": "export",
    "audit:report": "report",
}
"""The actions that people ask for; the others are the bot's own, and not counted."""


class SeenRequest(Protocol):
    """One request to Genesys, as its client reports it."""

    @property
    def operation(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def status(self) -> int | None: ...

    @property
    def error(self) -> str | None: ...

    @property
    def seconds(self) -> float: ...

    @property
    def correlation_id(self) -> str | None: ...

    @property
    def client(self) -> str | None: ...


class Metrics:
    """The numbers of one process; counters begin at 0 with it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.build = Info("record_bot_build", "What runs.", registry=self.registry)
        self.build.info({"version": version("record-bot"), "python": platform.python_version()})
        self._people()
        self._genesys()
        self._database()
        self._slack()
        self.component_up = self._gauge(
            "record_bot_component_up", "1 while the component has no trouble; /readyz says which it has.", "component"
        )
        self.broken_loops = Counter(
            "record_bot_loop_failures",
            "How often an unexpected error ended one of the bot's loops and it started again.",
            ["loop"],
            registry=self.registry,
        )

    def _people(self) -> None:
        self.actions = Counter(
            "record_bot_actions",
            "What people asked for, by verb and how it ended.",
            ["verb", "outcome"],
            registry=self.registry,
        )
        self.denied = Counter(
            "record_bot_denied",
            "Requests that were denied, by cause; too_many_requests: more than one person may have in a minute.",
            ["cause"],
            registry=self.registry,
        )
        self.ack = Histogram(
            "record_bot_ack_seconds",
            "How long Slack waited for an acknowledgement, by surface.",
            ["surface"],
            buckets=ACK_BUCKETS,
            registry=self.registry,
        )

    def _genesys(self) -> None:
        self.requests = Counter(
            "record_bot_genesys_requests",
            "Requests sent to Genesys, by operation and answer.",
            ["operation", "answer"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "record_bot_genesys_seconds",
            "How long Genesys took to answer.",
            ["operation"],
            buckets=GENESYS_BUCKETS,
            registry=self.registry,
        )
        self.budget = self._gauge("record_bot_genesys_budget_left", "Requests that may be sent to Genesys at once.")
        self.client_up = self._gauge(
            "record_bot_genesys_client_up", "1 while this one of several OAuth clients is usable.", "client"
        )
        self.client_budget = self._gauge(
            "record_bot_genesys_client_budget_left", "Requests that this OAuth client may send at once.", "client"
        )
        self.client_requests = Counter(
            "record_bot_genesys_client_requests",
            "Requests sent to Genesys by this one of several OAuth clients, by answer.",
            ["client", "answer"],
            registry=self.registry,
        )

    def _database(self) -> None:
        self.database = Histogram(
            "record_bot_database_seconds",
            "How long the database took, by kind: read, or write with the wait for its turn.",
            ["kind"],
            buckets=DATABASE_BUCKETS,
            registry=self.registry,
        )
        self.write_retries = Counter(
            "record_bot_database_write_retries",
            "Write transactions that the database ended, or that could not begin, and that were tried again.",
            registry=self.registry,
        )
        self.entries = self._gauge("record_bot_audit_entries", "Entries in the audit trail.")
        self.live = self._gauge("record_bot_recordings_live", "Live recordings.")
        self.open_attempts = self._gauge("record_bot_attempts_open", "Requests without an outcome.")
        self.keeps = self._gauge(
            "record_bot_keeps_open",
            "Requests to keep or to release recordings that are still to be carried out.",
        )
        self.in_doubt = self._gauge(
            "record_bot_in_doubt", "Live recordings of which nobody knows whether the newest change took effect."
        )

    def _slack(self) -> None:
        self.queue = self._gauge("record_bot_queue_length", "What Slack still has to be told, by queue.", "queue")
        self.lag = self._gauge(
            "record_bot_delivery_lag_seconds", "Age of the oldest entry that the audit channel lacks."
        )
        self.waiting = self._gauge("record_bot_audit_entries_undelivered", "Entries that the audit channel lacks.")
        self.missing = self._gauge(
            "record_bot_audit_entries_missing",
            "Entries that the audit channel should have by now: skipped, or waiting for too long.",
        )
        self.reconnects = self._gauge("record_bot_socket_reconnects", "How often the Slack sockets came back.")
        self.connected = self._gauge(
            "record_bot_socket_connected", "1 while this connection of Socket Mode stands.", "connection"
        )

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def on_request(self, seen: SeenRequest) -> None:
        answer = seen.error or str(seen.status)
        self.requests.labels(seen.operation, answer).inc()
        self.seconds.labels(seen.operation).observe(seen.seconds)
        if seen.client is not None:
            self.client_requests.labels(seen.client, answer).inc()

    def on_entry(self, entry: Entry) -> None:
        """Count a committed entry if it has the outcome of a person's request."""
        verb = VERBS.get(entry.action)
        if verb is None or entry.phase is Phase.REQUESTED:
            return
        self.actions.labels(verb, entry.phase.value).inc()
        if entry.phase is Phase.DENIED:
            self.denied.labels(str(entry.outcome.get("cause", "other"))).inc()

    def on_too_many(self) -> None:
        self.denied.labels(TooManyRequests.kind).inc()

    def on_write_retried(self) -> None:
        self.write_retries.inc()

    def on_loop_broken(self, loop: str, times: int = 1) -> None:
        self.broken_loops.labels(loop).inc(times)

    def page(self) -> bytes:
        return generate_latest(self.registry)
