"""The real service on a real database, with Genesys behind the domain's port replaced by a fake."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.database.engine import Engines, open_engines
from bot.database.migrate import upgrade
from bot.database.statements.keeps import SqlKeepQueue
from bot.database.store import SqlStore
from bot.recording.caller import Principal, Role, Scope
from bot.recording.control.commands import StartRecording
from bot.recording.control.dual_control import Approvals, closing_late
from bot.recording.control.intake import Intake
from bot.recording.control.keeping.attempt import KeepAttempt
from bot.recording.control.keeping.commands import KeepStarted
from bot.recording.control.keeping.keeper import Keeper
from bot.recording.control.keeping.outcomes import KeepOutcomes, closing_late_keeps
from bot.recording.control.outcomes import OutcomeRecorder
from bot.recording.control.request_log import RequestLog, RequestRules, ShutdownGate
from bot.recording.control.service import RecordingService
from bot.recording.control.user_rate_limit import PersonalLimit
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.monitoring.ownership import SoleProcess
from bot.recording.monitoring.reconciler import PATIENCE, Reconciler
from bot.recording.policy import DualControl
from bot.recording.requests import AwaitsConfirmation, Extended, PendingAction, ReasonRules, Request, RequestSource
from bot.recording.time_limits.limits import TimeLimits
from tests.support.clocks.fake_clock import FakeClock
from tests.support.databases.postgres import url_of
from tests.support.databases.sqlite import make_database
from tests.support.recording.fake_control import FakeControl
from tests.support.recording.fake_files import FakeCallFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.recording.models import Verb
    from tests.support.databases.postgres import Database

TEAM = "T0SANDBOX"
ADA = f"slack:{TEAM}:U0ADA"
GRACE = f"slack:{TEAM}:U0GRACE"
CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
OTHER_CALL = "b81d6e0f-27c4-4f39-8a6d-c1f5093e7ab2"

_triggers = itertools.count(1)


@dataclass(frozen=True)
class Harness:
    """Everything that a test of the domain needs."""

    file: Database
    engines: Engines
    store: SqlStore
    control: FakeControl
    clock: FakeClock
    service: RecordingService
    reconciler: Reconciler
    shutdown_gate: ShutdownGate
    approvals: Approvals
    keeper: Keeper
    files: FakeCallFiles

    async def request(self, verb: Verb) -> PendingAction:
        """Have a supervisor ask for a start on the usual call, or for a change of what runs there."""
        if verb.begins:
            return await self.service.intake.log.submit(asked(), StartRecording(CALL, verb=verb))
        return at_once(await self.service.intake.change(verb, asked()))

    async def patience(self) -> None:
        """Let the reconciler see what is open, and see it again after its patience."""
        await self.reconciler.settle_all()
        self.clock.advance(PATIENCE)
        await self.reconciler.settle_all()

    async def keeps_step(self) -> float | None:
        """Take one step of the worker that keeps and releases."""
        return await self.keeper.step(SoleProcess(self.service.owner).absent)


@asynccontextmanager
async def open_harness(
    file: Database,
    *,
    reasons: ReasonRules | None = None,
    write_limit: float = 60.0,
    owner: str = "serve:1",
    dual_control: DualControl | None = None,
    clock: FakeClock | None = None,
    limit: PersonalLimit | None = None,
    limits: TimeLimits | None = None,
    files: FakeCallFiles | None = None,
    keep: KeepMode = KeepMode.ASK,
) -> AsyncIterator[Harness]:
    clock, control, shutdown_gate = clock or FakeClock(), FakeControl(), ShutdownGate()
    new = isinstance(file, Path) and not file.exists()
    if isinstance(file, Path) and new:
        await make_database(file)
    engines = open_engines(url_of(file))
    try:
        if not new:
            await upgrade(engines)
        store = SqlStore(engines)
        rules = RequestRules(reasons or ReasonRules(), dual_control or DualControl(), limits or TimeLimits())
        outcomes = OutcomeRecorder(store, clock, rules.run_limit, KeepStarted(keep))
        approvals = Approvals(store, clock)
        files = files or FakeCallFiles()
        requests = RequestLog(
            store=store,
            clock=clock,
            owner=owner,
            rules=rules,
            shutdown_gate=shutdown_gate,
            expire=closing_late_keeps(store, clock, closing_late(outcomes, approvals)),
            write_limit=write_limit,
            limit=limit or PersonalLimit(),
        )
        intake = Intake(requests)
        service = RecordingService(intake, outcomes, control, store, clock)
        queue = SqlKeepQueue(engines)
        attempt = KeepAttempt(files, control, store, queue, clock, {})
        keeper = Keeper(intake, store, queue, attempt, KeepOutcomes(store, clock), clock, keep)
        reconciler = Reconciler(service, clock, owner, SoleProcess(owner))
        yield Harness(
            file, engines, store, control, clock, service, reconciler, shutdown_gate, approvals, keeper, files
        )
        await store.settled()
    finally:
        await engines.close()


def at_once(answer: PendingAction | AwaitsConfirmation | Extended) -> PendingAction:
    """Hold that a request may go to Genesys at once."""
    assert isinstance(answer, PendingAction)
    return answer


def asked(
    actor: str = ADA, *, roles: frozenset[Role] | None = None, trigger: str | None = None, scope: Scope | None = None
) -> Request:
    """Return a request of a supervisor's, each with a trigger id of its own."""
    held = frozenset({Role.SUPERVISOR}) if roles is None else roles
    trigger = trigger or f"trigger-{next(_triggers)}"
    return Request(
        Principal(actor, held, scope=scope or Scope()), RequestSource("command", channel="C0FLOOR", trigger=trigger)
    )
