"""Copies a whole database unchanged into an empty one of another kind, and proves that the copy is whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import column, func, insert, select, table
from sqlalchemy.exc import SQLAlchemyError

from bot.audit.verification import Verifier
from bot.database.engine import open_blocking_reader
from bot.database.migrate import unusable
from bot.database.postgresql import engine as postgresql
from bot.database.schema.tables import audit_entries, metadata
from bot.database.trail.guards import any_first_number
from bot.database.trail.reader import SqlTrail
from bot.errors import DatabaseUnusable, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, CursorResult, Engine, TableClause

    from bot.database.engine import Engines

PAGE = 1000
"""So many rows are held in memory at once."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The number of rows of each table, and the head of the chain."""

    rows: dict[str, int]
    seq: int
    head: str


async def copy_all(source: Engines, target: Engines, progress: Callable[[int, int], None]) -> Copied:
    """Copy everything in one transaction, then compare the counts and verify the chain of the copy.

    Both are at head. Raise Refused where the target has rows or the copy is not what it was made from,
    DatabaseUnusable.
    """
    read = open_blocking_reader(source.writer.url)

    def copy(writing: Connection) -> dict[str, int]:
        with read.connect() as reading:
            expected = _counts(reading)
            if found := {name: count for name, count in _counts(writing).items() if count}:
                raise Refused(f"The target database isn't empty ({_named(found)}); use a new one.")
            if target.on_postgresql:
                postgresql.patient(writing)
            _copy_tables(reading, writing, progress, sum(expected.values()))
        _require_unchanged(read, expected)
        return expected

    try:
        expected = await target.writer.transaction(copy)
        made = await target.read(_counts)
        verifier = Verifier()
        await SqlTrail(target).verify(verifier, lambda _done, _total: None)
    except SQLAlchemyError as error:
        raise unusable(error) from error
    finally:
        await asyncio.to_thread(read.dispose)
    if made != expected:
        raise Refused(f"The copy has {_named(made)} rows instead of {_named(expected)}: don't use it.")
    if verifier.finish() is not None:
        raise DatabaseUnusable(
            f"The trail in the copy is broken: don't use it. {verifier.flaw} Run record-bot audit verify on the source."
        )
    return Copied(made, verifier.last_seq, verifier.head)


def _require_unchanged(read: Engine, expected: dict[str, int]) -> None:
    """Raise Refused if a terminal, or a bot started meanwhile, has written what the copy lacks."""
    with read.connect() as connection:
        if _counts(connection) != expected:
            raise Refused("The source changed during the copy, so the copy was discarded. Stop the bot and try again.")


def _copy_tables(reading: Connection, writing: Connection, progress: Callable[[int, int], None], total: int) -> None:
    done = 0
    for known in metadata.sorted_tables:  # what others point at comes first
        # Bare columns: the values go over as they are stored, without a way through our types.
        bare = table(known.name, *(column(one.name) for one in known.columns))
        rows = reading.execution_options(stream_results=True).execute(
            select(bare).order_by(*(one.name for one in known.primary_key.columns))
        )
        if known is audit_entries:
            done += _begin_trail(rows, writing, bare)
        for page in rows.partitions(PAGE):
            writing.execute(insert(bare), [row._asdict() for row in page])
            done += len(page)
            progress(done, total)


def _begin_trail(rows: CursorResult[Any], writing: Connection, bare: TableClause) -> int:
    """Copy the first entry, whose number is above 1 where older ones are archived; the others have to follow it."""
    first = rows.fetchone()
    if first is None:
        return 0
    with any_first_number(writing):
        writing.execute(insert(bare), first._asdict())
    return 1


def _counts(connection: Connection) -> dict[str, int]:
    return {
        one.name: connection.execute(select(func.count()).select_from(one)).scalar_one()
        for one in metadata.sorted_tables
    }


def _named(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
