"""The Merkle trees of the days: which entries each holds, and their hashes.

Each tree begins after the one before, so that every entry is in exactly one, even if the clock was set back: an entry
that was written late, with a time of a day that has its digest, is in the next tree.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from bot.audit.evidence.file import DayTree
from bot.audit.evidence.merkle import Tree
from bot.database.schema.tables import audit_entries, digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.audit.reports.period import Period
    from bot.database.engine import Engines


@dataclass(frozen=True, slots=True)
class SqlDayTrees:
    """The trees that digests have published, and the one that the next digest is to publish."""

    engines: Engines

    async def next(self, period: Period) -> dict[str, Any] | None:
        """Return the tree of a period's entries as a digest's facts; None if there are none.

        The first tree of all begins with the period. Entries that have been archived since can't be in a tree any more.
        """
        own, trees = audit_entries.c, await self.published()
        after = trees[-1].last_seq if trees else 0
        begins = own.seq > after if trees else own.occurred_at >= period.since
        first = await self._number(select(func.min(own.seq)).where(begins))
        newest = select(own.seq).where(own.occurred_at < period.until, own.seq > after)
        last = await self._number(newest.order_by(own.seq.desc()).limit(1))
        if first is None or last is None or first > last:
            return None
        hashes = await self.hashes(first, last)
        tree = await asyncio.to_thread(Tree.of, hashes.values())
        return {"first_seq": min(hashes), "last_seq": last, "root": tree.root}

    async def published(self) -> tuple[DayTree, ...]:
        """Return the published trees in order, without those whose digest has been archived."""
        statement = (
            select(digests.c.day, digests.c.seq, audit_entries.c.outcome)
            .join(audit_entries, audit_entries.c.seq == digests.c.seq)
            .order_by(digests.c.seq)
        )
        rows = await self.engines.read(lambda connection: connection.execute(statement).all())
        found = (published_tree(row.day, row.seq, json.loads(row.outcome)) for row in rows)
        return tuple(tree for tree in found if tree is not None)

    async def hashes(self, first: int, last: int) -> dict[int, str]:
        """Return the hashes of a range of entries in order, as far as they are in the database.

        One statement, so that an archive run at the same time can't leave a hole.
        """
        own = audit_entries.c
        statement = select(own.seq, own.hash).where(own.seq.between(first, last)).order_by(own.seq)
        return await self.engines.read(
            lambda connection: {row.seq: row.hash for row in connection.execute(statement)}, grows=True
        )

    async def _number(self, statement: Any) -> int | None:
        number: int | None = await self.engines.read(
            lambda connection: connection.execute(statement).scalar_one_or_none()
        )
        return number


def published_tree(day: str, digest_seq: int, outcome: Mapping[str, Any]) -> DayTree | None:
    """Read the tree of a digest's entry; None for a digest from before there were trees."""
    return DayTree.read(day, digest_seq, outcome["tree"]) if "tree" in outcome else None
