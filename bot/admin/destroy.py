"""``record-bot audit destroy``: deletes archive files whose time is over, oldest first, with entries in the trail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from uuid_utils.compat import uuid7

from bot.admin.counted import counted
from bot.audit.archive import DESTROY_ACTION
from bot.audit.entry import Phase
from bot.audit.files import Archive
from bot.database.maintenance.archive import tombstones
from bot.database.maintenance.segment import directory_to_disk
from bot.database.schema.tables import audit_entries
from bot.database.trail.legal_hold import current_hold
from bot.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from bot.admin.data import Keeper
    from bot.audit.archive import Manifest
    from bot.database.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class Destruction:
    """Deletes the archive files of entry 1 to ``last_seq``.

    The request is in the trail before the first file is deleted. A run that was cut off can be repeated.
    """

    keeper: Keeper
    last_seq: int
    directory: Path
    reason: str

    async def run(self) -> str:
        """Delete the files, and return a sentence about it. Raise Refused if they have to stay."""
        archive, attempt_id = Archive(self.directory), uuid7()
        try:
            segments = await asyncio.to_thread(archive.segments)
        except (ValueError, OSError) as error:
            raise Refused(str(error)) from None
        doomed = [one for one in segments if one.last_seq <= self.last_seq]
        facts = {"last_seq": self.last_seq, "files": len(doomed)}

        def ask(transaction: SqlTransaction) -> str | None:
            if refusal := self._refusal(transaction, segments):
                cause, sentence = refusal
                outcome = {"last_seq": self.last_seq, "error": "refused", "cause": cause}
                self.keeper.append(transaction, DESTROY_ACTION, Phase.FAILED, attempt_id, outcome)
                return sentence
            digest = transaction.keep_text(attempt_id, self.reason, self.keeper.clock.now())
            self.keeper.append(transaction, DESTROY_ACTION, Phase.REQUESTED, attempt_id, facts, digest=digest)
            return None

        async with self.keeper.opened() as store:
            if sentence := await store.write(ask):
                raise Refused(sentence)
            await asyncio.to_thread(self._delete, archive, doomed)
            await store.write(
                lambda transaction: self.keeper.append(transaction, DESTROY_ACTION, Phase.SUCCEEDED, attempt_id, facts)
            )
        if not doomed:
            return (
                f"Noted that the archive files of entries 1 to {self.last_seq} are gone; none was in {self.directory}."
            )
        return f"Destroyed the archive files of entries 1 to {self.last_seq} ({counted(len(doomed), 'file')})."

    def _refusal(self, transaction: SqlTransaction, segments: tuple[Manifest, ...]) -> tuple[str, str] | None:
        connection = transaction.connection
        if hold := current_hold(connection):
            return "legal_hold", f"{hold}. Nothing was destroyed. Release the hold first: record-bot audit hold off"
        present = select(audit_entries.c.seq).where(audit_entries.c.seq <= self.last_seq).limit(1)
        if connection.execute(present).first() is not None:
            return "not_archived", f"Entry {self.last_seq} is still in the database. Archive it first."
        ends: list[Any] = [*segments, *tombstones(connection)]
        if self.last_seq not in {one.last_seq for one in ends}:
            return "no_segment", f"{self.last_seq} isn't the last entry of an archive file. See the names of the files."
        return None

    def _delete(self, archive: Archive, doomed: list[Manifest]) -> None:
        for segment in doomed:
            for path in archive.files_of(segment):
                path.unlink(missing_ok=True)
        if doomed:
            directory_to_disk(self.directory)
