"""Whether the bot is usable now, component by component, for ``/readyz``, ``/metrics`` and App Home."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.database.migrate import unusable
from bot.database.queries.metrics import SqlFigures
from bot.database.trail.completeness import Completeness, SqlCompleteness
from bot.runtime.http_server import ComponentHealth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.database.queries.metrics import Figures
    from bot.database.replicas import Replicas
    from bot.genesys import ClientsNotifications, GenesysHealth, Notifications
    from bot.observability.metrics import Metrics
    from bot.outbox.relay import Backoff
    from bot.recording.monitoring.call_monitor import NoCallEvents
    from bot.runtime.container import Control
    from bot.slack.people.user_groups import UserGroups
    from bot.slack.socket_mode import SocketState

COMPARE_SECONDS = 60.0
"""How old a comparison of the whole trail with its deliveries may be: it takes a while on a long one."""


@dataclass
class Readiness:
    """Reports what each component last did. Only the database is asked again, and not for the whole trail each time.

    The bot's own state, its database and its sockets decide whether it is ready. Trouble of Genesys, of Slack's Web
    API, of user groups or of single cards does not: a balancer would take away the one place that can tell people.
    """

    control: Control | None = None
    cards: Backoff | None = None
    audit: Backoff | None = None
    groups: UserGroups | None = None
    digests: Backoff | None = None
    news: Notifications | ClientsNotifications | NoCallEvents | None = None
    replicas: Replicas | None = None
    sockets: tuple[SocketState, ...] = ()
    """The Socket Mode connections; one open connection is enough."""
    started: bool = False
    _compared: Completeness = field(default_factory=Completeness)
    _compared_at: float | None = None

    async def check(self) -> tuple[ComponentHealth, ...]:
        if self.control is None:
            return (ComponentHealth("bot", ok=False, problem="starting"),)
        parts = (
            self._bot(),
            await self._database(self.control),
            self._slack(self.control),
            await self._channel(self.control),
            self._delivery("cards", self.cards),
            self._genesys(self.control),
            self._user_groups(),
        )
        for part in parts:
            self.control.metrics.component_up.labels(part.name).set(part.ok)
        return parts

    def _bot(self) -> ComponentHealth:
        """Say which of several replicas this is, and whether it is the one that tells Slack."""
        mine = self.replicas
        facts = {"replica": mine.owner, "leading": mine.leading} if mine is not None and mine.several else None
        return ComponentHealth(
            "bot", ok=self.started, problem="" if self.started else "starting or stopping", facts=facts
        )

    async def scrape(self) -> bytes:
        if self.control is None:
            return b""
        await self.check()
        metrics = self.control.metrics
        with suppress(SQLAlchemyError):  # the database's part already shows 0
            self._count(metrics, await SqlFigures(self.control.engines).fetch(self.control.clock.now()))
        metrics.budget.set(self.control.genesys.health().requests_left)
        for label, health in self._each_client(self.control).items():
            metrics.client_up.labels(label).set(health.usable)
            metrics.client_budget.labels(label).set(health.requests_left)
        metrics.reconnects.set(sum(state.reconnects for state in self.sockets))
        for number, state in enumerate(self.sockets, start=1):
            metrics.connected.labels(str(number)).set(state.connected)
        return metrics.page()

    @staticmethod
    def _count(metrics: Metrics, found: Figures) -> None:
        metrics.entries.set(found.entries)
        metrics.live.set(found.live)
        metrics.keeps.set(found.keeps)
        metrics.open_attempts.set(found.open_attempts)
        metrics.in_doubt.set(found.in_doubt)
        metrics.waiting.set(found.lines)
        metrics.lag.set(found.lag_seconds)
        for queue, length in (("cards", found.cards), ("audit", found.lines), ("notices", found.notices)):
            metrics.queue.labels(queue).set(length)

    @staticmethod
    async def _database(control: Control) -> ComponentHealth:
        try:
            await control.store.require_same_database()
            head = await control.store.head()
            await control.store.try_again()
        except SQLAlchemyError as error:
            return ComponentHealth("database", ok=False, problem=str(unusable(error)))
        if control.store.last_problem:
            return ComponentHealth("database", ok=False, problem=f"The last write failed: {control.store.last_problem}")
        return ComponentHealth("database", ok=True, facts={"audit_entries": head})

    def _slack(self, control: Control) -> ComponentHealth:
        if not self.sockets:
            return ComponentHealth("slack", ok=True, facts={"transport": "http"})
        now = control.clock.monotonic()
        hellos = [state.last_hello for state in self.sockets if state.last_hello is not None]
        open_ones = sum(state.connected for state in self.sockets)
        return ComponentHealth(
            "slack",
            ok=open_ones > 0,
            problem="" if open_ones else "Not connected to Slack; reconnecting.",
            facts={
                "transport": "socket",
                "sockets": len(self.sockets),
                "sockets_connected": open_ones,
                "reconnects": sum(state.reconnects for state in self.sockets),
                "connections": max((state.connections or 0 for state in self.sockets), default=0) or None,
                "last_hello_seconds_ago": round(now - max(hellos)) if hellos else None,
            },
        )

    @property
    def _leads(self) -> bool:
        return self.replicas is None or self.replicas.leading

    def _delivery(self, name: str, pace: Backoff | None) -> ComponentHealth:
        # Who led once, and met a problem then, has nothing to deliver any more.
        problem = pace.problem if pace is not None and self._leads else None
        words = f"Slack says: {problem}" if problem else ""
        return ComponentHealth(name, ok=problem is None, problem=words, essential=False)

    def _user_groups(self) -> ComponentHealth:
        """Name the groups of the settings and the policy file that give nobody a right."""
        problem = "" if self.groups is None else self.groups.problem
        return ComponentHealth("user_groups", ok=not problem, problem=problem, essential=False)

    async def _channel(self, control: Control) -> ComponentHealth:
        """Say whether messages arrive, and whether every entry has."""
        part = self._delivery("audit_channel", self.audit)
        try:
            found = await self._completeness(control)
        except SQLAlchemyError:
            return part  # the database's part says why
        control.metrics.missing.set(found.lacking)
        digest = self.digests.problem if self.digests is not None and self._leads else None
        late = f"The daily digest can't be posted: {digest}." if digest else ""
        problem = " ".join(filter(None, (part.problem, found.problem, late)))
        return ComponentHealth(part.name, ok=not problem, problem=problem, essential=False)

    async def gaps(self) -> tuple[int, int]:
        """Return how many entries the audit channel lacks, and how many are not as it shows them."""
        if self.control is None:
            return 0, 0
        found = await self._completeness(self.control)
        return found.lacking, found.altered

    async def _completeness(self, control: Control) -> Completeness:
        """Compare the trail with its deliveries: the end of it now, all of it once in a while."""
        now, look = control.clock.monotonic(), SqlCompleteness(control.engines)
        if self._compared_at is None or now - self._compared_at > COMPARE_SECONDS:
            self._compared = await look.check(control.clock.now())
            self._compared_at = now
        return replace(
            await look.check_end(control.clock.now()),
            skipped=self._compared.skipped,
            rewritten=self._compared.rewritten,
        )

    def _genesys(self, control: Control) -> ComponentHealth:
        health = control.genesys.health()
        facts = {
            "requests_left": health.requests_left,
            "requests_waiting": health.requests_waiting,
            "held": {operation: round(seconds) for operation, seconds in health.held.items()},
            "down_since": None if health.down_since is None else health.down_since.isoformat(timespec="seconds"),
            "notifications": self.news.problem or "ok" if self.news is not None else None,
        }
        clients = self._each_client(control)
        if clients:
            facts["clients"] = {label: _client_facts(one) for label, one in clients.items()}
        failing = [
            f"OAuth client {label}: {one.last_error or 'not logged in'}"
            for label, one in clients.items()
            if not one.usable
        ]
        problem = "; ".join(failing) or health.last_error or ""
        return ComponentHealth("genesys", ok=health.usable, problem=problem, facts=facts, essential=False)

    @staticmethod
    def _each_client(control: Control) -> Mapping[str, GenesysHealth]:
        """Return the health of each of several OAuth clients; empty if there is only one."""
        return control.genesys.healths() if control.genesys.several else {}


def _client_facts(health: GenesysHealth) -> dict[str, object]:
    return {
        "ok": health.usable,
        "requests_left": health.requests_left,
        "requests_waiting": health.requests_waiting,
        "last_error": health.last_error,
    }
