"""A verifier written from docs/audit-format.md alone, by somebody who does not have the bot."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def first_bad_line(file: Path) -> int | None:
    """Return the number of the first line that is not as it should be; None where the trail is intact."""
    before = "0" * 64
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            entry = json.loads(line)
            digest, previous = entry.pop("hash"), entry.pop("previous_hash")
            canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            expected = hashlib.sha256((previous + canonical).encode()).hexdigest()
            if (entry["seq"], previous, digest) != (number, before, expected):
                return number
            before = digest
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
