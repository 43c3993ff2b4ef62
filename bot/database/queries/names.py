"""The names of agents and queues for lists and cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, literal, or_, select, union, update

from bot.database.schema.tables import cards, names, recordings
from bot.database.transaction import FORGOTTEN, LIVE

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select, Subquery

    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction

Key = tuple[str, str]

KEYS_PER_QUERY = 500
NEWEST = 20
"""Recordings whose queues are named even if they are over: a short call may end before Genesys has told the name."""
USER, QUEUE = "user", "queue"


@dataclass(frozen=True, slots=True)
class SqlNames:
    """``bot.recording.ports.NameStore`` on a database."""

    store: SqlStore

    async def known(self, keys: frozenset[Key]) -> dict[Key, str]:
        return await self.store.engines.read(lambda connection: _known(connection, keys))

    async def remember(self, news: dict[Key, str], seen_at: datetime) -> None:
        """Store names, and redraw the cards of live and newest recordings that show them, in one transaction."""

        def work(transaction: SqlTransaction) -> None:
            before = _known(transaction.connection, frozenset(news))
            for (kind, name_id), name in news.items():
                transaction.remember_name(kind, name_id, name, seen_at)
            _redraw(transaction.connection, [key for key, name in news.items() if before.get(key) != name])

        await self.store.write(work)

    async def unnamed(self) -> frozenset[Key]:
        """Return the agents and queues of live recordings, and queues of the newest ones, whose names we don't know.

        Agents of recordings that are over are left out: their names may have been erased.
        """
        rows = await self.store.engines.read(lambda connection: connection.execute(UNNAMED).all())
        return frozenset((row.kind, row.id) for row in rows if row.id)


def _newest() -> Subquery:
    """Select from the newest recordings: their ids are UUIDv7, which sort by time."""
    own = recordings.c
    return select(own.id, own.queue_id).order_by(own.id.desc()).limit(NEWEST).subquery()


def _unnamed() -> Select[Any]:
    agents = select(literal(USER).label("kind"), recordings.c.agent_user_id.label("id")).where(LIVE)
    queues = select(literal(QUEUE).label("kind"), recordings.c.queue_id.label("id")).where(LIVE)
    newest = select(literal(QUEUE).label("kind"), _newest().c.queue_id.label("id"))
    shown = union(agents, queues, newest).subquery()
    named = and_(names.c.kind == shown.c.kind, names.c.id == shown.c.id)
    return select(shown).outerjoin(names, named).where(shown.c.id.is_not(None), names.c.id.is_(None))


UNNAMED = _unnamed()


def _known(connection: Connection, keys: frozenset[Key]) -> dict[Key, str]:
    ids = sorted({name_id for _, name_id in keys})
    found: dict[Key, str] = {}
    for first in range(0, len(ids), KEYS_PER_QUERY):
        statement = select(names).where(names.c.id.in_(ids[first : first + KEYS_PER_QUERY]))
        for row in connection.execute(statement):
            found[row.kind, row.id] = row.name
    return {key: name for key, name in found.items() if key in keys}


def _redraw(connection: Connection, changed: list[Key]) -> None:
    newest = _newest()
    for first in range(0, len(changed), KEYS_PER_QUERY):
        part = changed[first : first + KEYS_PER_QUERY]
        agents = [name_id for kind, name_id in part if kind == USER]
        queues = [name_id for kind, name_id in part if kind == QUEUE]
        of_them = or_(recordings.c.agent_user_id.in_(agents), recordings.c.queue_id.in_(queues))
        live = cards.c.recording_id.in_(select(recordings.c.id).where(LIVE, of_them))
        over = cards.c.recording_id.in_(select(newest.c.id).where(newest.c.queue_id.in_(queues)))
        # A recording that is over may have no card on purpose: its person has been told otherwise.
        for these in (live, and_(over, cards.c.ts.is_not(None))):
            connection.execute(update(cards).where(these).values(rendered_version=FORGOTTEN))
