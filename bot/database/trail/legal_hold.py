"""The legal hold: while it is on, nothing is archived and nothing is erased. Its state is the newest entry about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from typing_extensions import override

from bot.audit.entry import Phase
from bot.database.schema.tables import audit_entries, typed_texts
from bot.database.trail.typed_texts import shown

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

HOLD_ACTION = "audit:hold"
RELEASE_ACTION = "audit:release"


@dataclass(frozen=True, slots=True)
class Hold:
    """An active hold: since when, by whom, in which entry, and its reason while that is stored."""

    seq: int
    since: datetime
    actor: str
    reason: str | None

    @override
    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"Legal hold since {self.since:%Y-%m-%d %H:%M} UTC, set by {self.actor} (#{self.seq}){why}"


def current_hold(connection: Connection) -> Hold | None:
    """Return the active hold, None if there is none."""
    newest = (
        select(audit_entries, typed_texts.c.text, typed_texts.c.salt)
        .outerjoin(typed_texts, typed_texts.c.attempt_id == audit_entries.c.attempt_id)
        .where(audit_entries.c.action.in_((HOLD_ACTION, RELEASE_ACTION)), audit_entries.c.phase == Phase.SUCCEEDED)
        .order_by(audit_entries.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    if row is None or row.action == RELEASE_ACTION:
        return None
    return Hold(row.seq, row.occurred_at, row.actor, shown(row.text, row.salt, row.reason_digest))
