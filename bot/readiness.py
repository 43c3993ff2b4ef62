"""Whether the bot is usable now, part by part, for ``/readyz``, ``/metrics`` and whoever asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from bot.database.completeness import Completeness, SqlCompleteness
from bot.database.migrate import unusable
from bot.database.outbox import SqlOutbox
from bot.server import Part

if TYPE_CHECKING:
    from bot.app import Control
    from bot.slack.delivery import Pace
    from bot.slack.transport import SocketState

COMPARE_SECONDS = 60.0
"""How old a comparison of the whole trail with its deliveries may be: it takes a while on a long one."""


class News(Protocol):
    """What tells of changes to calls."""

    @property
    def problem(self) -> str | None: ...


@dataclass
class Readiness:
    """Looks at what each part last did; only the database is asked anew, for all of the trail not each time."""

    started: bool = False
    socket: SocketState | None = None
    news: News | None = None
    digests: Pace | None = None
    _control: Control | None = None
    _cards: Pace | None = None
    _audit: Pace | None = None
    _compared: Completeness = field(default_factory=Completeness)
    _compared_at: float | None = None

    def watch(self, control: Control, cards: Pace, audit: Pace) -> None:
        self._control, self._cards, self._audit = control, cards, audit

    async def look(self) -> tuple[Part, ...]:
        if self._control is None:
            return (Part("bot", ok=False, problem="starting"),)
        parts = (
            Part("bot", ok=self.started, problem="" if self.started else "starting or stopping"),
            await self._database(self._control),
            self._slack(self._control),
            await self._channel(self._control),
            self._delivery("cards", self._cards),
            self._genesys(self._control),
        )
        for part in parts:
            self._control.metrics.ready.labels(part.name).set(part.ok)
        return parts

    async def scrape(self) -> bytes:
        if self._control is None:
            return b""
        await self.look()
        metrics, store = self._control.metrics, self._control.store
        try:
            waiting = await SqlOutbox(self._control.engines).undelivered_count()
            metrics.entries.set(await store.head())
            metrics.live.set(len(await store.live_recordings(limit=10_000)))
            metrics.open_attempts.set(len(await store.open_attempts()))
            metrics.waiting.set(waiting)
        except SQLAlchemyError:
            pass  # the database's part already shows 0
        if self.socket is not None:
            metrics.reconnects.set(self.socket.reconnects)
        return metrics.page()

    @staticmethod
    async def _database(control: Control) -> Part:
        try:
            head = await control.store.head()
        except SQLAlchemyError as error:
            return Part("database", ok=False, problem=str(unusable(error)))
        if control.store.last_problem:
            return Part("database", ok=False, problem=f"The last write failed: {control.store.last_problem}")
        return Part("database", ok=True, facts={"audit_entries": head})

    def _slack(self, control: Control) -> Part:
        if self.socket is None:
            return Part("slack", ok=True, facts={"transport": "http"})
        ago = None if self.socket.last_hello is None else control.clock.monotonic() - self.socket.last_hello
        return Part(
            "slack",
            ok=self.socket.connected,
            problem="" if self.socket.connected else "The socket to Slack is not connected; it is being opened anew.",
            facts={
                "transport": "socket",
                "reconnects": self.socket.reconnects,
                "connections": self.socket.connections,
                "last_hello_seconds_ago": None if ago is None else round(ago),
            },
        )

    @staticmethod
    def _delivery(name: str, pace: Pace | None) -> Part:
        problem = pace.problem if pace is not None else None
        return Part(name, ok=problem is None, problem=f"Slack says: {problem}" if problem else "")

    async def _channel(self, control: Control) -> Part:
        """Say whether messages arrive, and whether every entry has."""
        part = self._delivery("audit_channel", self._audit)
        now, look = control.clock.monotonic(), SqlCompleteness(control.engines)
        try:
            if self._compared_at is None or now - self._compared_at > COMPARE_SECONDS:
                self._compared = await look.look(control.clock.now())
                self._compared_at = now
            found = replace(
                await look.look_at_the_end(control.clock.now()),
                skipped=self._compared.skipped,
                rewritten=self._compared.rewritten,
            )
        except SQLAlchemyError:
            return part  # the database's part says why
        control.metrics.missing.set(found.lacking)
        digest = self.digests.problem if self.digests is not None else None
        late = f"The daily digest can't be posted: {digest}." if digest else ""
        problem = " ".join(filter(None, (part.problem, found.problem, late)))
        return Part(part.name, ok=not problem, problem=problem)

    def _genesys(self, control: Control) -> Part:
        health = control.genesys.health()
        facts = {
            "requests_left": health.requests_left,
            "requests_waiting": health.requests_waiting,
            "down_since": None if health.down_since is None else health.down_since.isoformat(timespec="seconds"),
            "notifications": self.news.problem or "ok" if self.news is not None else None,
        }
        return Part("genesys", ok=health.usable, problem=health.last_error or "", facts=facts)
