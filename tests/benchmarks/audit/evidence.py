"""Proves one call of a day with many entries, and says how long that took and how large the proof is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from bot.audit.evidence.file import EvidenceFile, check
from bot.audit.reports.period import days
from bot.audit.verification import Verifier
from bot.database.outbox.digests import SqlDigests
from bot.database.trail.evidence import SqlEvidence
from bot.database.trail.reader import SqlTrail
from bot.slack.blocks.audit.evidence_pages import packed
from tests.benchmarks.audit.trails import BEGIN

if TYPE_CHECKING:
    from bot.database.store import SqlStore

ZONE = ZoneInfo("UTC")


@dataclass(frozen=True)
class ProvenCall:
    """What the proof of a call took."""

    prove_seconds: float
    verify_seconds: float
    """Of the whole trail, for comparison."""
    path: int
    """Hashes in the proof of one entry."""
    size: int
    """Bytes of the file."""


async def proven_call(store: SqlStore) -> ProvenCall:
    """Publish the day's root, then prove the call in the middle of it."""
    digests, trail = SqlDigests(store.engines, store), SqlTrail(store.engines)
    newest = await trail.count()
    async for entry in trail.entries(after=newest // 2, up_to=newest // 2 + 1):
        call = str(entry["conversation_id"])
    day = BEGIN.date()
    tree = await digests.tree(days(day, day, ZONE))
    if tree is not None:
        await digests.add(day, {"tree": tree}, entry_id=uuid7(), actor="bot", at=BEGIN)
    begin = time.perf_counter()
    evidence = await SqlEvidence(store.engines).of(
        call, made_at="2026-01-06T08:00:00.000000Z", made_by="benchmark", zone=ZONE.key
    )
    data = packed(evidence)
    prove = time.perf_counter() - begin
    if check(EvidenceFile.unpacked(data).evidence, [evidence.trees[0].root]).unproven:
        raise AssertionError("the call isn't proven")
    begin = time.perf_counter()
    await trail.verify(Verifier(), lambda _done, _total: None)
    return ProvenCall(prove, time.perf_counter() - begin, len(evidence.proofs[0].path), len(data))
