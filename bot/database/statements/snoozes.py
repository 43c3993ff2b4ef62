"""The reminders of a long recording as a click on *Still needed* finds and answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from bot.database.schema.tables import notices
from bot.recording.notices import REPETITION, NoticeKind
from bot.recording.time_limits.snooze import Reminder, Snooze

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection


def newest(connection: Connection, recording_id: UUID) -> Reminder | None:
    """Return the newest reminder of a long recording; None if nobody was reminded."""
    statement = select(notices).where(
        notices.c.kind == NoticeKind.LONG_RECORDING, notices.c.recording_id == recording_id
    )
    found = [
        Reminder(
            recording_id=row.recording_id,
            occasion=row.occasion,
            number=int(row.occasion.partition(REPETITION)[2] or 1),
            shown=row.ts is not None and row.closed_at is None,
            snooze=None if row.snoozed_at is None else Snooze(row.snoozed_at, row.snoozed_until, row.snoozed_by),
        )
        for row in connection.execute(statement)
    ]
    return max(found, key=lambda reminder: reminder.number, default=None)


def snooze(connection: Connection, reminder: Reminder, answer: Snooze, audit_seq: int) -> None:
    """Note the answer to a reminder; the relay of notices edits its message."""
    connection.execute(
        update(notices)
        .where(
            notices.c.kind == NoticeKind.LONG_RECORDING,
            notices.c.recording_id == reminder.recording_id,
            notices.c.occasion == reminder.occasion,
        )
        .values(snoozed_at=answer.at, snoozed_until=answer.until, snoozed_by=answer.by, audit_seq=audit_seq)
    )
