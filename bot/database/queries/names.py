"""The names of agents and queues for lists, cards, and lines of the audit channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, literal, or_, select, union, update

from bot.database.tables import cards, names, recordings
from bot.database.transaction import FORGOTTEN, LIVE

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from bot.database.engine import Engines
    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction


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


Key = tuple[str, str]

KEYS_PER_QUERY = 500
USER, QUEUE = "user", "queue"


@dataclass(frozen=True, slots=True)
class SqlNames:
    """``bot.recording.ports.NameStore`` on a database."""

    store: SqlStore

    async def known(self, keys: frozenset[Key]) -> dict[Key, str]:
        async with self.store.engines.reader.connect() as connection:
            return await connection.run_sync(_known, keys)

    async def remember(self, news: dict[Key, str], seen_at: datetime) -> None:
        """Store names, and redraw the cards of live recordings that show them, all in one transaction."""

        def work(transaction: SqlTransaction) -> None:
            before = _known(transaction.connection, frozenset(news))
            for (kind, name_id), name in news.items():
                transaction.remember_name(kind, name_id, name, seen_at)
            _redraw(transaction.connection, [key for key, name in news.items() if before.get(key) != name])

        await self.store.write(work)

    async def unnamed(self) -> frozenset[Key]:
        """Return the agents and queues of live recordings whose names we don't know."""
        agents = select(literal(USER).label("kind"), recordings.c.agent_user_id.label("id")).where(LIVE)
        queues = select(literal(QUEUE).label("kind"), recordings.c.queue_id.label("id")).where(LIVE)
        shown = union(agents, queues).subquery()
        named = and_(names.c.kind == shown.c.kind, names.c.id == shown.c.id)
        statement = select(shown).outerjoin(names, named).where(shown.c.id.is_not(None), names.c.id.is_(None))
        async with self.store.engines.reader.connect() as connection:
            return frozenset((row.kind, row.id) for row in await connection.execute(statement) if row.id)


def _known(connection: Connection, keys: frozenset[Key]) -> dict[Key, str]:
    ids = sorted({name_id for _, name_id in keys})
    found: dict[Key, str] = {}
    for first in range(0, len(ids), KEYS_PER_QUERY):
        statement = select(names).where(names.c.id.in_(ids[first : first + KEYS_PER_QUERY]))
        for row in connection.execute(statement):
            found[row.kind, row.id] = row.name
    return {key: name for key, name in found.items() if key in keys}


def _redraw(connection: Connection, changed: list[Key]) -> None:
    for first in range(0, len(changed), KEYS_PER_QUERY):
        part = changed[first : first + KEYS_PER_QUERY]
        of_agents = recordings.c.agent_user_id.in_([name_id for kind, name_id in part if kind == USER])
        of_queues = recordings.c.queue_id.in_([name_id for kind, name_id in part if kind == QUEUE])
        shown = select(recordings.c.id).where(LIVE, or_(of_agents, of_queues))
        connection.execute(update(cards).where(cards.c.recording_id.in_(shown)).values(rendered_version=FORGOTTEN))
