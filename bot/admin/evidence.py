"""``record-bot audit prove`` and ``audit verify FILE.zip``: the evidence for one call."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.admin.audit import EXPORT_ACTION
from bot.admin.counted import counted
from bot.admin.verdict import VerificationResult
from bot.audit.entry import Draft, Phase, timestamp
from bot.audit.evidence import WHY_UNPROVEN, Evidence, EvidenceFile, NotEvidence, check
from bot.audit.files import Archive, checksum
from bot.database.migrate import upgrade
from bot.database.store import SqlStore
from bot.database.trail.evidence import SqlEvidence
from bot.database.trail.reader import SqlTrail
from bot.errors import Refused
from bot.recording.clock import SystemClock
from bot.runtime.container import opened_database
from bot.slack.blocks.audit.evidence_pages import guide, made_by, packed
from bot.slack.blocks.audit.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID
    from zoneinfo import ZoneInfo

    from bot.config.settings import DatabaseSettings
    from bot.recording.ports import Transaction

ZIP_START = b"PK"


@dataclass(frozen=True, slots=True)
class Prove:
    """Writes the evidence for one call to a new file. The trail records that before the file is written."""

    settings: DatabaseSettings
    actor: str
    conversation_id: str
    output: Path
    zone: ZoneInfo
    archive: Path | None = None

    async def run(self) -> VerificationResult:
        """Write the file; unchecked if an entry has no proof yet. Raise Refused if there is nothing to write."""
        if self.output.exists():
            raise Refused(f"{self.output} already exists; choose another name.")
        async with opened_database(self.settings) as engines:
            await upgrade(engines)
            store, attempt_id = SqlStore(engines), uuid7()
            first_here = await SqlTrail(engines).first()
            evidence = await SqlEvidence(engines).of(
                self.conversation_id,
                made_at=timestamp(SystemClock().now()),
                made_by=made_by(),
                zone=self.zone.key,
                archive=None if self.archive is None else Archive(self.archive),
            )
            data = _packed(evidence)
            await self._note(store, attempt_id, Phase.REQUESTED, {})
            await asyncio.to_thread(_write_new, self.output, data)
            facts = {"entries": len(evidence.entries), "sha256": checksum(self.output)}
            await self._note(store, attempt_id, Phase.SUCCEEDED, facts)
        lines = [f"Wrote the evidence for call {self.conversation_id} to {self.output}.", *_contents(evidence)]
        if first_here > 1 and self.archive is None:
            lines.append(f"Entries before #{first_here} are in the archive; if the call is older, add --archive DIR.")
        return VerificationResult(ok=True, text="\n".join(lines), unchecked=bool(evidence.unproven))

    async def _note(self, store: SqlStore, attempt_id: UUID, phase: Phase, outcome: dict[str, Any]) -> None:
        def work(transaction: Transaction) -> None:
            transaction.append(
                Draft(
                    id=uuid7(),
                    attempt_id=attempt_id,
                    occurred_at=SystemClock().now(),
                    phase=phase,
                    action=EXPORT_ACTION,
                    actor=self.actor,
                    conversation_id=self.conversation_id,
                    origin={"source": "cli"},
                    outcome={"format": "evidence", **outcome},
                )
            )

        await store.write(work)


def is_evidence(path: Path) -> bool:
    """Say whether a file is a ZIP file, which an export never is."""
    with path.open("rb") as file:
        return file.read(len(ZIP_START)) == ZIP_START


def verify_evidence(path: Path, roots: Sequence[str]) -> VerificationResult:
    """Check an evidence file; neither a database nor settings are needed."""
    try:
        file = EvidenceFile.unpacked(path.read_bytes())
        checked = check(file.evidence, roots)
    except NotEvidence as error:
        return VerificationResult(ok=False, text=f"BROKEN: {path}: {error}.")
    evidence = file.evidence
    unlike = [name for name, page in _pages(evidence).items() if page != getattr(file, name)]
    if unlike and evidence.made_by == made_by():
        return VerificationResult(
            ok=False, text=f"BROKEN: {path}: the page {unlike[0]} isn't the one that the entries give."
        )
    total, proven = counted(len(evidence.entries), "entry", "entries"), len(checked.proven)
    lines = [f"{'Intact' if proven else 'Not proven'}: {total} about call {evidence.conversation_id}, {proven} proven."]
    lines += [f"  #{entry['seq']} {entry['hash']}" for entry in evidence.entries]
    left_out = [
        f"the root of {tree.day} (digest #{tree.digest_seq} in the audit channel). If it is {tree.root}, add --root."
        for tree in checked.to_compare
    ]
    left_out += [f"entry {seq}: {WHY_UNPROVEN[why]}." for seq, why in evidence.unproven.items()]
    if unlike:
        left_out.append(f"the pages for people: they were made by {evidence.made_by}, and this is {made_by()}.")
    lines += [f"Not checked: {one}" for one in left_out]
    return VerificationResult(ok=True, text="\n".join(lines), unchecked=bool(left_out))


def _packed(evidence: Evidence) -> bytes:
    try:
        return packed(evidence)
    except NotEvidence as error:
        raise Refused(f"The trail can't prove this call: {error}. Run record-bot audit verify.") from error


def _pages(evidence: Evidence) -> dict[str, str]:
    try:
        return {"timeline": Timeline(evidence).page(), "guide": guide(evidence)}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {"timeline": "", "guide": ""}  # facts that no page can be made of were never written


def _contents(evidence: Evidence) -> list[str]:
    proofs, entries = len(evidence.proofs), counted(len(evidence.entries), "entry", "entries")
    lines = [f"  {entries}, {proofs} with a proof"]
    lines += [f"  root of {tree.day} (digest #{tree.digest_seq}): {tree.root}" for tree in evidence.trees]
    lines += [f"  entry {seq} has no proof: {WHY_UNPROVEN[why]}" for seq, why in evidence.unproven.items()]
    return lines


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read; what is typed on calls is in it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
