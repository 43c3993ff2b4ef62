"""``record-bot audit prove`` and ``audit verify FILE.zip``: the evidence for one call."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.admin.audit import EXPORT_ACTION
from bot.admin.counted import counted
from bot.admin.verification_result import VerificationResult
from bot.audit.entry import Phase, timestamp
from bot.audit.evidence.file import WHY_UNPROVEN, Evidence, EvidenceFile, NotEvidence, check
from bot.audit.files import Archive, new_private_file
from bot.database.trail.evidence import SqlEvidence
from bot.database.trail.reader import SqlTrail
from bot.errors import Refused
from bot.slack.blocks.audit.evidence_pages import guide, made_by, packed
from bot.slack.blocks.audit.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from bot.admin.data import Keeper

ZIP_START = b"PK"


@dataclass(frozen=True, slots=True)
class Prove:
    """Writes the evidence for one call to a new file. The trail records that before the file is written."""

    keeper: Keeper
    conversation_id: str
    output: Path
    zone: ZoneInfo
    archive: Path | None = None

    async def run(self) -> VerificationResult:
        """Write the file; unchecked if an entry has no proof yet. Raise Refused if there is nothing to write."""
        if self.output.exists():
            raise Refused(f"{self.output} already exists; choose another name.")
        keeper, call, attempt_id, form = self.keeper, self.conversation_id, uuid7(), {"format": "evidence"}
        async with keeper.opened() as store:
            first_here = await SqlTrail(store.engines).first()
            evidence = await SqlEvidence(store.engines).of(
                call,
                made_at=timestamp(keeper.clock.now()),
                made_by=made_by(),
                zone=self.zone.key,
                archive=None if self.archive is None else Archive(self.archive),
            )
            data = _packed(evidence)
            await keeper.note(store, EXPORT_ACTION, Phase.REQUESTED, attempt_id, form, call=call)
            await asyncio.to_thread(_write_new, self.output, data)
            done = {**form, "entries": len(evidence.entries), "sha256": hashlib.sha256(data).hexdigest()}
            await keeper.note(store, EXPORT_ACTION, Phase.SUCCEEDED, attempt_id, done, call=call)
        lines = [f"Wrote the evidence for call {self.conversation_id} to {self.output}.", *_contents(evidence)]
        if first_here > 1 and self.archive is None:
            lines.append(f"Entries before #{first_here} are in the archive; if the call is older, add --archive DIR.")
        return VerificationResult(ok=True, text="\n".join(lines), unchecked=bool(evidence.unproven))


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
    with new_private_file(path) as file:
        file.write(data)
