"""The evidence for one call: its entries, and for each a proof that it stands under a root that the bot published.

The format is described in docs/audit-format.md, so that a stranger can check a file without the bot.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import rfc8785

from bot.audit.entry import text_digest
from bot.audit.evidence.merkle import root_of
from bot.audit.export import json_line
from bot.audit.stored import COLUMNS, entry_matches, is_canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT = "record-bot evidence 1"
ENTRIES, FACTS, GUIDE, TIMELINE, SUMS = (
    "entries.jsonl",
    "evidence.json",
    "how-to-check.html",
    "timeline.html",
    "SHA256SUMS",
)
MEMBERS = (ENTRIES, FACTS, GUIDE, TIMELINE, SUMS)
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same content is always the same file."""
LARGEST = 64 * 2**20
"""Bytes; a call has a few dozen entries of less than 2 KB."""
NO_ROOT_YET, BEFORE_FIRST_ROOT, ARCHIVED = "no_root_yet", "before_first_root", "archived"
WHY_UNPROVEN = {
    NO_ROOT_YET: "no digest has published a root for it yet",
    BEFORE_FIRST_ROOT: "it is older than the first root that was published",
    ARCHIVED: "its day was moved into the archive, which was not at hand when the file was made",
}


class NotEvidence(ValueError):
    """The file is no evidence file, or was changed; says how."""


@dataclass(frozen=True, slots=True)
class DayTree:
    """The Merkle tree of a day's entries, as the digest of the day published it; its entry is ``digest_seq``."""

    day: str
    digest_seq: int
    first_seq: int
    last_seq: int
    root: str

    @classmethod
    def read(cls, day: str, digest_seq: int, facts: Mapping[str, Any]) -> Self:
        """Read the tree of a digest's entry (the member ``tree`` of its outcome)."""
        return cls(day, digest_seq, facts["first_seq"], facts["last_seq"], facts["root"])

    @property
    def size(self) -> int:
        return self.last_seq - self.first_seq + 1

    def __contains__(self, seq: int) -> bool:
        return self.first_seq <= seq <= self.last_seq


@dataclass(frozen=True, slots=True)
class Proof:
    """The way from an entry to the root of its tree, which the number of the digest's entry names."""

    seq: int
    digest_seq: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypedText:
    """What a person typed, with the salt of the digest that the entry holds."""

    attempt_id: str
    text: str
    salt: str


@dataclass(frozen=True, slots=True)
class Names:
    """What ids were called when the file was made. Nothing proves them."""

    people: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, tuple[str | None, str | None, str | None]] = field(default_factory=dict)
    """By recording: the participant, the agent's user id, and the queue's name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an evidence file says. ``unproven``: for entries without a proof, why (a key of WHY_UNPROVEN)."""

    conversation_id: str
    made_at: str
    made_by: str
    zone: str
    entries: tuple[Mapping[str, Any], ...]
    trees: tuple[DayTree, ...] = ()
    proofs: tuple[Proof, ...] = ()
    unproven: Mapping[int, str] = field(default_factory=dict)
    typed: tuple[TypedText, ...] = ()
    names: Names = field(default_factory=Names)

    @property
    def proven_later(self) -> int:
        """Return how many entries have no proof because the digest with their root is still to come."""
        return list(self.unproven.values()).count(NO_ROOT_YET)

    def facts(self) -> dict[str, Any]:
        """Return everything but the entries as JSON values."""
        return {
            "format": FORMAT,
            "conversation_id": self.conversation_id,
            "made_at": self.made_at,
            "made_by": self.made_by,
            "zone": self.zone,
            "trees": [asdict(tree) for tree in self.trees],
            "proofs": [asdict(proof) | {"path": list(proof.path)} for proof in self.proofs],
            "unproven": {str(seq): why for seq, why in self.unproven.items()},
            "typed": [asdict(text) for text in self.typed],
            "names": {
                "people": dict(self.names.people),
                "agents": dict(self.names.agents),
                "calls": {key: list(call) for key, call in self.names.calls.items()},
            },
        }

    @classmethod
    def read(cls, facts: Any, entries: Sequence[Mapping[str, Any]]) -> Self:
        """Read what ``facts`` wrote. Raise NotEvidence."""
        try:
            _check_types(facts)
            names = facts["names"]
            found = cls(
                conversation_id=facts["conversation_id"],
                made_at=facts["made_at"],
                made_by=facts["made_by"],
                zone=facts["zone"],
                entries=tuple(entries),
                trees=tuple(DayTree(**one) for one in facts["trees"]),
                proofs=tuple(Proof(one["seq"], one["digest_seq"], tuple(one["path"])) for one in facts["proofs"]),
                unproven={int(seq): why for seq, why in facts["unproven"].items()},
                typed=tuple(TypedText(**one) for one in facts["typed"]),
                names=Names(
                    names["people"],
                    names["agents"],
                    {key: (participant, agent, queue) for key, (participant, agent, queue) in names["calls"].items()},
                ),
            )
            same = found.facts() == facts
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotEvidence(f"{FACTS} isn't as docs/audit-format.md describes it") from error
        if not same:
            raise NotEvidence(f"{FACTS} isn't in the format {FORMAT!r}")
        return found


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """An evidence file: the evidence, and the two pages for people."""

    evidence: Evidence
    timeline: str
    guide: str

    def packed(self) -> bytes:
        """Return the ZIP file; the same content gives the same bytes."""
        members = {
            ENTRIES: "".join(map(json_line, self.evidence.entries)).encode(),
            FACTS: rfc8785.dumps(self.evidence.facts()) + b"\n",
            GUIDE: self.guide.encode(),
            TIMELINE: self.timeline.encode(),
        }
        return _zipped(members | {SUMS: _sums(members)})

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Read a file and check that all of it is as it was written. Raise NotEvidence."""
        members = _members(data)
        if members[SUMS] != _sums({name: members[name] for name in MEMBERS if name != SUMS}):
            raise NotEvidence(f"a part of the file doesn't match its checksum in {SUMS}")
        if _zipped(members) != data:
            raise NotEvidence("the file was packed again or changed")
        try:
            facts = json.loads(members[FACTS])
            if members[FACTS] != rfc8785.dumps(facts) + b"\n":
                raise NotEvidence(f"{FACTS} isn't in its one form (RFC 8785)")
            pages = members[TIMELINE].decode(), members[GUIDE].decode()
        except (ValueError, TypeError, RecursionError) as error:
            raise NotEvidence(f"a part of the file isn't text: {error}") from error
        return cls(Evidence.read(facts, list(_entries(members[ENTRIES]))), *pages)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check. ``unproven``: numbers of entries that stand under no root that was given."""

    proven: tuple[int, ...]
    unproven: tuple[int, ...]
    to_compare: tuple[DayTree, ...]
    """Trees whose roots have to be compared with the digests in the audit channel."""


def check(evidence: Evidence, roots: Sequence[str] = ()) -> Checked:
    """Check everything that the file alone can show, and the given roots. Raise NotEvidence with the first flaw."""
    _check_entries(evidence)
    _check_typed(evidence)
    trees = {tree.digest_seq: tree for tree in evidence.trees}
    proofs = {proof.seq: proof for proof in evidence.proofs}
    seqs = [entry["seq"] for entry in evidence.entries]
    if (
        len(trees) != len(evidence.trees)
        or sorted({*proofs, *evidence.unproven}) != seqs
        or len(seqs) != len(evidence.proofs) + len(evidence.unproven)
    ):
        raise NotEvidence("it doesn't have exactly one proof, or one reason why there is none, for each entry")
    for entry in evidence.entries:
        if proof := proofs.get(entry["seq"]):
            _check_proof(entry, proof, trees.get(proof.digest_seq))
        elif evidence.unproven[entry["seq"]] not in WHY_UNPROVEN:
            raise NotEvidence(f"entry {entry['seq']} has no proof, and no reason why")
    known = {tree.root for tree in evidence.trees}
    for root in roots:
        if root not in known:
            raise NotEvidence(f"no entry in it stands under the root {root}")
    confirmed = {tree.digest_seq for tree in evidence.trees if tree.root in roots}
    proven = tuple(seq for seq in seqs if seq in proofs and proofs[seq].digest_seq in confirmed)
    rest = tuple(tree for tree in evidence.trees if tree.digest_seq not in confirmed)
    return Checked(proven, tuple(seq for seq in seqs if seq not in proven), rest)


def _check_types(facts: Any) -> None:
    """Check the types of the values that a check reckons with. Raise TypeError, KeyError or AttributeError."""
    numbers = [tree[name] for tree in facts["trees"] for name in ("digest_seq", "first_seq", "last_seq")]
    numbers += [proof[name] for proof in facts["proofs"] for name in ("seq", "digest_seq")]
    texts = [facts[name] for name in ("conversation_id", "made_at", "made_by", "zone")]
    texts += [tree[name] for tree in facts["trees"] for name in ("day", "root")]
    texts += [one for proof in facts["proofs"] for one in proof["path"]]
    texts += [*facts["unproven"].values(), *(value for one in facts["typed"] for value in one.values())]
    texts += [*facts["names"]["people"].values(), *facts["names"]["agents"].values()]
    if any(type(one) is not int for one in numbers) or any(type(one) is not str for one in texts):
        raise TypeError(facts)
    if any(tree["first_seq"] > tree["last_seq"] for tree in facts["trees"]):
        raise ValueError(facts)


def _check_entries(evidence: Evidence) -> None:
    before: Mapping[str, Any] | None = None
    for entry in evidence.entries:
        seq = entry["seq"]
        if type(seq) is not int or (before is not None and seq <= before["seq"]):
            raise NotEvidence("its entries are not in the order of their numbers")
        if not entry_matches(entry):
            raise NotEvidence(f"entry {seq} was changed: its content does not match its hash")
        if before is not None and seq == before["seq"] + 1 and entry["previous_hash"] != before["hash"]:
            raise NotEvidence(f"entry {seq} doesn't follow entry {before['seq']}")
        if entry["conversation_id"] != evidence.conversation_id:
            raise NotEvidence(f"entry {seq} is about another call")
        before = entry
    if before is None:
        raise NotEvidence("it has no entries")


def _check_typed(evidence: Evidence) -> None:
    texts = {one.attempt_id: one for one in evidence.typed}
    used = set()
    for entry in evidence.entries:
        typed = texts.get(entry["attempt_id"])
        if typed is None or entry["reason_digest"] is None:
            continue
        used.add(typed.attempt_id)
        try:
            same = text_digest(bytes.fromhex(typed.salt), typed.text) == entry["reason_digest"]
        except (ValueError, TypeError, AttributeError):
            same = False
        if not same:
            raise NotEvidence(f"the typed text of entry {entry['seq']} isn't the one that was typed")
    if used != set(texts) or len(texts) != len(evidence.typed):
        raise NotEvidence("it has a typed text that belongs to no entry")


def _check_proof(entry: Mapping[str, Any], proof: Proof, tree: DayTree | None) -> None:
    seq = entry["seq"]
    if tree is None:
        raise NotEvidence(f"the proof of entry {seq} names a digest that the file doesn't have")
    if root_of(entry["hash"], seq - tree.first_seq, tree.size, proof.path) != tree.root:
        raise NotEvidence(f"the proof of entry {seq} doesn't lead to the root of {tree.day}")


def _entries(data: bytes) -> Iterator[Mapping[str, Any]]:
    *lines, rest = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode()
            entry = json.loads(text)
            good = entry.keys() == set(COLUMNS) and is_canonical(text, entry)
        except (ValueError, AttributeError, RecursionError):
            good = False
        if not good:
            raise NotEvidence(f"line {number} of {ENTRIES} isn't an entry in its one form")
        yield entry
    if rest:
        raise NotEvidence(f"{ENTRIES} doesn't end with a line feed")


def _members(data: bytes) -> dict[str, bytes]:
    if len(data) > LARGEST:
        raise NotEvidence("it is far larger than the evidence for a call can be")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            parts = [(one.filename, one.compress_type) for one in file.infolist()]
            if parts == [(name, zipfile.ZIP_STORED) for name in MEMBERS]:
                return {name: file.read(name) for name in MEMBERS}
    # What zipfile raises for damaged files; its documentation names only the first.
    except (
        zipfile.BadZipFile,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise NotEvidence(f"it isn't a whole ZIP file ({error})") from error
    raise NotEvidence("it doesn't have the parts of an evidence file, or was packed again")


def _zipped(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in MEMBERS:
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            file.writestr(info, members[name])
    return target.getvalue()


def _sums(members: Mapping[str, bytes]) -> bytes:
    """Write the checksums in the form that ``sha256sum -c`` reads."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items()).encode()
