"""``record-bot audit archive``: archives segment by segment; a crash after any step loses nothing.

First the file is on disk and verified, then a tombstone is in the chain, then the rows are removed. The next run
finishes an interrupted one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError
from uuid_utils.compat import uuid7

from bot.admin.counted import counted
from bot.audit.archive import ARCHIVE_ACTION, Tombstone, segment_name
from bot.audit.entry import Phase, timestamp
from bot.audit.files import Archive
from bot.database.maintenance.archive import Obstacle, Range, due, obstacle, remove, unfinished
from bot.database.maintenance.segment import write_segment
from bot.database.migrate import unusable
from bot.database.trail.reader import SqlTrail
from bot.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from bot.admin.data import Keeper
    from bot.audit.archive import Manifest
    from bot.database.store import SqlStore
    from bot.database.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class Archiving:
    """One run of the archive: moves everything older than ``before`` into ``directory``."""

    keeper: Keeper
    before: datetime
    directory: Path

    async def run(self, progress: Callable[[int, int], None]) -> str:
        """Archive what is due, and return a sentence about it. Raise Refused if entries have to stay."""
        now = self.keeper.clock.now()
        if self.before > now:
            raise Refused("--before must be in the past.")
        done: list[Tombstone] = []
        async with self.keeper.opened() as store:
            end = await SqlTrail(store.engines).count()
            while True:
                left, wanted = await store.engines.read(
                    lambda connection: (unfinished(connection), due(connection, self.before))
                )
                if left is not None:
                    await self._write_again(store, left)
                elif wanted is not None:
                    left = await self._bury(store, wanted)
                else:
                    break
                await self._remove(store, left)
                done.append(left)
                progress(left.last_seq, end)
        if not done:
            return f"Nothing to archive: no entry is older than {timestamp(self.before)}."
        files = counted(len(done), "file")
        return f"Archived entries {done[0].first_seq} to {done[-1].last_seq} to {self.directory} ({files})."

    async def _bury(self, store: SqlStore, wanted: Range) -> Tombstone:
        attempt_id = uuid7()
        facts = {"before": timestamp(self.before), "first_seq": wanted.first, "last_seq": wanted.last}

        def ask(transaction: SqlTransaction) -> Obstacle | None:
            found = obstacle(transaction.connection, wanted.last)
            outcome = facts if found is None else {**facts, "error": "refused", "cause": found.cause}
            self._note(transaction, Phase.REQUESTED if found is None else Phase.FAILED, attempt_id, outcome)
            return found

        if found := await store.write(ask):
            raise Refused(found.sentence)
        try:
            manifest = await write_segment(SqlTrail(store.engines), wanted, self.directory, now=self.keeper.clock.now())
            return await self._name(store, attempt_id, manifest)
        except (Refused, OSError, SQLAlchemyError) as error:
            outcome = {**facts, "error": "refused", "cause": type(error).__name__}
            await store.write(lambda transaction: self._note(transaction, Phase.FAILED, attempt_id, outcome))
            if isinstance(error, SQLAlchemyError):
                raise unusable(error, store.engines) from error
            raise

    async def _name(self, store: SqlStore, attempt_id: UUID, manifest: Manifest) -> Tombstone:
        tombstone = manifest.tombstone()

        def work(transaction: SqlTransaction) -> None:
            if found := obstacle(transaction.connection, tombstone.last_seq):
                raise Refused(found.sentence)
            if unfinished(transaction.connection) is not None:
                raise Refused("Another archive run is in progress. Try again when it has ended.")
            self._note(transaction, Phase.SUCCEEDED, attempt_id, tombstone.facts())

        await store.write(work)
        return tombstone

    async def _write_again(self, store: SqlStore, tombstone: Tombstone) -> None:
        """Make sure that the file that a tombstone names is here; the same entries give the same bytes."""
        name = segment_name(tombstone.first_seq, tombstone.last_seq)
        if await asyncio.to_thread(_is_here, self.directory, tombstone):
            return
        wanted = Range(tombstone.first_seq, tombstone.last_seq)
        manifest = await write_segment(SqlTrail(store.engines), wanted, self.directory, now=self.keeper.clock.now())
        if manifest.tombstone() != tombstone:
            raise Refused(f"The file {name} differs from what the trail says about it. Run: record-bot audit verify")

    async def _remove(self, store: SqlStore, tombstone: Tombstone) -> None:
        def work(transaction: SqlTransaction) -> None:
            if found := obstacle(transaction.connection, tombstone.last_seq):
                raise Refused(found.sentence)
            remove(transaction.connection, tombstone)

        await store.write(work)

    def _note(self, transaction: SqlTransaction, phase: Phase, attempt_id: UUID, outcome: dict[str, Any]) -> None:
        self.keeper.append(transaction, ARCHIVE_ACTION, phase, attempt_id, outcome)


def _is_here(directory: Path, tombstone: Tombstone) -> bool:
    archive = Archive(directory)
    try:
        segments = archive.segments()
    except (ValueError, OSError):
        return False
    return any(one.tombstone() == tombstone and archive.check(one) is None for one in segments)
