"""Trails of any length, written through the bot's own code."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.engine import Engines, open_engines
from bot.database.migrate import upgrade
from bot.database.store import SqlStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.database.transaction import SqlTransaction

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
IN_ONE_TRANSACTION = 2000
SUPERVISORS = [f"slack:T0SANDBOX:U0SUPER{number}" for number in range(12)]


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[SqlStore]:
    engines: Engines = open_engines(f"sqlite+aiosqlite:///{file}")
    try:
        await upgrade(engines)
        yield SqlStore(engines)
    finally:
        await engines.close()


def drafts(start: int) -> Iterator[Draft]:
    """Yield requests with their outcomes, as a day in a contact center makes them."""
    for number in itertools.count(start):
        attempt, call, recording = uuid7(), str(uuid4()), uuid7()
        at, actor = BEGIN + timedelta(seconds=number), SUPERVISORS[number % len(SUPERVISORS)]
        action = ("recording:start", "recording:stop", "recording:pause", "recording:resume")[number % 4]
        yield Draft(
            id=uuid7(),
            attempt_id=attempt,
            occurred_at=at,
            phase=Phase.REQUESTED,
            action=action,
            actor=actor,
            conversation_id=call,
            recording_id=recording,
            reason_code="complaint" if number % 3 else None,
            origin={"source": "command", "channel": "C0FLOOR", "trigger": f"{number}.4711.0815abcdef"},
        )
        yield Draft(
            id=uuid7(),
            attempt_id=attempt,
            occurred_at=at + timedelta(milliseconds=700),
            phase=Phase.SUCCEEDED,
            action=action,
            actor=actor,
            conversation_id=call,
            participant_id=str(uuid7()),
            recording_id=recording,
            outcome={"mechanism": "adhoc", "created": True, "http_status": 202, "correlation_id": str(uuid7())},
        )


async def grow(store: SqlStore, length: int) -> None:
    """Bring the trail to this length, many entries in a transaction."""
    have = await store.head()
    source = drafts(have)
    while have < length:
        batch = list(itertools.islice(source, min(IN_ONE_TRANSACTION, length - have)))

        def work(transaction: SqlTransaction, batch: list[Draft] = batch) -> None:
            transaction.append_many(batch)

        await store.write(work)
        have += len(batch)


async def append_one_by_one(store: SqlStore, count: int) -> None:
    """Append as the bot does while it serves: each entry on disk before the next."""
    source = drafts(await store.head())
    for draft in itertools.islice(source, count):

        def work(transaction: SqlTransaction, draft: Draft = draft) -> None:
            transaction.append(draft)

        await store.write(work)
