"""The serving bot's rules, stored for commands that use the same database from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bot.database.mapping import upsert
from bot.database.schema.tables import standing_rules
from bot.recording.policy import DualControl, Route, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Select

    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

DUAL_CONTROL = "dual_control"
ROUTES = "routes"
FILE = "file"
ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class SqlRules:
    """One row for each rule, as the bot stored it at its last start."""

    store: SqlStore

    async def note(
        self,
        rule: DualControl,
        at: datetime,
        *,
        routes: Iterable[Route] = (),
        digest: str | None = None,
        always: Iterable[Rule] = (),
    ) -> None:
        """Store where a stop needs two supervisors, where cards go, since when the bot acts by itself on which calls.

        Also store the file's SHA-256. Raise AuditUnavailable.
        """
        facts = {
            "queues": sorted(rule.queues),
            "agents": sorted(rule.agents),
            "within": rule.within.total_seconds(),
            "escalate": rule.escalate,
            "pause_longer_than": rule.pause_longer_than and rule.pause_longer_than.total_seconds(),
        }
        sent = [{"queues": sorted(route.queues), "channel": route.channel} for route in routes]

        acting = tuple(always)

        def work(transaction: SqlTransaction) -> None:
            earlier = transaction.connection.execute(_statement(ALWAYS)).scalar_one_or_none()
            since = _since(acting, json.loads(earlier or "{}"), at)
            for name, rules in (
                (DUAL_CONTROL, facts),
                (ROUTES, sent),
                (ALWAYS, since),
                (FILE, {"sha256": digest}),
            ):
                values = {"rule": json.dumps(rules), "noted_at": at}
                statement = upsert(transaction.connection, standing_rules).values(name=name, **values)
                transaction.connection.execute(
                    statement.on_conflict_do_update(index_elements=[standing_rules.c.name], set_=values)
                )

        await self.store.write(work)

    async def dual_control(self) -> DualControl | None:
        """Return the bot's dual-control rules; None if none has served on this database yet."""
        facts = await self._noted(DUAL_CONTROL)
        if facts is None:
            return None
        within, longer = timedelta(seconds=float(facts["within"])), facts.get("pause_longer_than")
        return DualControl(
            frozenset(facts["queues"]),
            frozenset(facts["agents"]),
            within,
            facts.get("escalate"),
            None if longer is None else timedelta(seconds=float(longer)),
        )

    async def are_noted(self) -> bool:
        """Return whether the last process that served on this database had a policy file with rules."""
        file = await self._noted(FILE)
        if file is not None:
            return file["sha256"] is not None
        rule = await self.dual_control()  # of a version that did not note the file
        return bool(await self.routes()) or (rule is not None and bool(rule.queues or rule.agents))

    async def routes(self) -> tuple[Route, ...]:
        """Return the bot's card routes; none if none has served on this database yet."""
        found = await self._noted(ROUTES)
        return tuple(Route(frozenset(one["queues"]), one["channel"]) for one in found or ())

    async def acting_since(self) -> dict[tuple[str, str], datetime]:
        """Return since when the bot acts by itself on calls, by a rule's label and the agent or queue."""
        found = await self._noted(ALWAYS)
        return {
            (label, source): datetime.fromisoformat(at)
            for label, rule in (found or {}).items()
            for source, at in rule["since"].items()
        }

    async def _noted(self, name: str) -> Any:
        statement = _statement(name)
        found = await self.store.engines.read(lambda connection: connection.execute(statement).scalar_one_or_none())
        return None if found is None else json.loads(found)


def _statement(name: str) -> Select[Any]:
    return select(standing_rules.c.rule).where(standing_rules.c.name == name)


def _since(rules: Iterable[Rule], earlier: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return since when each rule acts for each agent and queue; what was there at the last start stays."""
    noted: dict[str, Any] = {}
    for rule in rules:
        before = earlier.get(rule.label, {})
        known = before.get("since", {}) if before.get("do") == rule.action.value else {}
        since = {source: known.get(source, at.isoformat()) for source in sorted(rule.sources)}
        noted[rule.label] = {"do": rule.action.value, "since": since}
    return noted
