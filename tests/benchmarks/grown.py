"""Reading after years: history, status, list and the loops' looks with a million entries, beside a thousand."""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from uuid_utils.compat import uuid7

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.schema.tables import audit_entries
from bot.database.store import SqlStore
from bot.database.trail.call_history import SqlStories
from bot.recording.models import Mechanism, Recording, RecordingState
from tests.benchmarks.audit.trails import BEGIN, SUPERVISORS
from tests.benchmarks.figures import Figure
from tests.support.recording.service import asked, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.database.transaction import SqlTransaction
    from bot.recording.requests import Request
    from tests.support.recording.service import Harness

entry = audit_entries.c
LITTLE = 1_000
LIVE = 10
ROUNDS, EACH = 12, 5
WARM = 10
ENTRIES = """
CREATE TEMP TABLE pairs AS
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {pairs}),
h AS (SELECT i, lower(hex(randomblob(16))) AS a, lower(hex(randomblob(16))) AS c, lower(hex(randomblob(16))) AS r
    FROM n)
SELECT i, {a} AS attempt, {c} AS call, {r} AS recording,
    strftime('%Y-%m-%dT%H:%M:%f000Z', 1767600000 + i, 'unixepoch') AS at,
    'slack:T0SANDBOX:U0SUPER' || (i % 12) AS actor,
    CASE i % 4 WHEN 0 THEN 'recording:start' WHEN 1 THEN 'recording:stop' WHEN 2 THEN 'recording:pause'
        ELSE 'recording:resume' END AS action
FROM h;
INSERT INTO audit_entries (seq, id, attempt_id, occurred_at, phase, action, actor, conversation_id, participant_id,
    recording_id, reason_code, origin, outcome, previous_hash, hash)
SELECT 2 * i - 1 + k, substr(attempt, 1, 35) || k, attempt, at, CASE k WHEN 0 THEN 'requested' ELSE 'succeeded' END,
    action, actor, call, CASE k WHEN 1 THEN 'participant-' || i END, recording, 'complaint',
    CASE k WHEN 0 THEN '{{"channel":"C0FLOOR","source":"command","trigger":"' || i || '.4711"}}' ELSE '{{}}' END,
    CASE k WHEN 1 THEN '{{"correlation_id":"' || call || '","created":true,"mechanism":"adhoc"}}' ELSE '{{}}' END,
    hex(zeroblob(32)), hex(zeroblob(32))
FROM pairs, (SELECT 0 AS k UNION ALL SELECT 1) ORDER BY i, k;
DROP TABLE pairs;
"""
"""A trail as long as wanted, in a moment; its hashes are none, which nothing that is measured here looks at."""
REST = """
INSERT INTO recordings (id, conversation_id, participant_id, agent_user_id, queue_id, mechanism, state, version,
    started_by, reason_code, requested_at, started_at, ended_at, ended_by, adopted, in_doubt, audit_seq, requested_seq)
SELECT recording_id, conversation_id, 'participant', 'agent-' || (seq % 500), 'queue-' || (seq % 40), 'adhoc',
    'stopped', 3, actor, reason_code, occurred_at, occurred_at, occurred_at, actor, 0, 0, seq + 1, seq
FROM audit_entries WHERE phase = 'requested';
INSERT INTO attempts (id, verb, actor, recording_id, dedupe_key, requested_at, deadline_at, owner, settled_at,
    looks_left)
SELECT attempt_id, substr(action, 11), actor, recording_id, 'slack:' || seq, occurred_at, occurred_at, 'serve:1',
    occurred_at, 0
FROM audit_entries WHERE phase = 'requested';
INSERT INTO cards (recording_id, channel, asked_by, ts, posted_channel, rendered_version, wanted_version, language)
SELECT id, 'C0FLOOR', started_by, requested_seq || '.000100', 'C0FLOOR', version, version, 'en' FROM recordings;
INSERT INTO audit_deliveries (seq, tried_at, delivered_at, hash, channel, ts)
SELECT seq, occurred_at, occurred_at, hash, 'C0AUDIT', seq || '.000200' FROM audit_entries;
INSERT INTO saved_looks (recording_id, ended_at, looks, next_at) SELECT id, ended_at, 1, NULL FROM recordings;
INSERT INTO saved_recordings (recording_id, id, state) SELECT id, 'file-' || requested_seq, 'available' FROM recordings;
INSERT INTO names SELECT 'user', 'agent-' || value, 'Agent ' || value, '2026-01-05T08:00:00.000000Z'
FROM (WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 499) SELECT value FROM n);
"""
"""What else a bot has by the time that its trail is so long: all of it over, shown and delivered."""


@asynccontextmanager
async def opened_store(file: Path) -> AsyncIterator[SqlStore]:
    """Open a file, or make it."""
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    try:
        await upgrade(engines)
        yield SqlStore(engines)
    finally:
        await engines.close()


def fill(file: Path, entries: int) -> None:
    """Fill a new file that has the bot's schema."""
    ids = {
        name: f"substr({name}, 1, 8) || '-' || substr({name}, 9, 4) || '-4' || substr({name}, 14, 3) || '-8'"
        f" || substr({name}, 18, 3) || '-' || substr({name}, 21, 12)"
        for name in "acr"
    }
    trail = ENTRIES.format(pairs=entries // 2, **ids)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA synchronous=OFF; BEGIN; {trail} {REST} COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
        )


async def add_live(store: SqlStore, count: int) -> None:
    """Add recordings that run, each of an agent of its own."""

    def work(transaction: SqlTransaction) -> None:
        for number in range(count):
            recording = Recording(
                id=uuid7(),
                conversation_id=str(uuid7()),
                state=RecordingState.ACTIVE,
                version=3,
                started_by=SUPERVISORS[number % len(SUPERVISORS)],
                requested_at=BEGIN,
                started_at=BEGIN,
                participant_id=str(uuid7()),
                agent_user_id=f"agent-{number}",
                mechanism=Mechanism.ADHOC,
                audit_seq=number,
                requested_seq=10**9 + number,
            )
            transaction.add_recording(recording, channel="C0FLOOR", asked_by=recording.started_by)

    await store.write(work)


def _asked() -> Request:
    """Return a request like no other: the file may have been measured before."""
    return asked(trigger=str(uuid7()))


@dataclass(frozen=True)
class Installation:
    """A bot's storage with the service on it, and calls that it has recorded."""

    harness: Harness
    calls: list[str]

    async def history(self, number: int) -> None:
        call = self.calls[number % len(self.calls)]
        entry = await self.harness.service.intake.read_history(_asked(), call)
        found, _ = await SqlStories(self.harness.engines).story(call, before=entry.seq, limit=40)
        assert len(found) >= 2

    async def status(self, number: int) -> None:
        question = await self.harness.service.ask_status(_asked(), self.calls[number % len(self.calls)])
        assert (await self.harness.service.status(question)).recording is not None

    async def list(self, _number: int) -> None:
        assert len(await self.harness.service.live(_asked())) == LIVE

    async def loops(self, _number: int) -> None:
        store, outbox = self.harness.store, SqlOutbox(self.harness.engines)
        await store.open_attempts()
        await store.attempts_to_check()
        await store.live_recordings(limit=10_000)
        await outbox.undelivered()
        await outbox.stale_cards()


@asynccontextmanager
async def installation(file: Path) -> AsyncIterator[Installation]:
    async with open_harness(file) as harness:
        if not await harness.store.live_recordings():
            await add_live(harness.store, LIVE)
        outbox = SqlOutbox(harness.engines)
        for card in await outbox.stale_cards():
            await outbox.card_shown(card.recording.id, version=card.recording.version, channel="C0FLOOR", ts="1.2")
        last = await harness.store.head()
        seqs = [1 + step * (last // 400) * 2 for step in range(200)]
        statement = select(entry.conversation_id).where(entry.seq.in_(seqs), entry.conversation_id.is_not(None))
        calls = await harness.engines.read(lambda connection: list(connection.execute(statement).scalars()))
        yield Installation(harness, calls)


async def million(directory: Path, entries: int) -> list[Figure]:
    """Measure in turns: a bot with so many entries, and one with a thousand."""
    big, little = directory / "big.db", directory / "little.db"
    for file, length in ((big, entries), (little, LITTLE)):
        async with opened_store(file):
            fill(file, length)
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(installation(big))
        few = await stack.enter_async_context(installation(little))
        kinds: dict[str, tuple[Callable[[int], Awaitable[None]], Callable[[int], Awaitable[None]]]] = {
            "history": (many.history, few.history),
            "status": (many.status, few.status),
            "list": (many.list, few.list),
            "one look of each loop": (many.loops, few.loops),
        }
        return [await _compared(what, pair[0], pair[1], entries) for what, pair in kinds.items()]


async def _compared(
    what: str, large: Callable[[int], Awaitable[None]], small: Callable[[int], Awaitable[None]], entries: int
) -> Figure:
    for number in range(WARM):
        await large(number)
        await small(number)
    seconds: dict[str, list[float]] = {"large": [], "small": []}
    for number in range(ROUNDS * EACH):
        pair = [("large", large), ("small", small)]
        for name, step in pair if number % 2 else reversed(pair):
            began = time.perf_counter()
            await step(WARM + number)
            seconds[name].append(time.perf_counter() - began)
    slow, quick = statistics.median(seconds["large"]), statistics.median(seconds["small"])
    return Figure(
        f"{what} with {entries:,} entries",
        f"with {LITTLE:,}",
        "at most 1.5 times",
        f"{slow / quick:.2f} times ({1000 * slow:.1f} ms against {1000 * quick:.1f} ms)",
        slow <= 1.5 * quick,
    )
