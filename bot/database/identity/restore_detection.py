"""Notices that the database was restored to an earlier state while this process serves on it.

A restore leaves the connection, and on PostgreSQL even the server, as they were. What only this process knows is the
newest entry that it has written: while its number has the same hash, nothing before it is missing either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bot.database.identity.file_identity import DatabaseReplaced
from bot.database.schema.tables import audit_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.audit.entry import Entry


@dataclass(slots=True)
class RestoreDetector:
    """The newest entry that this process has committed."""

    _known: tuple[int, str] | None = None
    """Its number and hash, replaced together: the writer's thread reads them while the event loop notes the next."""

    def note(self, committed: Sequence[Entry]) -> None:
        if committed and (self._known is None or committed[-1].seq > self._known[0]):
            self._known = committed[-1].seq, committed[-1].hash

    def check(self, connection: Connection, appended: Sequence[Entry] = ()) -> None:
        """Raise DatabaseReplaced unless the trail still contains the known entry, or it was archived.

        ``appended`` are the entries that this transaction has added: usually they follow the known one, and nothing has
        to be read.
        """
        if (known := self._known) is None:
            return
        seq, known_hash = known
        if appended and (appended[0].seq, appended[0].previous_hash) == (seq + 1, known_hash):
            return
        if (appended and appended[0].seq <= seq) or not _contained(connection, seq, known_hash):
            raise DatabaseReplaced(
                f"The database doesn't contain entry #{seq}, which record-bot wrote before: the database was restored "
                "to an earlier state while record-bot was running"
            )


def _contained(connection: Connection, seq: int, known_hash: str) -> bool:
    found = connection.execute(select(audit_entries.c.hash).where(audit_entries.c.seq == seq)).scalar_one_or_none()
    if found is not None:
        return bool(found == known_hash)
    first = connection.execute(select(func.min(audit_entries.c.seq))).scalar_one()
    return first is not None and first > seq  # archived, with everything before it
