"""The rules that the serving bot goes by, for commands that work on the same database from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.database.tables import standing_rules
from bot.database.upsert import upsert
from bot.recording.grants import DualControl

if TYPE_CHECKING:
    from datetime import datetime

    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

DUAL_CONTROL = "dual_control"


@dataclass(frozen=True, slots=True)
class SqlRules:
    """One row a rule, as the bot noted it when it last started."""

    store: SqlStore

    async def note(self, rule: DualControl, at: datetime) -> None:
        """Note where a stop takes two supervisors. Raise AuditUnavailable."""
        facts = {"queues": sorted(rule.queues), "agents": sorted(rule.agents), "within": rule.within.total_seconds()}
        values = {"rule": json.dumps(facts), "noted_at": at}

        async def work(transaction: SqlTransaction) -> None:
            statement = upsert(transaction.connection, standing_rules).values(name=DUAL_CONTROL, **values)
            await transaction.connection.execute(
                statement.on_conflict_do_update(index_elements=[standing_rules.c.name], set_=values)
            )

        await self.store.write(work)

    async def dual_control(self) -> DualControl | None:
        """Return where the bot has a stop take two supervisors; None where none has served on this database yet."""
        statement = select(standing_rules.c.rule).where(standing_rules.c.name == DUAL_CONTROL)
        async with self.store.engines.reader.connect() as connection:
            found = (await connection.execute(statement)).scalar_one_or_none()
        if found is None:
            return None
        facts = json.loads(found)
        return DualControl(
            frozenset(facts["queues"]), frozenset(facts["agents"]), timedelta(seconds=float(facts["within"]))
        )
