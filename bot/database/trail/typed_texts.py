"""Compares what people typed, as it is stored, with the digests in the trail."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bot.audit.entry import text_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.database.engine import Engines

ALTERED = "(the stored text is not the one that was typed)"
PAGE = 2000
PAIRS = text(f"""
    SELECT typed.attempt_id, typed.text, typed.salt, entry.seq, entry.reason_digest
    FROM (SELECT * FROM typed_texts WHERE attempt_id > :after ORDER BY attempt_id LIMIT {PAGE}) AS typed
    LEFT JOIN audit_entries AS entry ON entry.attempt_id = typed.attempt_id AND entry.reason_digest IS NOT NULL
    ORDER BY typed.attempt_id, entry.seq
""")  # noqa: S608  ours
REASONS = text("""
    SELECT entry.seq, recording.reason AS text, typed.salt, entry.reason_digest
    FROM recordings AS recording
    JOIN audit_entries AS entry ON entry.seq = recording.requested_seq AND entry.reason_digest IS NOT NULL
    JOIN typed_texts AS typed ON typed.attempt_id = entry.attempt_id
    WHERE recording.reason IS NOT NULL
    ORDER BY entry.seq
""")


def is_as_typed(stored: str, salt: bytes, digest: str) -> bool:
    """Return whether a stored text is the one that was typed, by its digest in the trail."""
    return hmac.compare_digest(text_digest(bytes(salt), stored), digest)


def shown(stored: str | None, salt: bytes | None, digest: str | None) -> str | None:
    """Return a stored text for showing; another sentence if it isn't the one that was typed; None if there is none."""
    if stored is None or salt is None or digest is None:
        return None
    return stored if is_as_typed(stored, salt, digest) else ALTERED


@dataclass(slots=True)
class TypedTexts:
    """The result of comparing all stored texts with the entries in the database.

    ``unknown``, by attempt, are texts and salts to which the database has no entry: it may be archived.
    """

    changed: list[int] = field(default_factory=list)
    unknown: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @classmethod
    async def compare(cls, engines: Engines) -> TypedTexts:
        """Read all stored texts in pages, and the reasons that cards show."""
        found, after = cls(), ""
        while True:
            async with engines.reader.connect() as connection:
                rows = (await connection.execute(PAIRS, {"after": after})).all()
            for row in rows:
                found._compare(row)
            if not rows:
                break
            after = rows[-1].attempt_id
        async with engines.reader.connect() as connection:
            for row in await connection.execute(REASONS):
                found._compare(row)
        return found

    def _compare(self, row: Any) -> None:
        if row.seq is None:
            self.unknown[row.attempt_id] = (row.text, row.salt)
        elif not is_as_typed(row.text, row.salt, row.reason_digest):
            self.changed.append(row.seq)

    def compare_archived(self, entry: Mapping[str, Any]) -> None:
        """Compare the text of an entry that was read from the archive."""
        digest = entry["reason_digest"]
        stored = self.unknown.pop(str(entry["attempt_id"]), None) if isinstance(digest, str) else None
        if stored is not None and not is_as_typed(*stored, digest):
            self.changed.append(entry["seq"])

    @property
    def flaw(self) -> str | None:
        """Return what was changed; None if nothing was."""
        if not self.changed:
            return None
        seq, more = min(self.changed), len(set(self.changed)) - 1
        also = f" So was that of {more} more." if more else ""
        return f"The text that was typed for entry {seq} was changed: it doesn't match the entry's digest.{also}"
