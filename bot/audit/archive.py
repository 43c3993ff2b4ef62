"""What replaces entries that were moved out of the database: a tombstone in the chain, a manifest beside the file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARCHIVE_ACTION = "audit:archive"
"""A ``succeeded`` entry of this action is a tombstone."""
DESTROY_ACTION = "audit:destroy"
"""A ``succeeded`` entry of this action says that archive files up to ``last_seq`` were destroyed on purpose."""
CHECKSUM_SUFFIX = ".sha256"
MANIFEST_SUFFIX = ".manifest.json"
FORMAT = "record-bot audit archive 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The outcome of the entry that names a segment: its range, both ends of its chain, and its file's SHA-256."""

    first_seq: int
    last_seq: int
    count: int
    previous_hash: str
    last_hash: str
    sha256: str

    @classmethod
    def read(cls, outcome: Any) -> Self | None:
        """Return the tombstone in an entry's outcome; None if it isn't one."""
        try:
            found = cls(**{one.name: outcome[one.name] for one in fields(cls)})
        except (KeyError, TypeError):
            return None
        numbers = (found.first_seq, found.last_seq, found.count)
        if not all(type(one) is int for one in numbers) or found.count != found.last_seq - found.first_seq + 1:
            return None
        return found

    def facts(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a segment's file; times as in entries, ``bytes`` and ``sha256`` of the file on disk."""

    file: str
    first_seq: int
    last_seq: int
    count: int
    first_at: str
    last_at: str
    previous_hash: str
    first_hash: str
    last_hash: str
    bytes: int
    sha256: str
    created_at: str
    format: str = FORMAT

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a manifest. Raise ValueError if it isn't one."""
        try:
            values = json.loads(text)
        except RecursionError:
            values = None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError("it is not a manifest of an archived segment")
        if values.keys() != {one.name for one in fields(cls)}:
            raise ValueError("its members are not those of a manifest")
        found = cls(**values)
        if any(type(getattr(found, one.name)).__name__ != one.type for one in fields(cls)):
            raise ValueError("a member has a value of the wrong kind")
        return found

    def text(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    def tombstone(self) -> Tombstone:
        """Return the tombstone of this segment for the chain."""
        return Tombstone(**{one.name: getattr(self, one.name) for one in fields(Tombstone)})


def segment_name(first_seq: int, last_seq: int) -> str:
    """Name a segment's file so that the order of names is the order of entries."""
    return f"audit-{first_seq:010}-{last_seq:010}.jsonl"


def in_order(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return the manifests by their ranges. Raise ValueError where ranges overlap or leave a gap between them."""
    ordered = tuple(sorted(manifests, key=lambda one: one.first_seq))
    for before, after in pairwise(ordered):
        if after.first_seq != before.last_seq + 1:
            raise ValueError(f"{after.file} does not go on where {before.file} ends (entry {before.last_seq})")
    return ordered


def destroyed_to(entry: Mapping[str, Any]) -> int:
    """Return the number up to which the entry says that archive files were destroyed; 0 if it says nothing of it."""
    if entry["action"] != DESTROY_ACTION or entry["phase"] != "succeeded":
        return 0
    last = entry["outcome"].get("last_seq") if isinstance(entry["outcome"], dict) else None
    return last if type(last) is int else 0


def is_tombstone(entry: Mapping[str, Any]) -> bool:
    return bool(entry["action"] == ARCHIVE_ACTION and entry["phase"] == "succeeded")
