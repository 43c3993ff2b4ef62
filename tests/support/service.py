"""The real service on a real SQLite file, with Genesys behind the domain's port replaced by a fake."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.database.engine import Engines, open_engines
from bot.database.migrate import upgrade
from bot.database.store import SqlStore
from bot.recording.intake import Door, Intake
from bot.recording.policy import Caller, Role
from bot.recording.reconciler import Reconciler
from bot.recording.requests import Asked, Origin, ReasonRules
from bot.recording.service import RecordingService
from bot.recording.settlement import Settlement
from tests.support.clock import FakeClock
from tests.support.control import FakeControl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEAM = "T0SANDBOX"
ADA = f"slack:{TEAM}:U0ADA"
GRACE = f"slack:{TEAM}:U0GRACE"
CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
OTHER_CALL = "b81d6e0f-27c4-4f39-8a6d-c1f5093e7ab2"

_triggers = itertools.count(1)


@dataclass(frozen=True)
class Shop:
    """Everything that a test of the domain needs."""

    file: Path
    engines: Engines
    store: SqlStore
    control: FakeControl
    clock: FakeClock
    service: RecordingService
    reconciler: Reconciler
    door: Door


@asynccontextmanager
async def opened_shop(
    file: Path, *, reasons: ReasonRules | None = None, write_limit: float = 1.5, owner: str = "serve:1"
) -> AsyncIterator[Shop]:
    clock, control, door = FakeClock(), FakeControl(), Door()
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    try:
        await upgrade(engines)
        store = SqlStore(engines)
        settlement = Settlement(store, clock)
        intake = Intake(
            store=store,
            clock=clock,
            owner=owner,
            reasons=reasons or ReasonRules(),
            door=door,
            expire=settlement.expired,
            write_limit=write_limit,
        )
        service = RecordingService(intake=intake, settlement=settlement, control=control, store=store, clock=clock)
        yield Shop(file, engines, store, control, clock, service, Reconciler(service, clock, owner=owner), door)
        await store.settled()
    finally:
        await engines.close()


def asked(actor: str = ADA, *, roles: frozenset[Role] | None = None, trigger: str | None = None) -> Asked:
    """Return a request of a supervisor's, each with a trigger id of its own."""
    held = frozenset({Role.SUPERVISOR}) if roles is None else roles
    trigger = trigger or f"trigger-{next(_triggers)}"
    return Asked(Caller(actor, held), Origin("command", channel="C0FLOOR", trigger=trigger))
