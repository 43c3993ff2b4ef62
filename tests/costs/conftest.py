"""The bot's own composition between both simulators, without its loops: each request and statement is an action's."""

from __future__ import annotations

import itertools
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bot.database.queries.pending_work import SqlPendingWork
from bot.database.replicas import replicas_of
from bot.recording.caller import Principal, Role
from bot.recording.requests import PendingAction, Request, RequestSource
from bot.runtime.container import Control, opened_control
from bot.runtime.serving_container import listener_context
from bot.runtime.serving_parts import ServingParts
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import identify, web_client, web_session
from bot.slack.listeners.background import Work
from tests.integration.slack.conftest import migrated
from tests.support.clocks.fake_clock import FakeClock
from tests.support.scenario import ADA, FLOOR, settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.outbox.audit_channel import AuditPublisher
    from bot.outbox.cards import CardPublisher
    from bot.recording.models import Verb
    from bot.recording.requests import ActionResult
    from bot.slack.listeners.context import ListenerContext

__all__ = ["migrated"]

TEAM = "T0SANDBOX"


@dataclass
class Bench:
    """What carries out actions, and what tells Slack of them, one step at a time."""

    slack: SimulatedSlack
    genesys: SimulatedGenesys
    control: Control
    context: ListenerContext
    cards: CardPublisher
    audit: AuditPublisher
    _triggers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def request(self, role: Role = Role.SUPERVISOR) -> Request:
        caller = Principal(f"slack:{TEAM}:{ADA}", frozenset({role}))
        return Request(
            caller, RequestSource("command", channel=FLOOR, trigger=f"trigger-{next(self._triggers)}", language="en")
        )

    async def start(self, call: str) -> ActionResult:
        return await self.control.service.carry_out(
            await self.control.service.intake.start(self.request(), call, "complaint a scratched voice")
        )

    async def change(self, verb: Verb, call: str) -> ActionResult:
        accepted = await self.control.service.intake.change(verb, self.request(), typed_id=call)
        assert isinstance(accepted, PendingAction)
        return await self.control.service.carry_out(accepted)

    def forget(self) -> None:
        """Forget the requests until now."""
        self.genesys.requests.clear()
        self.slack.requests.clear()

    def asked_of_genesys(self) -> list[str]:
        return [request.method for request in self.genesys.requests]

    def asked_of_slack(self) -> list[str]:
        return [request.method for request in self.slack.requests]


@asynccontextmanager
async def started(simulator: SimulatedSlack | SimulatedGenesys) -> AsyncIterator[None]:
    await simulator.start()
    try:
        simulator.seed()
        yield
    finally:
        await simulator.stop()


@asynccontextmanager
async def bench_at(
    monkeypatch: pytest.MonkeyPatch, directory: Path, changes: dict[str, str] | None = None
) -> AsyncIterator[Bench]:
    clock = FakeClock()
    slack, genesys = SimulatedSlack(clock=clock.time), SimulatedGenesys(effect_delay=0, clock=clock.time)
    async with started(slack), started(genesys):
        settings = settings_for(
            monkeypatch, slack, genesys, transport="http", directory=directory, changes=changes or {}
        )
        async with opened_control(settings, owner="serve", clock=clock) as control, web_session() as session:
            client = web_client(settings.slack_bot_token.get_secret_value(), api_url=slack.api_url, session=session)
            context = listener_context(settings, control, client, await identify(client), Work())
            replicas = replicas_of(control.service.intake.log.owner, control.engines, control.store)
            pending = SqlPendingWork(control.engines, control.store.changes(), clock)
            cards, audit = ServingParts(settings, control, client, session, context, replicas, pending).publishers()
            await control.genesys.login()
            bench = Bench(slack, genesys, control, context, cards, audit)
            bench.forget()
            yield bench


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated: Path) -> AsyncIterator[Bench]:
    shutil.copy(migrated, tmp_path)
    async with bench_at(monkeypatch, tmp_path) as bench:
        yield bench
