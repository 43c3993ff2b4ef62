"""The composition root: builds each object once, and owns its lifetime."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.database.store import SqlStore
from bot.metrics import Metrics
from bot.recording.clock import SystemClock
from bot.recording.follower import NoNews
from bot.recording.intake import Door, Intake
from bot.recording.requests import ReasonRules
from bot.recording.service import RecordingService
from bot.recording.settlement import Settlement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.config import ControlSettings, DatabaseSettings, GenesysSettings
    from bot.database.engine import Engines
    from bot.genesys import GenesysClient, Notifications
    from bot.recording.ports import Clock, RecordingControl

SERVE_OWNER = "serve"
CLI_OWNER = "cli"
GENESYS_READ_SECONDS = 5.0
EXPIRE_SECONDS = 5.0
FOLLOWER_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Control:
    """Recording control and all that it stands on, without Slack."""

    engines: Engines
    store: SqlStore
    genesys: GenesysClient
    service: RecordingService
    door: Door
    clock: Clock
    metrics: Metrics


@asynccontextmanager
async def opened_database(settings: DatabaseSettings) -> AsyncIterator[Engines]:
    """Open the database as it is, without migrating it."""
    engines = open_engines(settings.database_url)
    try:
        yield engines
    finally:
        await engines.close()


@asynccontextmanager
async def opened_control(
    settings: ControlSettings, *, owner: str, clock: Clock | None = None, patience: float = GENESYS_READ_SECONDS
) -> AsyncIterator[Control]:
    """Bring the database to head and build recording control on it. Nothing is sent to Genesys yet.

    ``patience`` is how many seconds an answer of Genesys may take.
    """
    clock, metrics = clock or SystemClock(), Metrics()
    async with opened_database(settings) as engines:
        await upgrade(engines)
        client = await genesys_client(settings, clock, metrics, patience)
        store = SqlStore(engines)
        settlement = Settlement(store, clock)
        door = Door()
        intake = Intake(
            store=store,
            clock=clock,
            owner=f"{owner}:{uuid7()}",
            reasons=ReasonRules(settings.recording_reasons, required=settings.recording_reason_required),
            door=door,
            expire=settlement.expired,
        )
        control = await recording_control(settings, client)
        service = RecordingService(intake=intake, settlement=settlement, control=control, store=store, clock=clock)
        try:
            yield Control(engines, store, client, service, door, clock, metrics)
        finally:
            await intake.settled(EXPIRE_SECONDS)
            await store.settled()
            await client.close()


async def genesys_client(
    settings: GenesysSettings, clock: Clock, metrics: Metrics, patience: float = GENESYS_READ_SECONDS
) -> GenesysClient:
    """Build the client; importing the SDK takes seconds, so a thread does it while other things go on."""
    genesys = await asyncio.to_thread(__import__, "bot.genesys", fromlist=["GenesysClient"])
    account = genesys.GenesysAccount(
        client_id=settings.purecloud_client_id,
        client_secret=settings.purecloud_client_secret.get_secret_value(),
        environment=settings.purecloud_environment,
        api_url=settings.genesys_api_url,
    )
    client: GenesysClient = genesys.GenesysClient(
        account,
        clock=clock,
        on_request=metrics.on_request,
        read_timeout=patience,
        requests_per_minute=settings.genesys_requests_per_minute,
    )
    return client


def call_news(settings: GenesysSettings, client: GenesysClient) -> Notifications | NoNews:
    """Return what tells of changes to calls; a gateway's sessions have no such thing."""
    from bot.genesys import Notifications  # noqa: PLC0415  importing the SDK takes seconds

    return NoNews() if settings.genesys_recording_api == "sessions" else Notifications(client)


def look_gap(settings: GenesysSettings) -> float:
    """Return the seconds between two looks of the follower with which it spends a tenth of the request limit."""
    requests = 2 if settings.genesys_recording_api == "sessions" else 1
    return requests * 60.0 / (settings.genesys_requests_per_minute * FOLLOWER_SHARE)


async def recording_control(settings: GenesysSettings, client: GenesysClient) -> RecordingControl:
    from bot.genesys import ConversationsControl, SessionsControl  # noqa: PLC0415  importing the SDK takes seconds

    if settings.genesys_recording_api == "sessions":
        return SessionsControl(client)
    return ConversationsControl(client)
