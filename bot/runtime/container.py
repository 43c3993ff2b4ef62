"""The composition root: builds each object once, and owns its lifetime."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.config.clients_file import oauth_clients
from bot.config.policy_file import load_policy
from bot.config.settings import SlackSettings
from bot.database.engine import open_engines, time_reads
from bot.database.migrate import upgrade
from bot.database.queries.names import SqlNames
from bot.database.queries.policy import SqlRules
from bot.database.statements.keeps import SqlKeepQueue
from bot.database.statements.recording_files import SqlRecordingFileChecks
from bot.database.store import SqlStore
from bot.errors import SettingsError
from bot.observability.telemetry import Observing
from bot.observability.tracing import open_tracing
from bot.recording.clock import SystemClock
from bot.recording.control.agents.agent_lookup import AgentSearch
from bot.recording.control.dual_control import Approvals, closing_late
from bot.recording.control.intake import Intake
from bot.recording.control.keeping.attempt import KeepAttempt
from bot.recording.control.keeping.commands import KeepStarted
from bot.recording.control.keeping.keeper import Keeper
from bot.recording.control.keeping.outcomes import KeepOutcomes, closing_late_keeps
from bot.recording.control.outcomes import OutcomeRecorder
from bot.recording.control.request_log import SLACK_WRITE_SECONDS, RequestLog, RequestRules, ShutdownGate
from bot.recording.control.service import RecordingService
from bot.recording.control.user_rate_limit import PersonalLimit
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.live_calls.call_list import LiveCalls
from bot.recording.live_calls.names import NameBook, UnnamedRecordings
from bot.recording.monitoring.call_monitor import NoCallEvents
from bot.recording.monitoring.recording_files import SavedLooks
from bot.recording.policy import channels_by_queue
from bot.recording.requests import ReasonRules
from bot.recording.time_limits.limits import TimeLimits
from bot.runtime.rule_conflicts import rules_against_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from urllib3 import PoolManager

    from bot.config.settings import ControlSettings, DatabaseSettings, GenesysSettings, RecordingSettings
    from bot.database.engine import Engines
    from bot.genesys import ClientsNotifications, GenesysClients, Notifications, RequestSeen
    from bot.observability.metrics import Metrics
    from bot.recording.call_files import CallFiles
    from bot.recording.policy import DualControl, Policy, Route
    from bot.recording.ports import Clock, RecordingControl

SERVE_OWNER = "serve"
CLI_OWNER = "cli"
GENESYS_READ_SECONDS = 5.0
TERMINAL_WRITE_SECONDS = 15.0
"""How long a command in a terminal may wait for the database; nothing cuts it off, as Slack does."""
EXPIRE_SECONDS = 5.0
FOLLOWER_SHARE = 0.1
FILE_IS_MISSING = (
    "The policy file {file} (RECORDING_POLICY_FILE) doesn't exist, but record-bot last served on this database with "
    "one: its grants, dual control, routes and rules would no longer apply. Put the file back. To give up its rules, "
    "start once with record-bot serve --without-policy; the audit trail records that."
)


@dataclass(frozen=True, slots=True)
class Control:
    """Recording control with all its dependencies, without Slack."""

    engines: Engines
    store: SqlStore
    genesys: GenesysClients
    service: RecordingService
    requests: RequestLog
    shutdown_gate: ShutdownGate
    clock: Clock
    observing: Observing
    live_calls: LiveCalls
    policy: Policy
    approvals: Approvals
    keeper: Keeper
    files: CallFiles | None
    """The files of calls; None with an API that has none."""
    agents: AgentSearch

    @property
    def metrics(self) -> Metrics:
        return self.observing.metrics


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
    settings: ControlSettings,
    *,
    owner: str,
    clock: Clock | None = None,
    patience: float = GENESYS_READ_SECONDS,
    genesys_pool: PoolManager | None = None,
    on_request: Callable[[RequestSeen], None] | None = None,
    without_policy: bool = False,
) -> AsyncIterator[Control]:
    """Bring the database to head and build recording control on it. Nothing is sent to Genesys yet.

    Raise SettingsError for ``serve`` if the policy file is missing although the last process had one, unless it may
    serve ``without_policy``.

    ``patience`` is how many seconds an answer of Genesys may take; ``genesys_pool`` makes the connections to it;
    ``on_request`` is told of each request.
    """
    clock = clock or SystemClock()
    policy = recording_policy(settings, may_be_missing=without_policy)
    async with AsyncExitStack() as opened:
        engines = await opened.enter_async_context(opened_database(settings))
        await upgrade(engines)
        observing = Observing(tracing=open_tracing(settings.otel_exporter_otlp_endpoint))
        opened.push_async_callback(asyncio.to_thread, observing.tracing.close)
        time_reads(engines, observing.read)
        clients = await genesys_clients(settings, clock, _both(observing.genesys, on_request), patience, genesys_pool)
        store = SqlStore(engines, on_write=observing.written, on_retry=observing.metrics.on_write_retried)
        if owner == SERVE_OWNER and policy.digest is None and not without_policy and await SqlRules(store).are_noted():
            raise SettingsError((FILE_IS_MISSING.format(file=settings.recording_policy_file),))
        store.routes = channels_by_queue(await _routes(store, policy, owner))
        rules = RequestRules(
            ReasonRules(settings.recording_reasons, required=settings.recording_reason_required),
            await _dual_control(store, policy, owner),
            TimeLimits(settings.recording_pause_at_most, settings.recording_at_most),
        )
        files = recording_files(settings, clients)
        mode = settings.recording_keep if settings.keeps_recordings else KeepMode.NEVER
        outcomes = OutcomeRecorder(store, clock, rules.run_limit, KeepStarted(mode))
        approvals = Approvals(store, clock)
        shutdown_gate = ShutdownGate()
        requests = RequestLog(
            store=store,
            clock=clock,
            owner=f"{owner}:{uuid7()}",
            rules=rules,
            shutdown_gate=shutdown_gate,
            write_limit=SLACK_WRITE_SECONDS if owner == SERVE_OWNER else TERMINAL_WRITE_SECONDS,
            expire=closing_late_keeps(store, clock, closing_late(outcomes, approvals)),
            # scripts on the bot's machine may do as much at once as they like
            limit=PersonalLimit(
                settings.recording_actions_per_minute if owner == SERVE_OWNER else 0, observing.metrics.on_too_many
            ),
        )
        control = recording_control(settings, clients)
        intake = Intake(requests)
        service = RecordingService(intake, outcomes, control, store, clock)
        queue, reasons, kept = SqlKeepQueue(engines), settings.recording_reasons, KeepOutcomes(store, clock)
        attempt = None if files is None else KeepAttempt(files, control, store, queue, clock, reasons)
        keeper = Keeper(intake, store, queue, attempt, kept, clock, settings.recording_keep)
        live_calls = live_call_list(clients, store, clock)
        try:
            yield Control(
                engines=engines,
                store=store,
                genesys=clients,
                service=service,
                requests=requests,
                shutdown_gate=shutdown_gate,
                clock=clock,
                observing=observing,
                live_calls=live_calls,
                policy=policy,
                approvals=approvals,
                keeper=keeper,
                files=files,
                agents=agent_search(clients, requests),
            )
        finally:
            await live_calls.close()
            await requests.settled(EXPIRE_SECONDS)
            await store.settled()
            await clients.close()


def _both(
    first: Callable[[RequestSeen], None], second: Callable[[RequestSeen], None] | None
) -> Callable[[RequestSeen], None]:
    def tell(seen: RequestSeen) -> None:
        first(seen)
        if second is not None:
            second(seen)

    return tell


async def _dual_control(store: SqlStore, policy: Policy, owner: str) -> DualControl:
    """Return the dual-control rules. The CLI may lack the policy file, so it also honors the stored rules."""
    noted = await SqlRules(store).dual_control() if owner == CLI_OWNER else None
    return policy.dual_control if noted is None else noted.with_also(policy.dual_control)


async def _routes(store: SqlStore, policy: Policy, owner: str) -> tuple[Route, ...]:
    """Return where cards go besides; a terminal may run where no policy file is, and follows the bot's rules too."""
    noted = await SqlRules(store).routes() if owner == CLI_OWNER else ()
    return (*policy.routes, *noted)


def recording_policy(settings: RecordingSettings, *, may_be_missing: bool = False) -> Policy:
    """Read the policy file. Raise SettingsError if it is wrong, or missing although a setting names it."""
    named = "recording_policy_file" in settings.model_fields_set
    policy = load_policy(Path(settings.recording_policy_file), required=named and not may_be_missing)
    audit = settings.slack_audit_channel if isinstance(settings, SlackSettings) else None
    if any(route.channel == audit for route in policy.routes):
        sentence = (
            f"The policy file {policy.source} routes cards to {audit}, which is SLACK_AUDIT_CHANNEL: choose another "
            "channel for the cards, since the audit channel is for the trail alone."
        )
        raise SettingsError((sentence,))
    if problems := rules_against_settings(policy, settings):
        raise SettingsError(problems)
    return policy


async def genesys_clients(
    settings: GenesysSettings,
    clock: Clock,
    on_request: Callable[[RequestSeen], None] | None = None,
    patience: float = GENESYS_READ_SECONDS,
    pool: PoolManager | None = None,
) -> GenesysClients:
    """Build the clients that the settings name; importing the SDK takes seconds, so a thread does it meanwhile.

    Raise SettingsError if PURECLOUD_CLIENTS names a file that can't be used.
    """
    known = oauth_clients(settings)
    genesys = await asyncio.to_thread(__import__, "bot.genesys", fromlist=["GenesysClient"])
    clients: GenesysClients = genesys.GenesysClients(
        [
            genesys.GenesysClient(
                genesys.GenesysAccount(
                    client_id=one.id,
                    client_secret=one.secret,
                    environment=settings.purecloud_environment,
                    api_url=settings.genesys_api_url,
                    label=one.label,
                    divisions=one.divisions,
                    one_of_several=len(known) > 1,
                ),
                clock=clock,
                on_request=_with_label(one.label, on_request),
                read_timeout=patience,
                requests_per_minute=settings.genesys_requests_per_minute,
                pool=pool,
            )
            for one in known
        ]
    )
    return clients


def _with_label(label: str, on_request: Callable[[RequestSeen], None] | None) -> Callable[[RequestSeen], None] | None:
    if not label or on_request is None:
        return on_request
    return lambda seen: on_request(replace(seen, client=label))


def live_call_list(clients: GenesysClients, store: SqlStore, clock: Clock) -> LiveCalls:
    """Build the list of live calls; a gateway without one says so when someone opens the list."""
    from bot.genesys import adapters  # noqa: PLC0415  importing the SDK takes seconds

    directory = adapters.directory(clients)
    return LiveCalls(directory, NameBook(directory, SqlNames(store), clock), store, clock)


def agent_search(clients: GenesysClients, requests: RequestLog) -> AgentSearch:
    """Build the search for agents and their calls."""
    from bot.genesys import adapters  # noqa: PLC0415  importing the SDK takes seconds

    return AgentSearch(requests, adapters.people(clients), adapters.directory(clients))


def saved_looks(settings: GenesysSettings, control: Control) -> SavedLooks | None:
    """Return what finds the files of recordings; a gateway's sessions have none."""
    from bot.genesys import adapters  # noqa: PLC0415  importing the SDK takes seconds

    if settings.genesys_recording_api == "sessions":
        return None
    saved_recordings = adapters.saved_recordings(control.genesys)
    return SavedLooks(control.store, SqlRecordingFileChecks(control.engines), saved_recordings, control.clock)


def recording_files(settings: GenesysSettings, clients: GenesysClients) -> CallFiles | None:
    """Return what keeps and plays the files of calls; a gateway's sessions have none."""
    from bot.genesys import adapters  # noqa: PLC0415  importing the SDK takes seconds

    return None if settings.genesys_recording_api == "sessions" else adapters.call_files(clients)


def unnamed_recordings(control: Control) -> UnnamedRecordings:
    """Return what fetches the names that cards lack; it shares the names of the list of live calls."""
    return UnnamedRecordings(control.live_calls.names, control.clock)


def call_news(
    settings: GenesysSettings, clients: GenesysClients
) -> Notifications | ClientsNotifications | NoCallEvents:
    """Return the source of call events; a gateway's sessions have none."""
    from bot.genesys import adapters  # noqa: PLC0415  importing the SDK takes seconds

    return NoCallEvents() if settings.genesys_recording_api == "sessions" else adapters.notifications(clients)


def check_gap(settings: GenesysSettings, clients: GenesysClients) -> float:
    """Return the seconds between two reads of the call monitor that use a tenth of the request limits."""
    requests = 2 if settings.genesys_recording_api == "sessions" else 1
    a_minute = settings.genesys_requests_per_minute * len(clients.clients)
    return requests * 60.0 / (a_minute * FOLLOWER_SHARE)


def recording_control(settings: GenesysSettings, clients: GenesysClients) -> RecordingControl:
    from bot.genesys import SessionsControl, adapters  # noqa: PLC0415  importing the SDK takes seconds

    if settings.genesys_recording_api == "sessions":
        return SessionsControl(clients.first)
    return adapters.control(clients)
