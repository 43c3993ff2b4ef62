"""Names for the lines of the audit channel: whose call a recording is of, and what agents and queues are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from bot.database.schema.tables import names, recordings

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from bot.database.engine import Engines


@dataclass(frozen=True, slots=True)
class SqlLineNames:
    """Reads names as they are known now; what was erased has none."""

    engines: Engines

    async def calls(self, recording_ids: Collection[UUID]) -> dict[UUID, tuple[str | None, str | None, str | None]]:
        """Return the participant, the agent's user id and the queue's name of each recording."""
        if not recording_ids:
            return {}
        own = recordings.c
        statement = (
            select(own.id, own.participant_id, own.agent_user_id, names.c.name)
            .outerjoin(names, and_(names.c.kind == "queue", names.c.id == own.queue_id))
            .where(own.id.in_(list(recording_ids)))
        )
        async with self.engines.reader.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.id: (row.participant_id, row.agent_user_id, row.name) for row in rows}

    async def agents(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return the names of Genesys users."""
        if not user_ids:
            return {}
        statement = select(names.c.id, names.c.name).where(names.c.kind == "user", names.c.id.in_(list(user_ids)))
        async with self.engines.reader.connect() as connection:
            return {row.id: row.name for row in await connection.execute(statement)}
