"""Compares what the audit channel received with the trail, and names what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from typing_extensions import override

from bot.database.schema.tables import audit_deliveries, audit_entries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from bot.database.engine import Engines

PATIENCE = timedelta(minutes=5)
"""How long an entry may take to reach the channel before that is worth a word."""
RANGES_NAMED = 5
LAST_DELIVERED = (
    select(audit_deliveries.c.seq)
    .where(audit_deliveries.c.delivered_at.is_not(None))
    .order_by(audit_deliveries.c.seq.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Range:
    """Consecutive entries, both ends included."""

    first: int
    last: int

    @override
    def __str__(self) -> str:
        return f"entry {self.first}" if self.first == self.last else f"entries {self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Completeness:
    """The result of the comparison."""

    skipped: tuple[Range, ...] = ()
    """Entries without a delivery, although later ones were delivered."""
    waiting: Range | None = None
    """Entries after the last delivered one, the oldest of which has waited for too long."""
    waiting_since: datetime | None = None
    vanished: Range | None = None
    """Entries that the channel was given and the trail's end no longer holds."""
    rewritten: tuple[Range, ...] = ()
    """Entries that have another hash now than the one that the channel shows."""

    @property
    def sound(self) -> bool:
        """Return whether everything is ok, apart from what waiting will fix."""
        return not (self.skipped or self.vanished or self.rewritten)

    @property
    def complete(self) -> bool:
        return self.sound and not self.waiting

    @property
    def lacking(self) -> int:
        """How many entries the channel should have by now and has not."""
        return _number(self.skipped) + (len(self.waiting) if self.waiting else 0)

    @property
    def altered(self) -> int:
        """Return how many entries differ from what the channel received, or are gone."""
        return _number(self.rewritten) + (len(self.vanished) if self.vanished else 0)

    @property
    def problem(self) -> str:
        """Return what is missing, and what to do; empty if nothing is."""
        found = filter(None, (self._vanished(), self._rewritten(), self._skipped(), self._waiting()))
        return " ".join(one[0].upper() + one[1:] for one in found)

    def _vanished(self) -> str:
        if self.vanished is None:
            return ""
        return (
            f"{self.vanished} {_are(len(self.vanished))} in the channel but no longer in the database: entries were "
            "removed at the end. Copy the hash of the last line in the channel and run: record-bot audit verify --head "
            "HASH."
        )

    def _skipped(self) -> str:
        if not self.skipped:
            return ""
        return (
            f"{_named(self.skipped)} never reached the channel although later ones did: someone changed the table "
            "audit_deliveries. Compare the channel's lines with record-bot audit export."
        )

    def _rewritten(self) -> str:
        if not self.rewritten:
            return ""
        one = _number(self.rewritten) == 1
        has = "has a different hash from the one" if one else "have different hashes from the ones"
        return (
            f"{_named(self.rewritten)} {has} in the channel: the trail was rewritten. Copy the hashes from the channel "
            "and run: record-bot audit verify --anchors FILE."
        )

    def _waiting(self) -> str:
        if self.waiting is None:
            return ""
        since = "" if self.waiting_since is None else f" (since {self.waiting_since:%Y-%m-%d %H:%M:%S} UTC)"
        has, it = ("has", "It") if len(self.waiting) == 1 else ("have", "They")
        return (
            f"{self.waiting} {has} not reached the audit channel yet{since}. {it} will be sent as soon as Slack "
            "accepts messages."
        )


def _named(found: tuple[Range, ...]) -> str:
    more = f" and {len(found) - RANGES_NAMED} more such ranges" if len(found) > RANGES_NAMED else ""
    return ", ".join(map(str, found[:RANGES_NAMED])) + more


def _number(found: tuple[Range, ...]) -> int:
    return sum(map(len, found))


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


@dataclass(frozen=True, slots=True)
class SqlCompleteness:
    """Compares ``audit_entries`` with ``audit_deliveries``."""

    engines: Engines

    async def check(self, now: datetime, patience: timedelta = PATIENCE) -> Completeness:
        """Compare everything; this reads the keys of both tables, about half a second for a million entries."""
        end = await self.check_end(now, patience)
        return replace(end, skipped=await self._skipped(), rewritten=await self._rewritten())

    async def check_end(self, now: datetime, patience: timedelta = PATIENCE) -> Completeness:
        """Compare only what comes after the last delivery; quick, however long the trail is."""
        newest = select(func.coalesce(func.max(audit_entries.c.seq), 0))

        def read(connection: Connection) -> Completeness:
            last: int = connection.execute(LAST_DELIVERED).scalar_one_or_none() or 0
            head: int = connection.execute(newest).scalar_one()
            oldest = select(audit_entries.c.seq, audit_entries.c.occurred_at).where(audit_entries.c.seq > last)
            row = connection.execute(oldest.order_by(audit_entries.c.seq).limit(1)).one_or_none()
            if row is not None and row.occurred_at < now - patience:
                return Completeness(waiting=Range(row.seq, head), waiting_since=row.occurred_at)
            return Completeness(vanished=Range(head + 1, last) if last > head else None)

        return await self.engines.read(read)

    async def _skipped(self) -> tuple[Range, ...]:
        last = LAST_DELIVERED.scalar_subquery()
        statement = (
            select(audit_entries.c.seq)
            .outerjoin(audit_deliveries, audit_deliveries.c.seq == audit_entries.c.seq)
            .where(audit_entries.c.seq < last, audit_deliveries.c.delivered_at.is_(None))
            .order_by(audit_entries.c.seq)
        )
        return await self.engines.read(lambda connection: ranges(connection.execute(statement).scalars()), grows=True)

    async def _rewritten(self) -> tuple[Range, ...]:
        statement = (
            select(audit_entries.c.seq)
            .join(audit_deliveries, audit_deliveries.c.seq == audit_entries.c.seq)
            .where(audit_deliveries.c.hash != audit_entries.c.hash)
            .order_by(audit_entries.c.seq)
        )
        return await self.engines.read(lambda connection: ranges(connection.execute(statement).scalars()), grows=True)


def ranges(seqs: Iterable[int]) -> tuple[Range, ...]:
    """Gather numbers, in ascending order, into runs."""
    found: list[Range] = []
    for seq in seqs:
        if found and found[-1].last == seq - 1:
            found[-1] = Range(found[-1].first, seq)
        else:
            found.append(Range(seq, seq))
    return tuple(found)
