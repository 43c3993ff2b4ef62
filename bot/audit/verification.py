"""Verifies a trail against its own hash chain, entry by entry, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from bot.audit.archive import ARCHIVE_ACTION, DESTROY_ACTION, Tombstone, destroyed_to, is_tombstone
from bot.audit.entry import GENESIS_HASH
from bot.audit.stored import FIELDS, entry_matches, entry_of, row_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SEQ, OCCURRED_AT, ACTION = (FIELDS.index(name) for name in ("seq", "occurred_at", "action"))
ABOUT_ARCHIVES = frozenset({ARCHIVE_ACTION, DESTROY_ACTION})
PREVIOUS_HASH, HASH = len(FIELDS), len(FIELDS) + 1


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first entry that differs from what was written, and how."""

    seq: int
    how: str

    @override
    def __str__(self) -> str:
        return f"Entry {self.seq} {self.how}."


@dataclass(frozen=True, slots=True)
class Missing(Flaw):
    """Entries are missing from ``seq`` to ``last``."""

    last: int

    @override
    def __str__(self) -> str:
        return (
            f"Entry {self.seq} is missing."
            if self.seq == self.last
            else f"Entries {self.seq} to {self.last} are missing."
        )


@dataclass(frozen=True, slots=True)
class CutOff(Flaw):
    """A hash that was seen outside is not in the trail, which ends at ``seq``."""

    number: int | None
    archived: bool

    @override
    def __str__(self) -> str:
        ends = f"The trail ends at entry {self.seq}" if self.seq else "The trail is empty"
        named = "" if self.number is None else f" of entry {self.number}"
        archived = " The entry can also be in the archive: add --archive DIR." if self.archived else ""
        return (
            f"{ends}, but the hash {self.how}{named} isn't in it. Entries were removed at the end, or the trail was "
            f"rewritten.{archived}"
        )


@dataclass
class Verifier:
    """Takes entries in the order of their numbers; ignores everything after the first flaw.

    ``wanted`` are hashes that have to be in the chain, each with the number under which an anchor knows it, or None.
    One with a number may be only the beginning of the hash.
    ``whole`` says that the entries are meant to be all there are; a trail that begins later is then taken only with a
    tombstone in the chain that names exactly what is missing. Of a filtered export only each entry by itself, and each
    entry with its direct predecessor, can be checked.
    """

    whole: bool = True
    wanted: dict[str, int | None] = field(default_factory=dict)
    entries: int = 0
    first_at: str | None = None
    last_at: str | None = None
    last_seq: int = 0
    head: str = GENESIS_HASH
    gaps: int = 0
    flaw: Flaw | None = None
    archived_to: int = 0
    """The number before the first entry; 0 if that is number 1."""
    archived_hash: str = GENESIS_HASH
    tombstones: dict[int, tuple[int, Tombstone]] = field(default_factory=dict)
    """By the last number of their range: the tombstone's own number, and what it says."""
    destroyed: dict[int, int] = field(default_factory=dict)
    """By the last number of their range: the number of the entry that says that its files were destroyed."""

    on_entry: Callable[[Mapping[str, Any]], None] | None = None
    """Called with each intact entry that is read from a file."""
    _shown: dict[int, list[str]] = field(init=False, repr=False)
    """The wanted hashes, by the number under which an anchor knows them."""

    def __post_init__(self) -> None:
        self._shown = {}
        for digest, seq in self.wanted.items():
            if seq is not None:
                self._shown.setdefault(seq, []).append(digest)

    def feed(self, entry: Mapping[str, Any]) -> Flaw | None:
        """Check the next entry. ``origin`` and ``outcome`` are JSON objects here."""
        fits = entry_matches(entry)
        if self._next(entry["seq"], entry["previous_hash"], entry["hash"], fits=fits) is None:
            self._went_on(entry["seq"], entry["hash"], str(entry["occurred_at"]))
            self._note(entry)
            if self.on_entry is not None:
                self.on_entry(entry)
        return self.flaw

    def feed_rows(self, rows: Iterable[Sequence[Any]]) -> Flaw | None:
        """Check the next entries as they are stored, several times as fast: FIELDS, ``previous_hash``, ``hash``."""
        for row in rows if self.flaw is None else ():
            seq, previous, digest = row[SEQ], row[PREVIOUS_HASH], row[HASH]
            fits = row_matches(row)
            usual = fits and seq == self.last_seq + 1 and previous == self.head and not self.wanted
            if not usual and self._next(seq, previous, digest, fits=fits) is not None:
                break
            self._went_on(seq, digest, row[OCCURRED_AT])
            if row[ACTION] in ABOUT_ARCHIVES:
                self._note(entry_of(row))
        return self.flaw

    def finish(self) -> Flaw | None:
        """Run the checks that are possible only at the end.

        What is missing at the beginning must be named by a tombstone, and no hash may be missing that somebody outside
        has seen, except where it lies in an archived segment.
        """
        if self.flaw is None and self.archived_to:
            self.flaw = self._unburied()
        if self.flaw is None and (missed := self.missed()):
            digest, seq = next(iter(missed.items()))
            self.flaw = CutOff(self.last_seq, digest, number=seq, archived=bool(self.archived_to))
        return self.flaw

    def missed(self) -> dict[str, int | None]:
        """Return the wanted hashes that were not found, without those of entries that were not read."""
        return {one: seq for one, seq in self.wanted.items() if seq is None or not self._unread(seq)}

    def _unread(self, seq: int) -> bool:
        """Return whether the entry is in the archive, or in a gap of a partial export."""
        return seq <= self.archived_to or (bool(self.gaps) and seq < self.last_seq)

    @property
    def tombstone(self) -> tuple[int, Tombstone] | None:
        """The number and the text of the tombstone that names what is missing at the beginning."""
        return self.tombstones.get(self.archived_to)

    def _went_on(self, seq: int, digest: str, occurred_at: str) -> None:
        self.entries += 1
        if self.first_at is None:
            self.first_at = occurred_at
        self.last_at, self.last_seq, self.head = occurred_at, seq, digest

    def _note(self, entry: Mapping[str, Any]) -> None:
        """Note what the entry says of archived entries: it can say that only of earlier ones."""
        seq = entry["seq"]
        tombstone = Tombstone.read(entry["outcome"]) if is_tombstone(entry) else None
        if tombstone is not None and tombstone.last_seq < seq:
            self.tombstones[tombstone.last_seq] = (seq, tombstone)
        if 0 < (last := destroyed_to(entry)) < seq:
            self.destroyed[last] = seq

    def _next(self, seq: Any, previous: Any, digest: Any, *, fits: bool) -> Flaw | None:
        self.flaw = self.flaw or self._check(seq, previous, digest, fits=fits)
        return self.flaw

    def _check(self, seq: Any, previous: Any, digest: Any, *, fits: bool) -> Flaw | None:
        if type(seq) is not int:
            return Flaw(self.last_seq + 1, "has no number")
        if seq != self.last_seq + 1:
            if flaw := self._gap(seq, str(previous)):
                return flaw
        elif previous != self.head and _is_hash(str(previous)):
            return Flaw(seq, f"doesn't follow entry {self.last_seq}: it was swapped, inserted or rewritten")
        if not fits or not _is_hash(str(previous)):
            return Flaw(seq, "was changed: its content does not match its hash")
        return self._anchored(seq, str(digest))

    def _gap(self, seq: int, previous: str) -> Flaw | None:
        if seq <= self.last_seq:
            return Flaw(seq, f"comes after entry {self.last_seq}: it was repeated or moved")
        if self.whole and self.entries:
            return _missing(self.last_seq + 1, seq - 1)
        if self.whole:
            self.archived_to, self.archived_hash = seq - 1, previous
            return self._anchored(seq - 1, previous)
        self.gaps += 1
        return None

    def _unburied(self) -> Flaw | None:
        found = self.tombstone
        if found is None:
            return _missing(1, self.archived_to)
        seq, tombstone = found
        if tombstone.last_hash != self.archived_hash:
            return Flaw(
                self.archived_to + 1, f"doesn't follow the archived entry {self.archived_to} that entry {seq} names"
            )
        return None

    def _anchored(self, seq: int, digest: str) -> Flaw | None:
        known_as = self.wanted.pop(digest, None)
        if known_as is not None and known_as != seq:
            return Flaw(seq, f"was number {known_as} in the anchors: the trail was rewritten")
        for shown in self._shown.pop(seq, ()):
            if not digest.startswith(shown):
                return Flaw(seq, f"had the hash {shown} in the anchors: the trail was rewritten")
            self.wanted.pop(shown, None)
        return None


def _missing(first: int, last: int) -> Flaw:
    return Missing(first, "is missing", last)


def _is_hash(text: str) -> bool:
    return len(text) == len(GENESIS_HASH) and all(one in "0123456789abcdefABCDEF" for one in text)
