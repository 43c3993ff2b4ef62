"""``record-bot serve``: connects everything, runs until SIGTERM, and shuts down in order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from bot.database.file_lock import serving_alone
from bot.database.maintenance.retention import Retention
from bot.database.queries.due_notices import SqlOccasions
from bot.database.queries.notices import SqlNotices
from bot.database.queries.outbox import SqlOutbox
from bot.database.replicas import replicas_of
from bot.errors import AuditUnavailable, GenesysUnavailable, LoginRefused, SettingsError
from bot.i18n.catalog import ENGLISH, read_languages
from bot.outbox.cards import AuditPublisher, CardPublisher
from bot.outbox.notices import Notifier
from bot.outbox.relay import Backoff
from bot.recording.caller import Role
from bot.recording.clock import SystemClock
from bot.recording.control.outcomes import BOT
from bot.recording.control.user_rate_limit import LookupLimit
from bot.recording.monitoring.call_monitor import Follower
from bot.recording.monitoring.late_effects import LaterLooks
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.reconciler import Reconciler
from bot.recording.monitoring.reminders import ReminderTimes
from bot.recording.monitoring.transfers import TransferMonitor
from bot.runtime.audit_container import Witness
from bot.runtime.container import (
    GENESYS_READ_SECONDS,
    SERVE_OWNER,
    Control,
    call_news,
    check_gap,
    opened_control,
    saved_looks,
    unnamed_recordings,
)
from bot.runtime.health import Readiness
from bot.runtime.http_server import Pages, listen
from bot.runtime.start_and_stop import record_start, record_stop
from bot.runtime.workers import Loops
from bot.slack.api_errors import code
from bot.slack.app import EVENTS_PATH, HttpEndpoint, bolt_app
from bot.slack.blocks.card import CardStyle
from bot.slack.client import SlackIdentity, identify, own_workspace, web_client, web_session
from bot.slack.listeners.app_home import HomeEvents
from bot.slack.listeners.approval_buttons import ApprovalButtons
from bot.slack.listeners.background import Work
from bot.slack.listeners.call_options import CallOptions
from bot.slack.listeners.context import ListenerContext
from bot.slack.listeners.follow_button import FollowButton
from bot.slack.listeners.recording_buttons import RecordingButtons
from bot.slack.listeners.shortcuts import StartShortcuts
from bot.slack.listeners.start_again_button import StartAgain
from bot.slack.listeners.start_modal import StartModal
from bot.slack.shared_channels import SharedChannels, may_ask, refuse_shared
from bot.slack.socket_mode import PING_SECONDS, SocketModeConnections
from bot.slack.users import WEB_API_ERRORS, SlackPeople

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import aiohttp
    from aiohttp.typedefs import Handler
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient
    from urllib3 import PoolManager

    from bot.config.settings import ServeSettings
    from bot.database.replicas import Loop, Replicas
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

FINISH_SECONDS = 20.0
FLUSH_SECONDS = 5.0
CANCEL_AGAIN_SECONDS = 0.5
LOOK_UPS_EACH = 4
"""Look-ups of the list of calls allowed for each action: Slack asks again while a person types."""
FATAL_SLACK_ERRORS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


@dataclass
class Serving:
    """One run of the bot.

    In seconds: ``genesys_patience`` is how long an answer of Genesys may take, ``socket_ping`` how often the socket is
    tried out. ``genesys_pool`` makes the connections to Genesys; without one, the bot makes its own.
    """

    settings: ServeSettings
    clock: Clock = field(default_factory=SystemClock)
    genesys_patience: float = GENESYS_READ_SECONDS
    genesys_pool: PoolManager | None = None
    socket_ping: float = PING_SECONDS
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    readiness: Readiness = field(default_factory=Readiness)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything runs; ``port`` then says where its HTTP server listens."""
    port: int | None = None
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raise SettingsError, DatabaseUnusable, OSError at the start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        async with AsyncExitStack() as stack:
            stack.enter_context(serving_alone(self.settings.database_url))
            control = await stack.enter_async_context(
                opened_control(
                    self.settings,
                    owner=SERVE_OWNER,
                    clock=self.clock,
                    patience=self.genesys_patience,
                    genesys_pool=self.genesys_pool,
                )
            )
            session = await stack.enter_async_context(web_session())
            client = web_client(
                self.settings.slack_bot_token.get_secret_value(), api_url=self.settings.slack_api_url, session=session
            )
            identity = await self._until_told_to_stop(self._identify(client))
            if identity is None:
                return
            await refuse_shared(client, self.settings.slack_audit_channel, identity.scopes)
            await self._log_in(control)
            await self._serve(control, client, session, identity)

    async def _serve(
        self, control: Control, client: AsyncWebClient, session: aiohttp.ClientSession, identity: SlackIdentity
    ) -> None:
        settings = self.settings
        secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else None
        app = bolt_app(client, identity, signing_secret=secret, watch=control.observing.request)
        work = Work()
        desk = self._desk(control, client, identity, work)
        owner = control.service.intake.owner
        replicas = replicas_of(owner, control.engines, control.store)
        witness = Witness(settings, control, client, session, desk, replicas)
        modal, homes = StartModal(desk, control.live_calls), witness.homes(self.readiness.check, self.readiness.gaps)
        witness.command(modal).register(app)
        for listener in (
            RecordingButtons(desk),
            ApprovalButtons(desk),
            StartAgain(desk),
            FollowButton(desk),
            modal,
            CallOptions(desk, control.live_calls),
            StartShortcuts(desk, modal),
            HomeEvents(desk, homes, witness.reports()),
        ):
            listener.register(app)
        cards, audit = self._publishers(control, client, desk, replicas)
        reconciler = Reconciler(control.service, control.clock, owner, replicas)
        self.readiness.watch(control, cards.pace, audit.pace, desk.people.groups)
        self.readiness.replicas = replicas
        routes, socket = self._doors(app, control, secret)
        pages = Pages(check=self.readiness.check, scrape=self.readiness.scrape)
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(replicas.joined())
            if socket is not None:
                opened.push_async_callback(socket.close)
            server = await listen(pages, host=settings.http_host, port=settings.http_port, routes=routes)
            opened.push_async_callback(server.cleanup)
            self.port = server.addresses[0][1]
            opened.push_async_callback(self._end_loops)
            await witness.settle_interrupted()
            await record_start(control)
            await reconciler.settle_all()
            await control.approvals.close_lapsed()
            notifier = self._notifier(control, desk, replicas)
            leader_workers = [
                cards.run,
                audit.run,
                notifier.run,
                homes.run,
                witness.settle_forgotten,
                *self._watchers(control),
            ]
            leader_workers += [control.approvals.run, *witness.group_monitors()]
            if (digester := witness.digester()) is not None:
                self.readiness.digests = digester.pace
                leader_workers.append(digester.run)
            if settings.retention_texts is not None or settings.retention_names is not None:
                texts, names = settings.retention_texts, settings.retention_names
                leader_workers.append(Retention(control.store, control.clock, texts, names, BOT).run)
            supervised = Loops(control.clock, control.metrics.on_loop_broken).supervised
            each = (
                reconciler.run,
                control.genesys.watch_health,
                partial(replicas.lead, tuple(map(supervised, leader_workers))),
            )
            self._start(*(supervised(loop)() for loop in each))
            self._start(supervised(partial(control.service.intake.limit.run, control.store, control.clock))())
            if socket is not None:
                self.readiness.sockets = socket.states
                self._start(supervised(socket.run)())
            self.readiness.started = True
            self.up.set()
            log.info("serve_started", transport="socket" if socket else "http", team=identity.team, port=self.port)
            await self.stopping.wait()
            await self._stop(control, work, replicas, cards, audit)

    async def _stop(
        self, control: Control, work: Work, replicas: Replicas, cards: CardPublisher, audit: AuditPublisher
    ) -> None:
        log.info("shutdown_started")
        self.readiness.started = False
        control.door.open = False
        if left := await work.drain(FINISH_SECONDS):
            log.warning("work_abandoned", left=left)  # its attempts are settled at the next start
        await control.service.intake.limit.note(control.store, control.clock)
        try:
            await record_stop(control)
        except AuditUnavailable:
            log.warning("stop_entry_write_failed")  # the next start shows that the bot was away
        await self._end_loops()
        if not replicas.leading:
            return
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await cards.publish_all()
                while await audit.publish_next():
                    pass
        except TimeoutError:
            log.warning("outbox_flush_timed_out")  # the next start delivers it
        except Exception:
            log.exception("outbox_flush_failed")  # likewise
        log.info("shutdown_completed")

    def _desk(self, control: Control, client: AsyncWebClient, identity: SlackIdentity, work: Work) -> ListenerContext:
        ids = {Role.SUPERVISOR: self.settings.slack_supervisors, Role.COMPLIANCE: self.settings.slack_compliance}
        people = SlackPeople(
            client, identity.team_id, ids, control.clock, control.policy.grants, enterprise_id=identity.enterprise_id
        )
        languages = read_languages()
        style = CardStyle(
            team_id=identity.team_id,
            words=languages.of(ENGLISH),
            interaction_url=self.settings.genesys_interaction_url.replace(
                "{region}", self.settings.purecloud_environment
            ),
            reason_labels=self.settings.recording_reasons,
        )
        look_ups = LookupLimit(control.clock, LOOK_UPS_EACH * self.settings.recording_actions_per_minute)
        shared = SharedChannels(client, control.clock, may_ask=may_ask(identity.scopes))
        return ListenerContext(control.service, people, work, style, languages, client, look_ups, shared)

    def _publishers(
        self, control: Control, client: AsyncWebClient, desk: ListenerContext, replicas: Replicas
    ) -> tuple[CardPublisher, AuditPublisher]:
        outbox = SqlOutbox(control.engines, replicas.confirm)
        store, clock = control.store, control.clock
        return (
            CardPublisher(
                client,
                outbox,
                desk.style,
                desk.languages,
                store.changes(),
                Backoff(clock),
                control.observing.card,
                shared_channels=desk.shared_channels,
            ),
            AuditPublisher(
                client,
                outbox,
                desk.style,
                self.settings.slack_audit_channel,
                store.changes(),
                clock,
                Backoff(clock),
                shared_channels=desk.shared_channels,
            ),
        )

    def _notifier(self, control: Control, desk: ListenerContext, replicas: Replicas) -> Notifier:
        def style_for(user_id: str, card_language: str | None) -> CardStyle:
            return desk.style.in_(desk.languages.of(desk.people.locale(user_id) or card_language))

        settings, engines = self.settings, control.engines
        return Notifier(
            client=desk.client,
            occasions=SqlOccasions(engines, replicas.confirm),
            notices=SqlNotices(engines, replicas.confirm),
            style_for=style_for,
            times=ReminderTimes(settings.recording_remind_after, settings.recording_pause_remind_after),
            busy=control.service.working,
            owner=replicas.owner,
            presence=replicas,
            changes=control.store.changes(),
            clock=control.clock,
            pace=Backoff(control.clock),
            escalate=control.policy.dual_control.escalate,
        )

    def _watchers(self, control: Control) -> tuple[Loop, ...]:
        service, clock = control.service, control.clock
        observations = Observations(control.store, clock, self.settings.recording_follow_transfers)
        news = self.readiness.news = call_news(self.settings, control.genesys)
        gap = check_gap(self.settings)
        follower = Follower(control.store, service.control, observations, clock, news, look_gap=gap)
        looks = saved_looks(self.settings, control)
        return (
            *(() if looks is None else (looks.run,)),
            unnamed_recordings(control).run,
            follower.run,
            partial(news.run, follower.on_news, follower.missed_news),
            LaterLooks(service, observations, clock).run,
            TransferMonitor(service, clock, self.settings.recording_follow_transfers).run,
        )

    def _doors(
        self, app: AsyncApp, control: Control, secret: str | None
    ) -> tuple[dict[str, Handler], SocketModeConnections | None]:
        token = self.settings.slack_app_token
        if token is not None:
            door = SocketModeConnections.open(
                app,
                token.get_secret_value(),
                control.clock,
                ping_seconds=self.socket_ping,
                count=self.settings.slack_sockets,
            )
            return {}, door
        return {EVENTS_PATH: HttpEndpoint(app, SignatureVerifier(secret or "")).handle}, None

    async def _identify(self, client: AsyncWebClient) -> SlackIdentity:
        wait = 1.0
        while True:
            try:
                return own_workspace(await identify(client))
            except WEB_API_ERRORS as error:
                if isinstance(error, SlackApiError) and code(error) in FATAL_SLACK_ERRORS:
                    sentence = f"Slack rejected SLACK_BOT_TOKEN ({code(error)}). Copy the bot token again."
                    raise SettingsError((sentence,)) from None
                log.warning("slack_connection_failed", error=code(error), wait=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 30)

    async def _until_told_to_stop(self, asking: Coroutine[None, None, SlackIdentity]) -> SlackIdentity | None:
        task, stop = asyncio.ensure_future(asking), asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            return await task
        task.cancel()
        return None

    @staticmethod
    async def _log_in(control: Control) -> None:
        try:
            await control.genesys.login()
        except LoginRefused as error:
            check = "Check PURECLOUD_CLIENT_ID, PURECLOUD_CLIENT_SECRET and PURECLOUD_ENVIRONMENT"
            raise SettingsError((f"{str(error).removesuffix('.')}. {check}.",)) from None
        except GenesysUnavailable:
            log.warning("genesys_login_failed")  # the bot serves, says so in /readyz, and logs in with the next request

    def _start(self, *loops: Coroutine[None, None, None]) -> None:
        self._loops.extend(asyncio.ensure_future(loop) for loop in loops)

    async def _end_loops(self) -> None:
        loops, pending = set(self._loops), set(self._loops)
        self._loops.clear()
        while pending:
            # Once is not enough: Python 3.11's wait_for, in the connection pool, loses a cancellation now and then.
            for loop in pending:
                loop.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        for loop in loops:
            if not loop.cancelled() and (error := loop.exception()) is not None:
                log.error("worker_crashed", worker="serve", exc_info=error)
