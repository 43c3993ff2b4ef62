"""``record-bot audit``: verify and export, with the work of each in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.app import opened_database
from bot.audit.entry import Draft, Phase
from bot.audit.export import COLUMNS, Filter, csv_header, csv_line, json_line
from bot.database.migrate import upgrade
from bot.database.store import SqlStore
from bot.database.trail import SqlTrail
from bot.errors import Refused
from bot.recording.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.audit.verification import Verifier
    from bot.config import DatabaseSettings
    from bot.recording.ports import Transaction

EXPORT_ACTION = "audit:export"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    ok: bool
    text: str


async def verify_database(
    settings: DatabaseSettings, verifier: Verifier, progress: Callable[[int, int], None]
) -> Verdict:
    """Verify the trail in the database, as it stands when this begins."""
    async with opened_database(settings) as engines:
        trail = SqlTrail(engines)
        total = await trail.count()
        done = 0
        async for entry in trail.entries():
            done += 1
            if verifier.feed(entry) is not None:
                break
            if not done % 1000:
                progress(done, max(done, total))
    verifier.finish()
    return _verdict(verifier)


def verify_file(path: Path, verifier: Verifier, progress: Callable[[int, int], None]) -> Verdict:
    """Verify an exported file of JSON lines; neither a database nor settings are needed."""
    total, done = path.stat().st_size, 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            done += len(line)
            entry = _parsed(line)
            if entry is None:
                return Verdict(ok=False, text=f"Line {number} is not an audit entry in JSON.")
            if number == 1 and entry["seq"] != 1:
                verifier.whole = False
            if verifier.feed(entry) is not None:
                break
            if not number % 1000:
                progress(done, total)
    verifier.finish()
    return _verdict(verifier)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
        return entry if entry.keys() == set(COLUMNS) else None
    except (ValueError, AttributeError):
        return None


def _verdict(verifier: Verifier) -> Verdict:
    if verifier.flaw is not None:
        return Verdict(ok=False, text=f"BROKEN. {verifier.flaw} {verifier.entries} entries before it are intact.")
    if not verifier.entries:
        return Verdict(ok=True, text="The trail is empty.")
    partial = (
        f"\n  part of a trail, with {verifier.gaps} gaps: what lies between was not checked" if verifier.gaps else ""
    )
    return Verdict(
        ok=True,
        text=f"Intact: {verifier.entries} entries.\n  first  {verifier.first_at}\n  last   {verifier.last_at}\n"
        f"  head   {verifier.last_seq} {verifier.head}{partial}",
    )


@dataclass(frozen=True, slots=True)
class Export:
    """One export to a file or to standard output; that it was made is in the trail, before it is made."""

    settings: DatabaseSettings
    actor: str
    wanted: Filter
    format: str
    output: Path | None

    async def run(self, progress: Callable[[int, int], None]) -> str:
        """Write the entries, and return a sentence about them. Raise Refused where the file is there already."""
        if self.output is not None and self.output.exists():
            raise Refused(f"{self.output} is there already; name another file.")
        async with opened_database(self.settings) as engines:
            await upgrade(engines)
            store, trail, attempt_id = SqlStore(engines), SqlTrail(engines), uuid7()
            up_to = await trail.count()
            await self._note(store, attempt_id, Phase.REQUESTED, self.wanted.facts())
            written, digest = await self._write(trail, up_to, progress)
            await self._note(store, attempt_id, Phase.SUCCEEDED, {"entries": written, "sha256": digest})
        if self.output is None:
            return f"{written} entries, SHA-256 {digest}"
        checksum = self.output.with_name(self.output.name + ".sha256")
        await asyncio.to_thread(checksum.write_text, f"{digest}  {self.output.name}\n")
        return f"{written} entries in {self.output}, its SHA-256 in {checksum}"

    async def _write(self, trail: SqlTrail, up_to: int, progress: Callable[[int, int], None]) -> tuple[int, str]:
        digest, written = hashlib.sha256(), 0
        line = json_line if self.format == "jsonl" else csv_line
        target = sys.stdout.buffer if self.output is None else self.output.open("xb")
        try:
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

    async def _note(self, store: SqlStore, attempt_id: Any, phase: Phase, outcome: dict[str, Any]) -> None:
        async def work(transaction: Transaction) -> None:
            await transaction.append(
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
