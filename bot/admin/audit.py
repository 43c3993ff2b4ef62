"""``record-bot audit``: verify and export, each in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError
from uuid_utils.compat import uuid7

from bot.admin.counted import counted
from bot.admin.data import Keeper
from bot.admin.verification_result import VerificationResult, verdict
from bot.audit.entry import Phase
from bot.audit.export import Filter, csv_header, csv_line, json_line
from bot.audit.files import Archive, feed_file, new_private_file
from bot.audit.reports.readable import BOM, readable_header, readable_line
from bot.audit.stored import entry_of
from bot.database.migrate import unusable, upgrade, version
from bot.database.store import SqlStore
from bot.database.trail.descriptions import SqlDescriptions
from bot.database.trail.guards import check_guards
from bot.database.trail.reader import SqlTrail
from bot.database.trail.typed_texts import TypedTexts
from bot.errors import DatabaseUnusable, Refused
from bot.runtime.container import opened_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from bot.audit.archive import Manifest
    from bot.audit.verification import Verifier
    from bot.config.settings import DatabaseSettings
    from bot.database.engine import Engines

EXPORT_ACTION = "audit:export"


async def verify_database(
    settings: DatabaseSettings,
    verifier: Verifier,
    progress: Callable[[int, int], None],
    *,
    archive: Path | None = None,
    destroyed: int = 0,
) -> VerificationResult:
    """Verify the trail in the database, as of the beginning, after the archived segments if there are any.

    The reader knows that the archive files of entry 1 to ``destroyed`` were destroyed on purpose.

    Raise DatabaseUnusable where the database is not the bot's or can't be opened.
    """
    headed = bool(verifier.wanted)
    async with opened_database(settings) as engines:
        trail = SqlTrail(engines)
        try:
            archived: tuple[Manifest, ...] = ()
            texts = await TypedTexts.compare(engines)
            verifier.on_entry = texts.compare_archived
            if archive is not None:
                archived, problem = await _feed_archive(Archive(archive), await trail.first(), verifier, progress)
                if problem is not None:
                    return VerificationResult(ok=False, text=f"BROKEN: {problem}")
            await trail.verify(verifier, progress)
        except (SQLAlchemyError, sqlite3.Error) as error:
            if not verifier.entries:
                raise unusable(error, engines) from error
            cause = getattr(error, "orig", None) or error
            text = f"BROKEN: The database can't be read after entry {verifier.last_seq}: {cause}."
            return VerificationResult(ok=False, text=text)
        guards = await _guards(engines)
    verifier.finish()
    if verifier.flaw is None and archive is not None:
        problem = _unnamed(archived, verifier) or _lost(archive, destroyed, verifier)
        if problem is not None:
            return VerificationResult(ok=False, text=f"BROKEN: {problem}")
    if verifier.flaw is None and texts.flaw is not None:
        return VerificationResult(ok=False, text=f"BROKEN: {texts.flaw}")
    return verdict(
        verifier,
        archived,
        headed=headed,
        unchecked=guards,
        texts=len(texts.unknown),
        destroyed=destroyed if archive else 0,
    )


async def _guards(engines: Engines) -> str:
    """Say what is missing of the triggers that keep the trail append-only; empty if nothing is."""
    try:
        found = await version(engines)
        if found.current is None:
            return ""
        if found.current != found.newest:
            return f"Whether the database protects the trail: its schema is {found.current}; run record-bot db upgrade."
        await engines.read(check_guards)
    except (DatabaseUnusable, SQLAlchemyError) as error:
        return f"Whether entries were added or removed while the database did not protect the trail. {error}"
    return ""


async def _feed_archive(
    archive: Archive, first_here: int, verifier: Verifier, progress: Callable[[int, int], None]
) -> tuple[tuple[Manifest, ...], str | None]:
    """Feed the segments before the first entry of the database; one whose removal was interrupted is checked alone."""
    fed: list[Manifest] = []
    try:
        segments = archive.segments()
    except (ValueError, OSError) as error:
        return (), str(error)
    for segment in segments:
        if segment.first_seq >= first_here:
            problem = await asyncio.to_thread(archive.check, segment)
        else:
            problem = await asyncio.to_thread(archive.feed, segment, verifier, progress)
            fed.append(segment)
        if problem is not None or verifier.flaw is not None:
            return tuple(fed), problem
    return tuple(fed), None


def _unnamed(archived: Sequence[Manifest], verifier: Verifier) -> str | None:
    for segment in archived:
        _, named = verifier.tombstones.get(segment.last_seq, (0, None))
        if named != segment.tombstone():
            return f"The trail doesn't mention the archive file {segment.file} with this SHA-256."
    return None


def _lost(directory: Path, destroyed: int, verifier: Verifier) -> str | None:
    """Return which entries are neither in the archive nor destroyed on purpose; None if there are none.

    A tombstone is only a claim. So is an entry about a destruction, which counts only if the reader confirms it.
    """
    last, said = verifier.archived_to, verifier.destroyed.get(verifier.archived_to)
    if not last or (said is not None and destroyed >= last):
        return None
    seq, tombstone = verifier.tombstones[last]
    lost = (
        f"Entries 1 to {last} are not in {directory}, although entry {seq} says that they were archived (SHA-256 of "
        f"the last file: {tombstone.sha256})."
    )
    if said is not None:
        known = "if you know that this is true, add"
        return f"{lost} Entry {said} says that they were destroyed on purpose; {known} --destroyed {last}."
    return (
        f"{lost} Restore the files from a copy. If they were destroyed on purpose, say so in the trail: record-bot "
        f"audit destroy {last}."
    )


def verify_file(path: Path, verifier: Verifier, progress: Callable[[int, int], None]) -> VerificationResult:
    """Verify an exported file of JSON lines; neither a database nor settings are needed.

    Raise NotAnExport for another kind of file.
    """
    headed = bool(verifier.wanted)
    problem = feed_file(path, verifier, progress)
    if problem is not None:
        return VerificationResult(ok=False, text=f"BROKEN: {problem}")
    verifier.finish()
    return verdict(verifier, headed=headed, file=path)


@dataclass(frozen=True, slots=True)
class Export:
    """One export to a file or to standard output. The trail records the export before it is written."""

    settings: DatabaseSettings
    actor: str
    wanted: Filter
    format: str
    output: Path | None
    names_in: ZoneInfo | None = None
    """The time zone of a table for people, with names; None: the entries as they are."""

    async def run(self, progress: Callable[[int, int], None]) -> str:
        """Write the entries, and return a sentence about them. Raise Refused if the file already exists."""
        if self.output is not None and self.output.exists():
            raise Refused(f"{self.output} already exists; choose another name.")
        keeper, call = Keeper(self.settings, self.actor), self.wanted.conversation_id
        async with opened_database(self.settings) as engines:
            await upgrade(engines)
            store, trail, attempt_id = SqlStore(engines), SqlTrail(engines), uuid7()
            up_to = await trail.count()
            named = {"with": "names"} if self.names_in is not None else {}
            asked = {"format": self.format, **self.wanted.facts(), **named}
            await keeper.note(store, EXPORT_ACTION, Phase.REQUESTED, attempt_id, asked, call=call)
            written, digest = await self._write(trail, SqlDescriptions(engines), up_to, progress)
            done = {"format": self.format, "entries": written, "sha256": digest}
            await keeper.note(store, EXPORT_ACTION, Phase.SUCCEEDED, attempt_id, done, call=call)
        if self.output is None:
            return f"Exported {counted(written, 'entry', 'entries')}, SHA-256 {digest}."
        checksum = self.output.with_name(self.output.name + ".sha256")
        await asyncio.to_thread(_write_private, checksum, f"{digest}  {self.output.name}\n")
        return f"Exported {counted(written, 'entry', 'entries')} to {self.output} (SHA-256 in {checksum})."

    async def _write(
        self, trail: SqlTrail, descriptions: SqlDescriptions, up_to: int, progress: Callable[[int, int], None]
    ) -> tuple[int, str]:
        digest, written = hashlib.sha256(), 0
        line = json_line if self.format == "jsonl" else csv_line
        target = sys.stdout.buffer if self.output is None else new_private_file(self.output)
        try:
            if self.names_in is not None:
                return await self._write_readable(trail, descriptions, target, digest, up_to)
            if self.format == "csv":
                _put(target, digest, csv_header())
            async for entry in trail.entries(self.wanted, up_to=up_to):
                _put(target, digest, line(entry))
                written += 1
                if not written % 1000:
                    progress(entry["seq"], up_to)
        finally:
            target.flush()
            if self.output is not None:
                target.close()
        return written, digest.hexdigest()

    async def _write_readable(
        self, trail: SqlTrail, descriptions: SqlDescriptions, target: IO[bytes], digest: Any, up_to: int
    ) -> tuple[int, str]:
        zone, written = self.names_in, 0
        if zone is None:
            raise AssertionError
        _put(target, digest, BOM + readable_header(zone))
        async for rows in trail.pages(self.wanted, up_to=up_to):
            entries = [entry_of(row) for row in rows]
            for entry, described in zip(entries, await descriptions.of(entries), strict=True):
                _put(target, digest, readable_line(entry, described, zone, people={}, reasons={}))
            written += len(entries)
        return written, digest.hexdigest()


def _put(target: IO[bytes], digest: Any, line: str) -> None:
    data = line.encode()
    digest.update(data)
    target.write(data)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with new_private_file(path) as file:
        file.write(text.encode())
