"""Reads the trail in pages, each in its own transaction: a long one would keep the write-ahead log growing.

Pages come from ``engines.reader``, not ``engines.read``: they leave its threads to the short reads.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import NullPool, create_engine, event, text

from bot.audit.export import Filter
from bot.audit.stored import COLUMNS, entry_of
from bot.database.engine import BUSY_TIMEOUT_MS
from bot.database.postgresql import engine as postgresql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sqlalchemy import URL

    from bot.audit.verification import Verifier
    from bot.database.engine import Engines

    Rows = list[Sequence[Any]]

PAGE = 5000
CONDITIONS = {
    "since": "occurred_at >= :since",
    "until": "occurred_at < :until",
    "conversation_id": "conversation_id = :conversation_id",
    "actor": "actor = :actor",
    "action": "action = :action",
    "phase": "phase = :phase",
}
NOT_TEXT = "decode"
"""What the driver says of text that is not UTF-8."""
BARE_PAGE = f"SELECT {', '.join(COLUMNS)} FROM audit_entries WHERE seq > ? ORDER BY seq LIMIT {PAGE}"  # noqa: S608  ours
NUMBERED_PAGE = text(BARE_PAGE.replace("?", ":after"))
NEWEST = text("SELECT coalesce(max(seq), 0) FROM audit_entries")


@dataclass(frozen=True, slots=True)
class SqlTrail:
    """The entries as plain values, as stored."""

    engines: Engines

    async def entries(
        self, wanted: Filter | None = None, *, after: int = 0, up_to: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the wanted entries in the order of their numbers, in constant memory."""
        async for rows in self.pages(wanted, after=after, up_to=up_to):
            for row in rows:
                yield entry_of(row)

    async def pages(
        self, wanted: Filter | None = None, *, after: int = 0, up_to: int | None = None
    ) -> AsyncIterator[Rows]:
        """Yield the wanted entries as they are stored (COLUMNS), many at a time."""
        facts = (wanted or Filter()).facts()
        conditions = ["seq > :after", *(CONDITIONS[name] for name in facts)]
        if up_to is not None:
            conditions.append("seq <= :up_to")
            facts |= {"up_to": up_to}  # type: ignore[dict-item]
        where = f"FROM audit_entries WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT"
        while True:
            rows = await self._read(f"SELECT {', '.join(COLUMNS)} {where} {PAGE}", {"after": after, **facts})
            if rows:
                yield rows
                after = rows[-1][0]
            if len(rows) < PAGE:
                return

    async def verify(self, verifier: Verifier, progress: Callable[[int, int], None], *, after: int = 0) -> None:
        """Feed the verifier with everything, up to the first flaw.

        Raise sqlite3.Error or SQLAlchemyError where a page can't be read.
        """
        url = self.engines.reader.url
        if self.engines.on_postgresql:
            await asyncio.to_thread(_verify_on_postgresql, url, verifier, progress, after)
        else:
            await asyncio.to_thread(_verify, url.database or "", verifier, progress, after)

    async def first(self) -> int:
        """Return the number of the oldest entry in the database, 0 if there is none."""
        return await self._number("SELECT coalesce(min(seq), 0) FROM audit_entries")

    async def count(self) -> int:
        """Return the number of the newest entry, quickly: how far a reading of everything will go."""
        return await self._number("SELECT coalesce(max(seq), 0) FROM audit_entries")

    async def _read(self, statement: str, facts: dict[str, Any]) -> Rows:
        async with self.engines.reader.connect() as connection:
            result = await connection.execute(text(statement), facts)
            return list(result.all())

    async def _number(self, statement: str) -> int:
        return int(await self.engines.read(lambda connection: connection.execute(text(statement)).scalar_one()))


def _verify(file: str, verifier: Verifier, progress: Callable[[int, int], None], after: int) -> None:
    """Verify with the bare driver: handing each page from thread to thread would cost as much as hashing it."""
    name = f"file:{quote(file)}?mode=ro"
    with closing(sqlite3.connect(name, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
        (total,) = connection.execute("SELECT coalesce(max(seq), 0) FROM audit_entries").fetchone()
        before = -1
        while before < after and verifier.flaw is None:
            before = after
            after = _feed_page(connection, verifier, after)
            progress(after, max(after, total))


def _verify_on_postgresql(url: URL, verifier: Verifier, progress: Callable[[int, int], None], after: int) -> None:
    engine = create_engine(url, poolclass=NullPool)
    event.listen(engine, "connect", lambda connection, _: postgresql.set_up(connection, postgresql.READER_SETTINGS))
    while verifier.flaw is None:
        with engine.begin() as connection:
            rows = connection.execute(NUMBERED_PAGE, {"after": after}).all()
            total = connection.execute(NEWEST).scalar_one()
        if not rows:
            return
        verifier.feed_rows(rows)
        after = rows[-1][0]
        progress(after, max(after, total))


def _feed_page(connection: sqlite3.Connection, verifier: Verifier, after: int) -> int:
    """Feed the verifier with the entries after this one, and return the number of the last of them."""
    last_seq = verifier.last_seq
    try:
        verifier.feed_rows(connection.execute(BARE_PAGE, (after,)))
    except sqlite3.OperationalError as error:
        if NOT_TEXT not in str(error):
            raise
        # A text that is none: the driver does not say which row it is in, but it is the one after the last good one.
        beyond = "SELECT min(seq) FROM audit_entries WHERE seq > ?"
        (seq,) = connection.execute(beyond, (max(after, verifier.last_seq),)).fetchone()
        verifier.feed_rows([(seq, *[None] * (len(COLUMNS) - 1))])
    return verifier.last_seq if verifier.last_seq != last_seq else after
