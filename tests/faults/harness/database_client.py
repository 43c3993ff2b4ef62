"""What an outsider does with the database file: reads it, holds its lock, and checks its chain, without the bot."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.databases.trail import rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASHED = (
    "seq",
    "id",
    "attempt_id",
    "occurred_at",
    "phase",
    "action",
    "actor",
    "conversation_id",
    "participant_id",
    "recording_id",
    "reason_code",
    "reason_digest",
    "origin",
    "outcome",
)
SECONDS_TO_LOCK = 5.0
FINAL = ("succeeded", "failed", "observed")


@dataclass(frozen=True)
class Outside:
    """The file as everybody but the bot sees it."""

    file: Path

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return rows(self.file, statement, *values)

    def one(self, statement: str, *values: Any) -> Any:
        """Return the first column of the first row, None where there is no row."""
        found = self.rows(statement, *values)
        return next(iter(found[0].values())) if found else None

    def head(self) -> int:
        return self.one("SELECT max(seq) FROM audit_entries") or 0

    def lock(self) -> WriteLock:
        """Take SQLite's write lock: from now on the bot can read, and can't commit."""
        connection = sqlite3.connect(self.file, isolation_level=None, timeout=SECONDS_TO_LOCK)
        connection.execute("BEGIN IMMEDIATE")
        return WriteLock(connection)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        lock = self.lock()
        try:
            yield
        finally:
            lock.release()

    def chain_faults(self) -> list[str]:
        """Compute every hash again; report missing numbers and hashes that differ."""
        previous = "0" * 64
        found: list[str] = []
        for number, entry in enumerate(self.rows("SELECT * FROM audit_entries ORDER BY seq"), 1):
            if entry["seq"] != number:
                return [*found, f"entry {number} is missing: {entry['seq']} comes next"]
            if entry["previous_hash"] != previous or entry["hash"] != _hash(previous, entry):
                found.append(f"entry {number} does not fit into the chain")
            previous = entry["hash"]
        return found

    def request_faults(self) -> list[str]:
        """Say which requests have no outcome, or more than one."""
        found = []
        after: dict[str, list[str]] = {}
        for entry in self.rows("SELECT seq, attempt_id, phase FROM audit_entries ORDER BY seq DESC"):
            outcomes = after.setdefault(entry["attempt_id"], [])
            if entry["phase"] == "requested":
                ends = [phase for phase in outcomes if phase in FINAL]
                if len(ends) != 1 or outcomes[0] != ends[0]:
                    found.append(f"request #{entry['seq']} ended as {outcomes[::-1] or 'nothing'}")
            outcomes.append(entry["phase"])
        return found


@dataclass(frozen=True)
class WriteLock:
    """The write lock, held."""

    connection: sqlite3.Connection

    def release(self) -> None:
        self.connection.rollback()
        self.connection.close()


def _hash(previous: str, entry: dict[str, Any]) -> str:
    # For the plain strings and whole numbers that entries hold, this is what RFC 8785 says.
    document = {name: entry[name] for name in HASHED}
    document |= {name: json.loads(entry[name]) for name in ("origin", "outcome")}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous.encode() + canonical.encode()).hexdigest()
