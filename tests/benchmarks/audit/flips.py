"""Changes single bits in the rows of a trail, behind the bot's back, and has the bot look for them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from bot.audit.stored import COLUMNS
from bot.audit.verification import Verifier
from bot.database.trail.guards import AUDIT_TRIGGERS
from bot.database.trail.reader import SqlTrail

if TYPE_CHECKING:
    from pathlib import Path

    from bot.database.engine import Engines


async def found_of(engines: Engines, file: Path, count: int, *, seed: int = 4) -> int:
    """Change ``count`` single bits, one after the other, and return how many the verification found.

    It starts at the entry before the changed one, as a verification from the beginning arrives there; the trail's own
    intact verification has shown that nothing stops it earlier.
    """
    chance, trail, found = random.Random(seed), SqlTrail(engines), 0  # noqa: S311  a fixed sample
    last = await trail.count()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for name in AUDIT_TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute("PRAGMA ignore_check_constraints=ON")
        made = 0
        while made < count:
            seq, column = chance.randint(2, last), chance.choice(COLUMNS)
            undo = _flip(connection, seq, column, chance)
            if undo is None:
                continue
            made += 1
            after, head = connection.execute(
                "SELECT seq, hash FROM audit_entries WHERE seq < ? ORDER BY seq DESC LIMIT 1", (seq,)
            ).fetchone()
            verifier = Verifier(last_seq=after, head=head, entries=1)
            await trail.verify(verifier, lambda _done, _total: None, after=after)
            found += verifier.flaw is not None
            connection.execute(*undo)
        for trigger in AUDIT_TRIGGERS.values():
            connection.execute(trigger)
    return found


def _flip(
    connection: sqlite3.Connection, seq: int, column: str, chance: random.Random
) -> tuple[str, dict[str, Any]] | None:
    """Change one bit of one value; return the statement that undoes it, None where it can't be made."""
    if column == "seq":
        other = seq ^ (1 << chance.randrange(40))
        try:
            connection.execute("UPDATE audit_entries SET seq = ? WHERE seq = ?", (other, seq))
        except sqlite3.IntegrityError:
            return None
        return "UPDATE audit_entries SET seq = :seq WHERE seq = :other", {"seq": seq, "other": other}
    (before,) = connection.execute(
        f"SELECT CAST({column} AS BLOB) FROM audit_entries WHERE seq = ?",  # noqa: S608  a name of ours
        (seq,),
    ).fetchone()
    if not before:
        return None
    forged = bytearray(before)
    forged[chance.randrange(len(forged))] ^= 1 << chance.randrange(8)
    change = f"UPDATE audit_entries SET {column} = CAST(:value AS TEXT) WHERE seq = :seq"  # noqa: S608  a name of ours
    connection.execute(change, {"value": bytes(forged), "seq": seq})
    return change, {"value": before, "seq": seq}
