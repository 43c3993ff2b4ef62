"""Holds a trail against its own hash chain, entry by entry, in constant memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from bot.audit.entry import GENESIS_HASH, chain_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = (
    "seq",
    "id",
    "attempt_id",
    "occurred_at",
    "phase",
    "action",
    "actor",
    "conversation_id",
    "participant_id",
    "recording_id",
    "reason_code",
    "reason_digest",
    "origin",
    "outcome",
)
"""What the hash covers; ``previous_hash`` and ``hash`` stand beside it."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first entry that is not as it was written, and how."""

    seq: int
    how: str

    @override
    def __str__(self) -> str:
        return f"Entry {self.seq} {self.how}."


@dataclass
class Verifier:
    """Fed with entries in the order of their numbers; stops caring at the first flaw.

    ``wanted`` are hashes that have to be in the chain, each with the number under which an anchor knows it, or None.
    ``whole`` says that the entries are meant to be all there are; of a filtered export only each entry by itself, and
    each entry with its direct predecessor, can be checked.
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

    def feed(self, entry: Mapping[str, Any]) -> Flaw | None:
        """Check the next entry. ``origin`` and ``outcome`` are JSON objects here."""
        self.flaw = self.flaw or self._look(entry)
        if self.flaw is None:
            self.entries += 1
            self.first_at = self.first_at or str(entry["occurred_at"])
            self.last_at, self.last_seq, self.head = str(entry["occurred_at"]), entry["seq"], entry["hash"]
        return self.flaw

    def finish(self) -> Flaw | None:
        """Check what can be checked only at the end: that no hash was missed which somebody outside has seen."""
        if self.flaw is None and self.wanted:
            digest, seq = next(iter(self.wanted.items()))
            where = f"number {seq}" if seq is not None else "some number"
            self.flaw = Flaw(
                self.last_seq,
                f"is the last one, but the hash {digest} ({where}) was seen outside and is not in the chain: "
                "the trail was cut off or written anew",
            )
        return self.flaw

    def _look(self, entry: Mapping[str, Any]) -> Flaw | None:
        seq = entry["seq"]
        if not isinstance(seq, int) or isinstance(seq, bool):
            return Flaw(self.last_seq + 1, "has no number")
        if seq != self.last_seq + 1:
            if self.whole or seq <= self.last_seq:
                return self._out_of_order(seq)
            self.gaps += 1
        elif entry["previous_hash"] != self.head:
            return Flaw(seq, f"does not follow entry {self.last_seq}: it was swapped, inserted or written anew")
        if not _matches(entry):
            return Flaw(seq, "was changed: its content does not match its hash")
        return self._anchored(seq, str(entry["hash"]))

    def _out_of_order(self, seq: int) -> Flaw:
        if seq <= self.last_seq:
            return Flaw(seq, f"comes after entry {self.last_seq}: it was repeated or moved")
        missing = self.last_seq + 1
        return Flaw(missing, "is missing" if seq == missing + 1 else f"and all up to {seq - 1} are missing")

    def _anchored(self, seq: int, digest: str) -> Flaw | None:
        known_as = self.wanted.pop(digest, None)
        if known_as is not None and known_as != seq:
            return Flaw(seq, f"was number {known_as} when it was seen outside")
        other = next((one for one, number in self.wanted.items() if number == seq), None)
        if other is not None:
            return Flaw(seq, f"had the hash {other} when it was seen outside: the trail was written anew")
        return None


def _matches(entry: Mapping[str, Any]) -> bool:
    hashed = {name: entry[name] for name in FIELDS}
    # The encoder in C writes the same bytes as RFC 8785 for all that entries hold, six times as fast as the library;
    # where they could differ (fractions), the library has the last word.
    quick = hashlib.sha256((entry["previous_hash"] + _encode(hashed)).encode("utf-8", "surrogatepass")).hexdigest()
    return bool(quick == entry["hash"]) or _slowly(entry, hashed)


def _slowly(entry: Mapping[str, Any], hashed: Mapping[str, Any]) -> bool:
    try:
        return bool(chain_hash(str(entry["previous_hash"]), hashed) == entry["hash"])
    except (ValueError, TypeError):
        return False


def entry_of(row: Sequence[Any]) -> dict[str, Any]:
    """Make an entry of a stored row: the fields, then ``previous_hash`` and ``hash``."""
    entry = dict(zip((*FIELDS, "previous_hash", "hash"), row, strict=True))
    for name in ("origin", "outcome"):
        try:
            entry[name] = json.loads(entry[name])
        except (TypeError, ValueError):
            entry[name] = {"not": "JSON"}  # was changed to something that was never written
    return entry


def read_anchors(lines: Sequence[str]) -> dict[str, int | None]:
    """Read anchors: a number and a hash on each line, as the audit channel showed them. Raise ValueError."""
    wanted: dict[str, int | None] = {}
    for place, line in enumerate(lines, start=1):
        words = line.replace("#", " ").split()
        if not words:
            continue
        match words:
            case [digest] if _is_hash(digest):
                wanted[digest.lower()] = None
            case [number, digest] if number.isdigit() and _is_hash(digest):
                wanted[digest.lower()] = int(number)
            case _:
                raise ValueError(f"line {place} is not a number and a hash of 64 hexadecimal digits")
    return wanted


def _is_hash(text: str) -> bool:
    return len(text) == len(GENESIS_HASH) and all(one in "0123456789abcdefABCDEF" for one in text)
