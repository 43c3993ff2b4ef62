"""Everything in the trail about one call, with typed text that is still stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from bot.database.mapping import entry_from
from bot.database.schema.tables import audit_entries, typed_texts
from bot.database.trail.typed_texts import shown

if TYPE_CHECKING:
    from bot.audit.entry import Entry
    from bot.database.engine import Engines


@dataclass(frozen=True, slots=True)
class SqlStories:
    """Reads the entries about a call."""

    engines: Engines

    async def story(self, call: str, *, before: int, limit: int) -> tuple[tuple[tuple[Entry, str | None], ...], int]:
        """Return the newest entries about the call, in order, with typed text, and the number of older ones.

        A text that was changed since is not shown.

        Only entries with a number below ``before`` count.
        """
        about = (audit_entries.c.conversation_id == call, audit_entries.c.seq < before)
        statement = (
            select(audit_entries, typed_texts.c.text.label("words"), typed_texts.c.salt.label("salt"))
            .outerjoin(
                typed_texts,
                and_(
                    typed_texts.c.attempt_id == audit_entries.c.attempt_id,
                    audit_entries.c.reason_digest.is_not(None),
                ),
            )
            .where(*about)
            .order_by(audit_entries.c.seq.desc())
            .limit(limit)
        )
        rows, total = await self.engines.read(
            lambda connection: (
                connection.execute(statement).all(),
                connection.execute(select(func.count()).where(*about)).scalar_one(),
            )
        )
        newest = tuple(
            (entry_from(row, leave_out=("words", "salt")), shown(row.words, row.salt, row.reason_digest))
            for row in reversed(rows)
        )
        return newest, total - len(newest)
