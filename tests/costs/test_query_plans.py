"""What is asked of the database while people wait, or again and again, finds its rows by an index."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from bot.database.outbox.due_notices import SqlOccasions
from bot.database.outbox.notices import SqlNotices
from bot.database.queries.cards import SqlOverview
from bot.database.queries.names import SqlNames
from bot.database.queries.pending_work import SqlPendingWork
from bot.database.statements.recording_files import SqlRecordingFileChecks
from bot.database.trail.call_history import SqlStories
from bot.database.trail.open_requests import SqlOpenRequests
from bot.recording.models import Verb
from bot.recording.monitoring.observations import Observations
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND

if TYPE_CHECKING:
    from tests.costs.conftest import Bench

GROWING = (
    "recordings",
    "attempts",
    "audit_entries",
    "audit_deliveries",
    "cards",
    "typed_texts",
    "notices",
    "saved_looks",
)
SCAN = re.compile(r"SCAN (?P<table>\w+)(?P<how>.*)")


@dataclass
class Asked:
    """Each statement that was sent, once, with its parameters."""

    statements: dict[str, Any] = field(default_factory=dict)

    def note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            self.statements.setdefault(statement, parameters[0] if many else parameters)


def plan(file: Path, statement: str, parameters: Any) -> list[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def full_scans(file: Path, statement: str, parameters: Any) -> list[str]:
    """Return the steps that read a whole table which grows with the years.

    A scan along a partial index reads only the few rows that are in it; one in the order of the key, with a limit, ends
    early.
    """
    aliases = dict.fromkeys(GROWING) | {
        alias: table for table, alias in re.findall(r"(?:FROM|JOIN|,) (\w+) AS (\w+)", statement) if table in GROWING
    }
    found = []
    for step in plan(file, statement, parameters):
        scan = SCAN.match(step)
        if scan is None or scan["table"] not in aliases:
            continue
        along_partial = any(name in scan["how"] for name in ("_open", "_live", "_looks", "_behind", "_due"))
        first_only = "LIMIT" in statement and "ORDER BY audit_" in statement and "TEMP B-TREE" not in step
        newest = "ORDER BY recordings.id DESC" in statement and step.endswith("sqlite_autoindex_recordings_1")
        ends = re.search(r"\b(?:max|min)\(", statement) and "WHERE" not in statement
        if not (along_partial or first_only or newest or ends):
            found.append(step)
    return found


async def test_nothing_that_is_asked_often_reads_a_whole_table(bench: Bench) -> None:
    request, engines = Asked(), bench.control.engines
    for engine in (engines.writer.engine, *engines.readers):
        event.listen(engine, "before_cursor_execute", request.note)
    await everything_once(bench)

    file = Path(str(engines.writer.url.database))
    wrong = {
        statement: scans
        for statement, parameters in request.statements.items()
        if (scans := full_scans(file, statement, parameters))
    }
    assert len(request.statements) > 40
    assert not wrong, "\n\n".join(f"{scans}\n{statement}" for statement, scans in wrong.items())


async def everything_once(bench: Bench) -> None:
    """Do what people ask for, and what the loops do between it."""
    control, store, engines = bench.control, bench.control.store, bench.control.engines
    service = control.service
    await bench.start(INBOUND)
    await bench.start(OUTBOUND)
    await bench.change(Verb.PAUSE, INBOUND)
    await bench.change(Verb.STOP, OUTBOUND)
    await service.live(bench.request())
    await service.status(await service.ask_status(bench.request(), INBOUND))
    reading = await service.intake.read_history(bench.request(), INBOUND)
    await SqlStories(engines).story(INBOUND, before=reading.seq, limit=40)
    await bench.cards.publish_all()
    await bench.cards.publish_all()
    await bench.audit.publish_next()
    await bench.audit.publish_next()
    await store.open_attempts()
    await store.attempts_to_check()
    await store.open_approvals()
    await store.live_recordings(limit=10_000)
    await store.limited_recordings()
    await store.live_recording(INBOUND)
    now = control.clock.now()
    occasions, overview = SqlOccasions(engines), SqlOverview(engines)
    (ended,) = await store.live_recordings()
    assert await Observations(store, control.clock).call_ended(ended)
    await SqlNotices(engines).close_outdated(now)
    await SqlNotices(engines).close_outdated(now)
    await occasions.long_recordings(now - timedelta(minutes=30), now)
    await occasions.long_pauses(now)
    await occasions.silent_attempts(now)
    await occasions.waiting_stops()
    await SqlNotices(engines).open()
    await SqlRecordingFileChecks(engines).due(now, limit=10)
    await SqlOpenRequests(engines).find("audit:export")
    await SqlPendingWork(engines, store.changes(), control.clock).read()
    names = SqlNames(store)
    await names.unnamed()
    await names.remember({("user", "u-1"): "Anna", ("queue", "q-1"): "Sales"}, now)
    await store.recorded_before(frozenset({INBOUND, OUTBOUND}))
    await overview.live()
    await overview.recent("slack:T0SANDBOX:U0ADA", limit=5)
