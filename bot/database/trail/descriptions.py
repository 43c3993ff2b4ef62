"""What the database knows about entries beyond the trail: names, and typed text that is still stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import and_, func, select

from bot.audit.reports.readable import Described
from bot.database.schema.tables import names, recordings, typed_texts
from bot.database.trail.typed_texts import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from bot.database.engine import Engines

AT_ONCE = 500
agents, queues = names.alias("agents"), names.alias("queues")


@dataclass(frozen=True, slots=True)
class SqlDescriptions:
    """Reads descriptions of some entries at once. Ids stand for names that are unknown or erased."""

    engines: Engines

    async def of(self, entries: Sequence[Mapping[str, Any]]) -> list[Described]:
        """Return a description for each entry, in order. Typed text is held against the entry's digest."""
        found: list[Described] = []
        for first in range(0, len(entries), AT_ONCE):
            found += await self._of(entries[first : first + AT_ONCE])
        return found

    async def _of(self, entries: Sequence[Mapping[str, Any]]) -> list[Described]:
        about = {UUID(one["recording_id"]) for one in entries if one["recording_id"]}
        typed = {UUID(one["attempt_id"]) for one in entries if one["reason_digest"]}
        own = recordings.c
        whose = (
            select(
                own.id,
                own.participant_id,
                func.coalesce(agents.c.name, own.agent_user_id).label("agent"),
                func.coalesce(queues.c.name, own.queue_id).label("queue"),
            )
            .outerjoin(agents, and_(agents.c.kind == "user", agents.c.id == own.agent_user_id))
            .outerjoin(queues, and_(queues.c.kind == "queue", queues.c.id == own.queue_id))
            .where(own.id.in_(list(about)))
        )
        texts = select(typed_texts.c.attempt_id, typed_texts.c.text, typed_texts.c.salt).where(
            typed_texts.c.attempt_id.in_(list(typed))
        )

        def read(connection: Connection) -> list[Described]:
            calls = {str(row.id): row for row in connection.execute(whose)} if about else {}
            notes = {str(row.attempt_id): row for row in connection.execute(texts)} if typed else {}
            return [
                _described(one, calls.get(str(one["recording_id"])), notes.get(str(one["attempt_id"])))
                for one in entries
            ]

        return await self.engines.read(read)


def _described(entry: Mapping[str, Any], call: Any, note: Any) -> Described:
    same = call is not None and entry["participant_id"] in {None, call.participant_id}
    text = None if note is None else shown(note.text, note.salt, entry["reason_digest"])
    return Described(call.agent or "" if same else "", call.queue or "" if call is not None else "", text or "")
