"""The requests to keep and to release calls' recordings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, type_coerce, update

from bot.database.mapping import scope_from, scope_text
from bot.database.schema.column_types import Flag
from bot.database.schema.tables import audit_entries, cards, keeps, recordings, typed_texts
from bot.database.trail.legal_hold import current_hold
from bot.database.trail.typed_texts import shown
from bot.recording.keeping.keep import Keep, KeepState, KeepVerb
from bot.recording.models import FINAL_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from bot.database.engine import Engines

COLUMNS = tuple(field.name for field in fields(Keep))
OPEN = keeps.c.settled_at.is_(None)
EARLIER = keeps.alias()
FIRST = ~(
    select(EARLIER.c.id)
    .where(
        EARLIER.c.conversation_id == keeps.c.conversation_id,
        EARLIER.c.settled_at.is_(None),
        EARLIER.c.audit_seq < keeps.c.audit_seq,
    )
    .exists()
)
"""Whether no earlier request about the call is open: they are tried in turn."""
FINAL = tuple(FINAL_STATES)
IDS_PER_QUERY = 500
HAS_KEEP = type_coerce(
    select(keeps.c.id).where(keeps.c.conversation_id == recordings.c.conversation_id).exists(), Flag
).label("has_keep")
"""Whether anything was asked about the call of a recording; most often nothing was, and then nothing is read."""


@dataclass(frozen=True, slots=True)
class SqlKeepRows:
    """``bot.recording.keeping.keep.KeepRows`` in one transaction."""

    connection: Connection
    forgotten: ColumnElement[int]
    """The version of a card to redraw."""

    def add(self, keep: Keep) -> None:
        self.connection.execute(insert(keeps), _row(keep))

    def get(self, keep_id: UUID) -> Keep | None:
        return self._one(select(keeps).where(keeps.c.id == keep_id))

    def newest(self, conversation_id: str) -> Keep | None:
        return newest_of(self.connection, (conversation_id,)).get(conversation_id)

    def waiting(self, conversation_id: str) -> tuple[Keep, ...]:
        statement = select(keeps).where(keeps.c.conversation_id == conversation_id, OPEN).order_by(keeps.c.audit_seq)
        return tuple(map(keep_from, self.connection.execute(statement)))

    def save(self, after: Keep, *, was: Keep) -> bool:
        same = (keeps.c.id == was.id, OPEN, keeps.c.tries == was.tries, keeps.c.owner.is_not_distinct_from(was.owner))
        return self.connection.execute(update(keeps).where(*same).values(_row(after))).rowcount == 1

    def note_told(self, keep_id: UUID) -> None:
        self.connection.execute(update(keeps).where(keeps.c.id == keep_id).values(told=True))

    def redraw(self, conversation_id: str) -> None:
        of_call = select(recordings.c.id).where(recordings.c.conversation_id == conversation_id)
        behind = cards.c.rendered_version < cards.c.wanted_version
        has_card = or_(cards.c.ts.is_not(None), cards.c.posts_begun > 0, behind)
        statement = update(cards).where(cards.c.recording_id.in_(of_call), has_card)
        self.connection.execute(statement.values(rendered_version=self.forgotten))

    def held(self) -> bool:
        return current_hold(self.connection) is not None

    def _one(self, statement: Select[Any]) -> Keep | None:
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else keep_from(row)


@dataclass(frozen=True, slots=True)
class SqlKeepQueue:
    """``bot.recording.keeping.keep.KeepQueue`` on a database."""

    engines: Engines

    async def due(self, now: datetime) -> tuple[Keep, ...]:
        resting = and_(keeps.c.next_at.is_(None), or_(recordings.c.id.is_(None), recordings.c.state.in_(FINAL)))
        statement = (
            select(keeps)
            .outerjoin(recordings, recordings.c.id == keeps.c.recording_id)
            .where(OPEN, FIRST, or_(keeps.c.owner.is_not(None), keeps.c.next_at <= now, resting))
            .order_by(keeps.c.audit_seq)
        )
        return await self.engines.read(lambda connection: tuple(map(keep_from, connection.execute(statement))))

    async def next_at(self) -> datetime | None:
        # the plain column first: a minimum would lose the column's type
        times = select(keeps.c.next_at).where(OPEN, FIRST, keeps.c.next_at.is_not(None))
        first = times.order_by(keeps.c.next_at).limit(1)
        return await self.engines.read(lambda connection: connection.execute(first).scalar_one_or_none())

    async def reason(self, keep: Keep) -> str | None:
        statement = (
            select(typed_texts.c.text, typed_texts.c.salt, audit_entries.c.reason_digest)
            .join(audit_entries, audit_entries.c.attempt_id == typed_texts.c.attempt_id)
            .where(typed_texts.c.attempt_id == keep.id, audit_entries.c.seq == keep.audit_seq)
        )
        row = await self.engines.read(lambda connection: connection.execute(statement).one_or_none())
        return None if row is None else shown(row.text, row.salt, row.reason_digest)


def newest_of(connection: Connection, conversation_ids: Iterable[str]) -> dict[str, Keep]:
    """Return the newest request about each call that was not superseded; calls without one are missing."""
    counts, wanted = keeps.c.state != KeepState.SUPERSEDED, sorted(set(conversation_ids))
    found: dict[str, Keep] = {}
    for first in range(0, len(wanted), IDS_PER_QUERY):
        these = keeps.c.conversation_id.in_(wanted[first : first + IDS_PER_QUERY])
        newest = select(func.max(keeps.c.audit_seq)).where(these, counts).group_by(keeps.c.conversation_id)
        rows = connection.execute(select(keeps).where(keeps.c.audit_seq.in_(newest), counts))
        found |= {row.conversation_id: keep_from(row) for row in rows}
    return found


def _row(keep: Keep) -> dict[str, Any]:
    values = {name: getattr(keep, name) for name in COLUMNS}
    return values | {"verb": keep.verb.value, "state": keep.state.value, "scope": scope_text(keep.scope)}


def keep_from(row: Row[Any]) -> Keep:
    values = {name: getattr(row, name) for name in COLUMNS}
    marks = {"verb": KeepVerb(row.verb), "state": KeepState(row.state), "scope": scope_from(row.scope)}
    return Keep(**(values | marks))
