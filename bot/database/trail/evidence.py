"""Collects the evidence for one call from the database, and from the archive where its directory is given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from bot.audit.evidence.file import ARCHIVED, BEFORE_FIRST_ROOT, NO_ROOT_YET, DayTree, Evidence, Names, Proof, TypedText
from bot.audit.evidence.merkle import Tree
from bot.audit.export import Filter
from bot.audit.files import exported_entries
from bot.audit.stored import entry_of
from bot.database.schema.tables import typed_texts
from bot.database.trail.audit_line_names import SqlLineNames
from bot.database.trail.day_trees import SqlDayTrees, published_tree
from bot.database.trail.reader import SqlTrail
from bot.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.audit.files import Archive
    from bot.database.engine import Engines

    Entries = dict[int, dict[str, Any]]

DIGEST = "audit:digest"
READS = frozenset({"audit:export", "recording:read"})
"""Look-ups, which change nothing on the call, are left out until a root covers them: an export would be one itself."""
CHANGED = (
    "The entries of {day} no longer lead to the root that their digest (entry {seq}) published. "
    "Run record-bot audit verify."
)


@dataclass
class Archived:
    """What the archive has: the entries of the call, the digests' trees, and all hashes by number."""

    entries: Entries = field(default_factory=dict)
    trees: list[DayTree] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)

    def read(self, archive: Archive, conversation_id: str, before: int) -> None:
        """Read the segments, apart from entries that are still in the database."""
        for segment in archive.segments():
            for entry in exported_entries(archive.directory / segment.file):
                if entry["seq"] >= before:
                    continue
                self.hashes[entry["seq"]] = entry["hash"]
                if entry["conversation_id"] == conversation_id:
                    self.entries[entry["seq"]] = entry
                if entry["action"] == DIGEST:
                    tree = published_tree(entry["outcome"]["day"], entry["seq"], entry["outcome"])
                    self.trees += [] if tree is None else [tree]


@dataclass(frozen=True, slots=True)
class SqlEvidence:
    """Collects evidence. Raise Refused if there is none, or if entries no longer lead to their root."""

    engines: Engines

    async def of(
        self, conversation_id: str, *, made_at: str, made_by: str, zone: str, archive: Archive | None = None
    ) -> Evidence:
        trail, day_trees, archived = SqlTrail(self.engines), SqlDayTrees(self.engines), Archived()
        first_here = await trail.first()
        if archive is not None:
            await asyncio.to_thread(archived.read, archive, conversation_id, first_here)
        entries = dict(archived.entries)
        async for rows in trail.pages(Filter(conversation_id=conversation_id)):
            entries |= {row[0]: entry_of(row) for row in rows}
        trees = sorted([*archived.trees, *await day_trees.published()], key=lambda tree: tree.first_seq)
        newest = trees[-1].last_seq if trees else 0
        entries = {seq: entry for seq, entry in entries.items() if seq <= newest or entry["action"] not in READS}
        if not entries:
            raise Refused(f"The audit trail has no entry about the call {conversation_id}. Check the id.")
        used: list[DayTree] = []
        proofs: list[Proof] = []
        unproven: dict[int, str] = {}
        for tree in trees:
            if not (own := [seq for seq in entries if seq in tree]):
                continue
            hashes = {seq: digest for seq, digest in archived.hashes.items() if seq in tree}
            hashes |= await day_trees.hashes(tree.first_seq, tree.last_seq)
            if len(hashes) < tree.size:
                unproven |= dict.fromkeys(own, ARCHIVED)
                continue
            proofs += await asyncio.to_thread(_proofs, tree, hashes, own)
            used.append(tree)
        for seq in entries.keys() - unproven.keys() - {proof.seq for proof in proofs}:
            unproven[seq] = NO_ROOT_YET if seq > newest else BEFORE_FIRST_ROOT
        return Evidence(
            conversation_id=conversation_id,
            made_at=made_at,
            made_by=made_by,
            zone=zone,
            entries=tuple(entries[seq] for seq in sorted(entries)),
            trees=tuple(used),
            proofs=tuple(sorted(proofs, key=lambda proof: proof.seq)),
            unproven=dict(sorted(unproven.items())),
            typed=await self._typed(entries.values()),
            names=await self._names(entries.values()),
        )

    async def _typed(self, entries: Iterable[Mapping[str, Any]]) -> tuple[TypedText, ...]:
        """Return the typed texts that have not been erased."""
        attempts = {UUID(one["attempt_id"]) for one in entries if one["reason_digest"]}
        own = typed_texts.c
        wanted = select(own.attempt_id, own.text, own.salt).where(own.attempt_id.in_(list(attempts)))
        statement = wanted.order_by(own.attempt_id)
        rows = await self.engines.read(lambda connection: connection.execute(statement).all())
        return tuple(TypedText(str(row.attempt_id), row.text, row.salt.hex()) for row in rows)

    async def _names(self, entries: Iterable[Mapping[str, Any]]) -> Names:
        known, found = SqlLineNames(self.engines), list(entries)
        calls = await known.calls({UUID(one["recording_id"]) for one in found if one["recording_id"]})
        agents = await known.agents({str(one) for entry in found for one in entry["outcome"].get("agents") or ()})
        agents |= {one.agent_user_id: one.agent_name for one in calls.values() if one.agent_user_id and one.agent_name}
        shown = {str(key): (one.participant_id, one.agent_user_id, one.queue_name) for key, one in calls.items()}
        return Names({}, agents, shown)


def _proofs(tree: DayTree, hashes: Mapping[int, str], seqs: Sequence[int]) -> list[Proof]:
    """Return the proofs of some entries of a tree, given all hashes of the tree."""
    built = Tree.of([hashes[seq] for seq in sorted(hashes)])
    if built.root != tree.root:
        raise Refused(CHANGED.format(day=tree.day, seq=tree.digest_seq))
    return [Proof(seq, tree.digest_seq, built.path(seq - tree.first_seq)) for seq in seqs]
