"""The transactions of a start by plain ``sqlite3``: the same statements and commits, as durable as the bot's.

Five of them: the request, the outcome, and what is noted of the card: that it is on its way, where it stands, and that
it shows the outcome.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2026-01-05T08:00:00.000000Z"
ACTOR = "slack:T0SANDBOX:U0ADA"
LIVE = "state NOT IN ('stopped', 'failed', 'ended')"


@dataclass(frozen=True)
class Begun:
    """A start that was requested and has no outcome yet."""

    recording: str
    attempt: str
    call: str


@dataclass
class Commits:
    """One writer on a file that has the bot's schema."""

    file: Path
    _connection: sqlite3.Connection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
            self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        self._connection.close()

    def request(self) -> Begun:
        """Commit what a request leaves: the recording, its card, its attempt and its entry."""
        run, begun = self._connection.execute, Begun(str(uuid4()), str(uuid4()), str(uuid4()))
        key = str(uuid4())
        run("BEGIN IMMEDIATE")
        run("SELECT id FROM attempts WHERE dedupe_key = ?", (key,)).fetchone()
        run(f"SELECT * FROM recordings WHERE conversation_id = ? AND {LIVE}", (begun.call,)).fetchone()  # noqa: S608
        run(
            "INSERT INTO recordings (id, conversation_id, state, version, started_by, requested_at, adopted, in_doubt,"
            " audit_seq, requested_seq) VALUES (?, ?, 'starting', 1, ?, ?, 0, 0, 0, 0)",
            (begun.recording, begun.call, ACTOR, NOW),
        )
        run(
            "UPDATE cards SET rendered_version = 0 WHERE recording_id IN"
            " (SELECT id FROM recordings WHERE conversation_id = ? AND state = 'stopped' AND id != ?)",
            (begun.call, begun.recording),
        )
        run(
            "INSERT INTO cards (recording_id, channel, asked_by, rendered_version, language, wanted_version)"
            " VALUES (?, 'C0FLOOR', ?, 0, 'en', 1)",
            (begun.recording, ACTOR),
        )
        run("INSERT INTO typed_texts VALUES (?, 'complaint', ?, ?)", (begun.attempt, b"salt", NOW))
        seq = self._append(begun, "requested")
        run(
            "INSERT INTO attempts (id, verb, actor, recording_id, dedupe_key, requested_at, deadline_at, owner)"
            " VALUES (?, 'start', ?, ?, ?, ?, ?, 'serve:1')",
            (begun.attempt, ACTOR, begun.recording, key, NOW, NOW),
        )
        run(
            "UPDATE recordings SET version = 2, audit_seq = ?, requested_seq = ? WHERE id = ? AND version = 1"
            " RETURNING *",
            (seq, seq, begun.recording),
        ).fetchone()
        run("COMMIT")
        return begun

    def outcome(self, begun: Begun) -> None:
        """Commit what an outcome leaves: the new state and its entry."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        run("SELECT * FROM recordings WHERE id = ?", (begun.recording,)).fetchone()
        run(
            "UPDATE attempts SET settled_at = ?, looks_left = 0 WHERE id = ? AND owner = 'serve:1'"
            " AND settled_at IS NULL",
            (NOW, begun.attempt),
        )
        seq = self._append(begun, "succeeded")
        run(
            "INSERT INTO names VALUES ('user', 'agent', 'Priya Nair', ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at",
            (NOW,),
        )
        run(
            "UPDATE recordings SET state = 'active', version = 3, started_at = ?, mechanism = 'adhoc', audit_seq = ?"
            " WHERE id = ? AND version = 2 RETURNING *",
            (NOW, seq, begun.recording),
        ).fetchone()
        run("COMMIT")

    def card(self, begun: Begun) -> None:
        """Commit what telling Slack leaves, once before and twice after a request to it."""
        for change in (
            "posts_begun = posts_begun + 1",
            "rendered_version = 2, posted_channel = 'C0FLOOR', ts = '1.000100'",
            "rendered_version = 3, posted_channel = 'C0FLOOR', ts = '1.000100'",
        ):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(f"UPDATE cards SET {change} WHERE recording_id = ?", (begun.recording,))  # noqa: S608
            self._connection.execute("COMMIT")

    def _append(self, begun: Begun, phase: str) -> int:
        head = "SELECT seq, hash FROM audit_entries ORDER BY seq DESC LIMIT 1"
        seq, before = self._connection.execute(head).fetchone() or (0, "0" * 64)
        own = f"{seq:064}"
        self._connection.execute(
            "INSERT INTO audit_entries (seq, id, attempt_id, occurred_at, phase, action, actor, conversation_id,"
            " recording_id, origin, outcome, previous_hash, hash)"
            " VALUES (?, ?, ?, ?, ?, 'recording:start', ?, ?, ?, '{}', '{}', ?, ?)",
            (
                seq + 1,
                str(uuid4()),
                begun.attempt,
                NOW,
                phase,
                ACTOR,
                begun.call,
                begun.recording,
                before,
                own,
            ),
        )
        return int(seq + 1)


def whole(commits: Commits, count: int) -> None:
    """Do all of it, so often, one after the other."""
    for _ in range(count):
        begun = commits.request()
        commits.outcome(begun)
        commits.card(begun)
