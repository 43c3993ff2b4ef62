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
from bot.audit.entry import Draft, Phase
from bot.audit.export import Filter, csv_header, csv_line, json_line
from bot.audit.files import Archive, feed_file
from bot.audit.reports.readable import BOM, readable_header, readable_line
from bot.audit.stored import entry_of
from bot.audit.verification import CutOff
from bot.database.migrate import unusable, upgrade, version
from bot.database.store import SqlStore
from bot.database.trail.descriptions import SqlDescriptions
from bot.database.trail.guards import check_guards
from bot.database.trail.reader import SqlTrail
from bot.errors import DatabaseUnusable, Refused
from bot.recording.clock import SystemClock
from bot.runtime.container import opened_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from bot.audit.archive import Manifest
    from bot.audit.verification import Verifier
    from bot.config.settings import DatabaseSettings
    from bot.database.engine import Engines
    from bot.recording.ports import Transaction

EXPORT_ACTION = "audit:export"
UNCHECKED = 3
NO_HEAD = (
    "This can't show whether entries were removed at the end. Compare with a hash from a digest or the audit channel: "
    "--head HASH."
)


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The result of a verification. ``unchecked``: nothing wrong was found, but not everything could be checked."""

    ok: bool
    text: str
    unchecked: bool = False

    @property
    def status(self) -> int:
        """Return the exit status: 0 intact, 1 broken, 3 intact as far as it could be checked."""
        return (UNCHECKED if self.unchecked else 0) if self.ok else 1


async def verify_database(
    settings: DatabaseSettings,
    verifier: Verifier,
    progress: Callable[[int, int], None],
    *,
    archive: Path | None = None,
) -> VerificationResult:
    """Verify the trail in the database, as of the beginning, after the archived segments if there are any.

    Raise DatabaseUnusable where the database is not the bot's or can't be opened.
    """
    headed = bool(verifier.wanted)
    async with opened_database(settings) as engines:
        trail = SqlTrail(engines)
        try:
            archived: tuple[Manifest, ...] = ()
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
    if verifier.flaw is None and (problem := _unnamed(archived, verifier)):
        return VerificationResult(ok=False, text=f"BROKEN: {problem}")
    return _verdict(verifier, archived, headed=headed, unchecked=guards)


async def _guards(engines: Engines) -> str:
    """Say what is missing of the triggers that keep the trail append-only; empty if nothing is."""
    try:
        found = await version(engines)
        if found.current is None:
            return ""
        if found.current != found.newest:
            return f"Whether the database protects the trail: its schema is {found.current}; run record-bot db upgrade."
        async with engines.reader.connect() as connection:
            await connection.run_sync(check_guards)
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


def verify_file(path: Path, verifier: Verifier, progress: Callable[[int, int], None]) -> VerificationResult:
    """Verify an exported file of JSON lines; neither a database nor settings are needed.

    Raise NotAnExport for another kind of file.
    """
    headed = bool(verifier.wanted)
    problem = feed_file(path, verifier, progress)
    if problem is not None:
        return VerificationResult(ok=False, text=f"BROKEN: {problem}")
    verifier.finish()
    return _verdict(verifier, headed=headed)


def _verdict(
    verifier: Verifier, archived: Sequence[Manifest] = (), *, headed: bool, unchecked: str = ""
) -> VerificationResult:
    """Say what was verified and what was not. ``headed``: hashes from outside were given."""
    if verifier.flaw is not None:
        before = "" if isinstance(verifier.flaw, CutOff) else f" {_before(verifier.entries)}"
        return VerificationResult(ok=False, text=f"BROKEN: {verifier.flaw}{before}")
    left_out = [*filter(None, (unchecked, _unchecked_anchors(verifier)))]
    if not verifier.entries:
        text = "The audit trail is empty."
    else:
        text = (
            f"Intact: {counted(verifier.entries, 'entry', 'entries')}, {_range(verifier)}.\n"
            f"  first  {verifier.first_at}\n  last   {verifier.last_at}\n  head   {verifier.last_seq} {verifier.head}"
        )
    lines = [text, *(f"  {one}" for one in _notes(verifier, archived)), *(f"Not checked: {one}" for one in left_out)]
    if not headed and not verifier.gaps:
        lines.append(NO_HEAD)
    return VerificationResult(ok=True, text="\n".join(lines), unchecked=bool(left_out))


def _before(entries: int) -> str:
    if not entries:
        return "No entry before it was checked."
    return "The 1 entry before it is intact." if entries == 1 else f"The {entries} entries before it are intact."


def _range(verifier: Verifier) -> str:
    return (
        f"up to #{verifier.last_seq}"
        if verifier.gaps
        else f"#{verifier.last_seq - verifier.entries + 1} to #{verifier.last_seq}"
    )


def _unchecked_anchors(verifier: Verifier) -> str:
    number = len(verifier.wanted) - len(verifier.missed())
    if not number:
        return ""
    belong = "1 anchor belongs to an archived entry" if number == 1 else f"{number} anchors belong to archived entries"
    return f"{belong}; add --archive DIR."


def _notes(verifier: Verifier, archived: Sequence[Manifest]) -> Iterator[str]:
    if verifier.gaps:
        yield f"a partial export with {counted(verifier.gaps, 'gap')}; entries in the gaps were not checked"
    if archived:
        yield f"entries {archived[0].first_seq} to {archived[-1].last_seq} are in the archive and were checked too"
    if verifier.tombstone is not None:
        seq, tombstone = verifier.tombstone
        named = f"entry {seq} names the file of {tombstone.first_seq} to {tombstone.last_seq}"
        yield f"entries 1 to {verifier.archived_to} are archived ({named}, SHA-256 {tombstone.sha256})"


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
        async with opened_database(self.settings) as engines:
            await upgrade(engines)
            store, trail, attempt_id = SqlStore(engines), SqlTrail(engines), uuid7()
            up_to = await trail.count()
            named = {"with": "names"} if self.names_in is not None else {}
            await self._note(store, attempt_id, Phase.REQUESTED, self.wanted.facts() | named)
            written, digest = await self._write(trail, SqlDescriptions(engines), up_to, progress)
            await self._note(store, attempt_id, Phase.SUCCEEDED, {"entries": written, "sha256": digest})
        if self.output is None:
            return f"Exported {counted(written, 'entry', 'entries')}, SHA-256 {digest}."
        checksum = self.output.with_name(self.output.name + ".sha256")
        await asyncio.to_thread(checksum.write_text, f"{digest}  {self.output.name}\n")
        return f"Exported {counted(written, 'entry', 'entries')} to {self.output} (SHA-256 in {checksum})."

    async def _write(
        self, trail: SqlTrail, descriptions: SqlDescriptions, up_to: int, progress: Callable[[int, int], None]
    ) -> tuple[int, str]:
        digest, written = hashlib.sha256(), 0
        line = json_line if self.format == "jsonl" else csv_line
        target = sys.stdout.buffer if self.output is None else self.output.open("xb")
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

    async def _note(self, store: SqlStore, attempt_id: Any, phase: Phase, outcome: dict[str, Any]) -> None:
        def work(transaction: Transaction) -> None:
            transaction.append(
                Draft(
                    id=uuid7(),
                    attempt_id=attempt_id,
                    occurred_at=SystemClock().now(),
                    phase=phase,
                    action=EXPORT_ACTION,
                    actor=self.actor,
                    conversation_id=self.wanted.conversation_id,
                    origin={"source": "cli"},
                    outcome={"format": self.format, **outcome},
                )
            )

        await store.write(work)


def _put(target: IO[bytes], digest: Any, line: str) -> None:
    data = line.encode()
    digest.update(data)
    target.write(data)
