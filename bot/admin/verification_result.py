"""The result of ``record-bot audit verify`` as text and exit status: intact, a part of a trail, or broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.admin.counted import counted
from bot.audit.verification import CutOff

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bot.audit.archive import Manifest
    from bot.audit.verification import Verifier

INTACT, BROKEN, UNCHECKED = 0, 1, 3
PART = "Part of a trail"
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
        return (UNCHECKED if self.unchecked else INTACT) if self.ok else BROKEN


def verdict(
    verifier: Verifier,
    archived: Sequence[Manifest] = (),
    *,
    headed: bool,
    unchecked: str = "",
    texts: int = 0,
    destroyed: int = 0,
    file: Path | None = None,
) -> VerificationResult:
    """Say what was verified and what was not.

    ``headed``: hashes from outside were given. ``texts``: so many typed texts belong to no entry that was read.
    ``destroyed``: the reader knows that the archive files up to this entry were destroyed on purpose. ``file``:
    what was read is an export, not a database.
    """
    if verifier.flaw is not None:
        before = "" if isinstance(verifier.flaw, CutOff) else f" {_before(verifier.entries)}"
        return VerificationResult(ok=False, text=f"BROKEN: {verifier.flaw}{before}")
    admitted = 0 < verifier.archived_to <= destroyed
    part = list(_unread(verifier, file, admitted=admitted))
    left_out = [*filter(None, (unchecked,)), *part, *_unchecked_anchors(verifier)]
    if texts and not verifier.archived_to:
        problem = f"BROKEN: {counted(texts, 'typed text')} that no entry in the trail names: it was added later."
        return VerificationResult(ok=False, text=problem)
    if texts and not admitted:
        left_out.append(f"{counted(texts, 'typed text')} of entries that were not read.")
    if not verifier.entries:
        text = "The audit trail is empty." if file is None else f"{PART}: {file} contains no entries."
    else:
        text = (
            f"{f'{PART}, and intact as far as it goes' if part else 'Intact'}: "
            f"{counted(verifier.entries, 'entry', 'entries')}, {_range(verifier)}.\n"
            f"  first  {verifier.first_at}\n  last   {verifier.last_at}\n  head   {verifier.last_seq} {verifier.head}"
        )
    notes = _notes(verifier, archived, admitted=admitted)
    lines = [text, *(f"  {one}" for one in notes), *(f"Not checked: {one}" for one in left_out)]
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


def _unread(verifier: Verifier, file: Path | None, *, admitted: bool) -> Iterator[str]:
    """Say which entries of the trail were not read."""
    if verifier.gaps:
        yield f"the entries in {counted(verifier.gaps, 'gap')}, which this export leaves out."
    if file is not None and not verifier.entries:
        yield "anything. An export of a whole trail begins with entry 1."
    if verifier.tombstone is not None and not admitted:
        seq, _ = verifier.tombstone
        yield f"entries 1 to {verifier.archived_to}. Entry {seq} says that they are archived; add --archive DIR."


def _unchecked_anchors(verifier: Verifier) -> Iterator[str]:
    if number := len(verifier.wanted) - len(verifier.missed()):
        belong = "1 anchor belongs to an entry" if number == 1 else f"{number} anchors belong to entries"
        yield f"{belong} that {'was' if number == 1 else 'were'} not read."


def _notes(verifier: Verifier, archived: Sequence[Manifest], *, admitted: bool) -> Iterator[str]:
    if archived:
        yield f"entries {archived[0].first_seq} to {archived[-1].last_seq} are in the archive and were checked too"
    if verifier.tombstone is None:
        return
    last, (seq, tombstone) = verifier.archived_to, verifier.tombstone
    if admitted:
        yield f"entries 1 to {last} were destroyed on purpose, as --destroyed says (entry {verifier.destroyed[last]})"
    else:
        named = f"entry {seq} names the file of {tombstone.first_seq} to {tombstone.last_seq}"
        yield f"entries 1 to {last} are archived ({named}, SHA-256 {tombstone.sha256})"
