"""A verifier written from docs/audit-format.md alone, by somebody who does not have the bot."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = re.compile(r"audit-(\d{10})-(\d{10})\.jsonl")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Broken(Exception):
    """The trail is not as it was written."""


def first_bad_line(file: Path) -> int | None:
    """Return the number of the first line that is not as it should be; None where the trail is intact."""
    before = "0" * 64
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = checked(line)
            except Broken:
                return number
            if (entry["seq"], entry["previous_hash"]) != (number, before):
                return number
            before = entry["hash"]
    return None


def unproven_lines(file: Path, root: str) -> list[int]:
    """Return the numbers of the lines of an evidence file's entries that the root does not prove."""
    with zipfile.ZipFile(file) as parts:
        lines = parts.read("entries.jsonl").decode().splitlines()
        facts = json.loads(parts.read("evidence.json"))
    trees = {tree["digest_seq"]: tree for tree in facts["trees"]}
    proofs = {proof["seq"]: proof for proof in facts["proofs"]}
    bad = []
    for number, line in enumerate(lines, start=1):
        entry = json.loads(line)
        digest, previous = entry.pop("hash"), entry.pop("previous_hash")
        canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        own = hashlib.sha256((previous + canonical).encode()).hexdigest() == digest
        proof = proofs.get(entry["seq"])
        if not own or proof is None or _root(digest, trees[proof["digest_seq"]], proof) != root:
            bad.append(number)
    return bad


def _root(entry_hash: str, tree: dict[str, Any], proof: dict[str, Any]) -> str | None:
    """Walk up from the leaf, as RFC 9162, section 2.1.3.2 says."""
    place, last = proof["seq"] - tree["first_seq"], tree["last_seq"] - tree["first_seq"]
    digest = hashlib.sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()
    for step in map(bytes.fromhex, proof["path"]):
        if last == 0:
            return None
        if place & 1 or place == last:
            digest = hashlib.sha256(b"\x01" + step + digest).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\x01" + digest + step).digest()
        place, last = place >> 1, last >> 1
    return digest.hex() if last == 0 else None


def checked(line: bytes) -> dict[str, Any]:
    """Return the entry on a line, whose bytes have to be the canonical form, and whose hash has to fit them."""
    entry: dict[str, Any] = json.loads(line)
    if canonical(entry) + b"\n" != line or has_fraction(entry):
        raise Broken("other bytes")
    hashed = {name: value for name, value in entry.items() if name not in {"previous_hash", "hash"}}
    if hashlib.sha256(entry["previous_hash"].encode() + canonical(hashed)).hexdigest() != entry["hash"]:
        raise Broken("other content")
    return entry


def canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def has_fraction(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(has_fraction, value)) if isinstance(value, list) else isinstance(value, float)


@dataclass
class Stranger:
    """Verifies an export of a database together with its archive, or without it.

    ``destroyed`` is up to which entry the stranger knows that archive files were destroyed on purpose; ``anchors`` are
    hashes, or the first 12 digits of them, with their numbers, as the audit channel showed them.
    """

    archive: Path | None = None
    destroyed: int = 0
    anchors: Mapping[str, int] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The manifests, by their last entry."""

    def verdict(self, export: Path) -> str:
        """Return intact, part or broken."""
        try:
            return self._verdict(export)
        except Broken:
            return "broken"

    def _verdict(self, export: Path) -> str:
        if self.archive is not None:
            for manifest in sorted(self.archive.glob("*.manifest.json")):
                self._segment(json.loads(manifest.read_text()))
        self._read(export)
        if not self.entries:
            return "part"
        tombstones = {
            one["outcome"]["last_seq"]: one
            for one in self.entries
            if (one["action"], one["phase"]) == ("audit:archive", "succeeded")
        }
        for last, listed in self.files.items():
            members = ("first_seq", "last_seq", "count", "previous_hash", "last_hash", "sha256")
            if last not in tombstones or any(tombstones[last]["outcome"][one] != listed[one] for one in members):
                raise Broken("a file that the trail does not name")
        missing = self.entries[0]["seq"] - 1
        if missing and missing not in tombstones:
            return "part"  # an export of some entries
        if missing and tombstones[missing]["outcome"]["last_hash"] != self.entries[0]["previous_hash"]:
            raise Broken("another past")
        whole = not missing or (self.archive is not None and self._admitted(missing))
        anchored = self._anchored()
        return "intact" if whole and anchored else "part"

    def _admitted(self, missing: int) -> bool:
        said = any(
            (one["action"], one["phase"], one["outcome"].get("last_seq")) == ("audit:destroy", "succeeded", missing)
            for one in self.entries
        )
        if not said or self.destroyed < missing:
            raise Broken("the files of a tombstone are missing")
        return True

    def _segment(self, manifest: dict[str, Any]) -> None:
        assert self.archive is not None
        found = NAME.fullmatch(manifest["file"])
        file = self.archive / manifest["file"]
        if found is None or not file.is_file():
            raise Broken("no such file")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        beside = file.with_name(f"{file.name}.sha256")
        if not beside.is_file() or beside.read_text() != f"{digest}  {file.name}\n":
            raise Broken("another checksum")
        before = len(self.entries)
        self._read(file)
        own = self.entries[before:]
        said = {
            "format": "record-bot audit archive 1",
            "file": file.name,
            "bytes": file.stat().st_size,
            "sha256": digest,
            "first_seq": own[0]["seq"],
            "last_seq": own[-1]["seq"],
            "count": len(own),
            "first_at": own[0]["occurred_at"],
            "last_at": own[-1]["occurred_at"],
            "created_at": manifest["created_at"],
            "previous_hash": own[0]["previous_hash"],
            "first_hash": own[0]["hash"],
            "last_hash": own[-1]["hash"],
        }
        if said != manifest or not TIME.fullmatch(manifest["created_at"]):
            raise Broken("another manifest")
        if (int(found[1]), int(found[2])) != (own[0]["seq"], own[-1]["seq"]):
            raise Broken("another name")
        self.files[own[-1]["seq"]] = manifest

    def _read(self, file: Path) -> None:
        with file.open("rb") as lines:
            for line in lines:
                entry = checked(line)
                if self.entries:
                    last = self.entries[-1]
                    if (entry["seq"], entry["previous_hash"]) != (last["seq"] + 1, last["hash"]):
                        raise Broken("a gap")
                elif entry["seq"] == 1 and entry["previous_hash"] != "0" * 64:
                    raise Broken("another beginning")
                self.entries.append(entry)

    def _anchored(self) -> bool:
        """Say whether every anchor was compared. Raise Broken if one is of another trail."""
        first, last = self.entries[0], self.entries[-1]
        hashes = {one["seq"]: one["hash"] for one in self.entries} | {first["seq"] - 1: first["previous_hash"]}
        for shown, seq in self.anchors.items():
            if seq > last["seq"] or (seq in hashes and not hashes[seq].startswith(shown)):
                raise Broken("another trail than the channel showed")
        return all(seq in hashes for seq in self.anchors.values())
