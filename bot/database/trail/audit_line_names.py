"""Names for the lines of the audit channel: whose call a recording is of, and what agents and queues are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, select

from bot.database.schema.tables import names, recordings

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from bot.database.engine import Engines


class KnownCall(NamedTuple):
    """Who is recorded, and what they and their queue are called as far as that is known."""

    participant_id: str | None
    agent_user_id: str | None
    queue_name: str | None
    agent_name: str | None


queue, agent = names.alias("queue"), names.alias("agent")
CALLS = (
    select(recordings.c.id, recordings.c.participant_id, recordings.c.agent_user_id, queue.c.name, agent.c.name)
    .outerjoin(queue, and_(queue.c.kind == "queue", queue.c.id == recordings.c.queue_id))
    .outerjoin(agent, and_(agent.c.kind == "user", agent.c.id == recordings.c.agent_user_id))
    .where(recordings.c.id.in_(bindparam("ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class SqlLineNames:
    """Reads names as they are known now; what was erased has none."""

    engines: Engines

    async def calls(self, recording_ids: Collection[UUID]) -> dict[UUID, KnownCall]:
        """Return what is known of the calls of these recordings."""
        if not recording_ids:
            return {}
        wanted = {"ids": list(recording_ids)}
        rows = await self.engines.read(lambda connection: connection.execute(CALLS, wanted).all())
        return {row[0]: KnownCall(*row[1:]) for row in rows}

    async def agents(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return the names of Genesys users."""
        if not user_ids:
            return {}
        statement = select(names.c.id, names.c.name).where(names.c.kind == "user", names.c.id.in_(list(user_ids)))
        return await self.engines.read(lambda connection: {row.id: row.name for row in connection.execute(statement)})
