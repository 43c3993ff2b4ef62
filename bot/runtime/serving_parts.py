"""Builds single parts of ``serve``: relays, monitors, the listeners, and what reads the trail."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.database.maintenance.retention import Retention
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.outbox.digests import SqlDigests
from bot.database.outbox.due_notices import SqlOccasions
from bot.database.outbox.keep_answers import SqlKeepAnswers
from bot.database.outbox.next_calls import SqlNextCalls
from bot.database.outbox.notices import SqlNotices
from bot.database.queries.app_homes import SqlHomes
from bot.database.queries.cards import SqlOverview
from bot.database.queries.group_members import SqlGroupMembers
from bot.database.queries.summaries import SqlActivityReports, SqlSummaries
from bot.database.trail.audit_line_names import SqlLineNames
from bot.database.trail.call_history import SqlStories
from bot.database.trail.completeness import SqlCompleteness
from bot.database.trail.descriptions import SqlDescriptions
from bot.database.trail.evidence import SqlEvidence
from bot.database.trail.open_requests import SqlOpenRequests
from bot.database.trail.reader import SqlTrail
from bot.errors import AuditUnavailable
from bot.outbox.app_home import HomePublisher, HomeSources, PublishThrottle
from bot.outbox.audit_channel import AuditPublisher
from bot.outbox.audit_names import LineNameLookup
from bot.outbox.cards import CardPublisher
from bot.outbox.digests import Digester, Schedule
from bot.outbox.keep_answers import KeepAnswers
from bot.outbox.notices import Notifier
from bot.outbox.relay import Backoff
from bot.recording.caller import BOT
from bot.recording.control.reads import EXPORT_ACTION, LISTEN_ACTION, READ_ACTION, ExportOutcomes
from bot.recording.control.user_rate_limit import LookupLimit
from bot.recording.group_members import GroupMonitor, group_actions
from bot.recording.monitoring.call_monitor import Follower, NoCallEvents
from bot.recording.monitoring.late_effects import LaterLooks
from bot.recording.monitoring.observations import Observations
from bot.recording.monitoring.reminders import ReminderTimes
from bot.recording.monitoring.time_limits import TimeLimitGuard
from bot.recording.monitoring.transfers import TransferMonitor
from bot.runtime.background import monitor_workers, retention_worker
from bot.runtime.container import Control, check_gap, saved_looks, unnamed_recordings
from bot.runtime.next_call_parts import NextCallParts
from bot.runtime.rule_parts import rule_monitor, with_sources_of
from bot.slack.charts import Charts
from bot.slack.listeners.agents.agent_calls import AgentCalls
from bot.slack.listeners.agents.people_options import PeopleOptions
from bot.slack.listeners.app_home import HomeEvents
from bot.slack.listeners.buttons import (
    ApprovalButtons,
    ExtendButton,
    FollowButton,
    RecordingButtons,
    StartAgain,
    StillNeeded,
    TryAgain,
)
from bot.slack.listeners.call_history import CallHistory
from bot.slack.listeners.call_options import CallOptions
from bot.slack.listeners.command import RecordCommand
from bot.slack.listeners.compliance.activity_report import ActivityReports
from bot.slack.listeners.compliance.audit_export import AuditReports
from bot.slack.listeners.compliance.evidence import EvidenceFiles
from bot.slack.listeners.keeping.keep import KeepListeners
from bot.slack.listeners.keeping.listen import ListenLinks
from bot.slack.listeners.recording_picker import RecordingChoice
from bot.slack.listeners.shortcuts import StartShortcuts
from bot.slack.listeners.start_modal import StartModal
from bot.slack.people.email_addresses import EmailAddresses
from bot.slack.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import aiohttp
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config.settings import ServeSettings
    from bot.database.queries.pending_work import SqlPendingWork
    from bot.database.replicas import Replicas
    from bot.genesys import ClientsNotifications, Notifications
    from bot.runtime.workers import Worker
    from bot.slack.blocks.home.view import ComponentHealth
    from bot.slack.listeners.context import ListenerContext
    from bot.slack.slack_clock import SlackClock

NEVER = "off"
DENIALS_A_MINUTE = 1
"""How many look-ups of a person without the right get an entry."""
FORGOTTEN_AFTER = timedelta(minutes=30)
"""No export takes as long."""
LOOKED_BACK = timedelta(days=7)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServingParts:
    """Builds the parts that share one Slack client, its session for uploads, and the settings' time zone."""

    settings: ServeSettings
    control: Control
    client: AsyncWebClient
    session: aiohttp.ClientSession
    context: ListenerContext
    replicas: Replicas
    pending: SqlPendingWork
    slack_clock: SlackClock | None = None
    scopes: frozenset[str] = frozenset()
    news: Notifications | ClientsNotifications | NoCallEvents = field(default_factory=NoCallEvents)

    @property
    def next_calls(self) -> NextCallParts:
        """Return the parts about agents' next calls."""
        within = self.settings.recording_next_within
        return NextCallParts(self.control, self.context, self.replicas, self.news, within, self.pending)

    def command(self, modal: StartModal, keeps: KeepListeners) -> RecordCommand:
        """Return the slash command with all its verbs."""
        history = CallHistory(self.context, SqlStories(self.control.engines), self._names())
        choice = RecordingChoice(self.context, modal.calls)
        evidence, activity = self._evidence(), self._activity()
        links = ListenLinks(self.context, self.control.files, self._outcomes)
        return RecordCommand(
            self.context,
            history,
            self.reports(),
            evidence,
            activity,
            modal,
            choice,
            keeps,
            links,
            self.agent_calls(),
            self.next_calls.commands(self.agent_calls()),
        )

    def agent_calls(self) -> AgentCalls:
        """Return what finds agents, and the calls that they are on."""
        control = self.control
        people = self.context.people
        addresses = EmailAddresses(self.client, people.team_id, self.scopes, people.enterprise_id)
        return AgentCalls(self.context, control.agents, control.live_calls.names, addresses)

    def _evidence(self) -> EvidenceFiles:
        source, names = SqlEvidence(self.control.engines), self._names()
        return EvidenceFiles(self.context, self._uploads, source, self._outcomes, names, self._zone)

    def _activity(self) -> ActivityReports:
        engines = self.control.engines
        return ActivityReports(
            self.context, SqlActivityReports(engines), Charts(self.client), self._names(), self._zone
        )

    def _names(self) -> LineNameLookup:
        return LineNameLookup(SqlLineNames(self.control.engines), self.context.people)

    def register(self, app: AsyncApp, homes: HomePublisher) -> None:
        """Register all listeners with Bolt."""
        context, control = self.context, self.control
        next_calls = self.next_calls.commands(self.agent_calls())
        modal = StartModal(context, control.live_calls, next_calls)
        people = PeopleOptions(control.agents.people, control.clock)
        keeps = KeepListeners(context, control.keeper)
        for listener in (
            self.command(modal, keeps),
            self.agent_calls(),
            next_calls,
            keeps,
            RecordingButtons(context),
            ApprovalButtons(context),
            StartAgain(context),
            TryAgain(context),
            FollowButton(context),
            StillNeeded(context, self.settings.recording_remind_after),
            ExtendButton(context),
            modal,
            CallOptions(context, control.live_calls, LookupLimit(control.clock, DENIALS_A_MINUTE), people),
            StartShortcuts(context, modal),
            HomeEvents(context, homes, self.reports()),
        ):
            listener.register(app)

    def reports(self) -> AuditReports:
        """Return the reports for compliance."""
        engines = self.control.engines
        return AuditReports(
            context=self.context,
            uploads=self._uploads,
            trail=SqlTrail(engines),
            summaries=SqlSummaries(engines),
            outcomes=self._outcomes,
            zone=self._zone,
            descriptions=SqlDescriptions(engines),
            people=self._names(),
        )

    def homes(
        self, parts: Callable[[], Awaitable[Sequence[ComponentHealth]]], gaps: Callable[[], Awaitable[tuple[int, int]]]
    ) -> HomePublisher:
        """Return what publishes App Home, with the state of the components and of the audit channel."""
        engines, clock = self.control.engines, self.control.clock
        sources = HomeSources(
            overview=SqlOverview(engines),
            parts=parts,
            gaps=gaps,
            summaries=SqlSummaries(engines),
            zone=self._zone,
            clock=clock,
            next_calls=SqlNextCalls(engines),
        )
        changes = self.control.store.changes()
        return HomePublisher(
            self.context, SqlHomes(engines), sources, changes, clock, Backoff(clock), PublishThrottle(clock)
        )

    def group_monitor(self) -> GroupMonitor | None:
        """Return what puts changes of the user groups with rights into the trail; None without such groups."""
        people = self.context.people
        actions = group_actions(people.ids, people.grants)
        if not actions:
            return None
        noted = SqlGroupMembers(self.control.store, self.replicas.confirm)
        return GroupMonitor(people.groups, noted, actions, self.control.clock)

    def digester(self) -> Digester | None:
        """Return the relay of the daily digest; None if the settings turn it off."""
        if self.settings.audit_digest_at == NEVER:
            return None
        control = self.control
        completeness = SqlCompleteness(control.engines)

        async def gaps() -> tuple[int, int]:
            found = await completeness.check(control.clock.now())
            # What only waits is delivered with the digest, or the digest waits too.
            return sum(map(len, found.skipped)), found.altered

        return Digester(
            client=self.client,
            digests=SqlDigests(control.engines, control.store, self.replicas.confirm),
            summaries=SqlSummaries(control.engines),
            gaps=gaps,
            style=self.context.style,
            channel=self.settings.slack_audit_channel,
            schedule=Schedule(time.fromisoformat(self.settings.audit_digest_at), self._zone),
            clock=control.clock,
            pace=Backoff(control.clock),
            shared_channels=self.context.shared_channels,
            names=self._names(),
        )

    async def settle_interrupted(self) -> None:
        """Settle exports and reads that ended with the previous process; call it before recording the start.

        Where there are several processes, another one may be working on them: see ``settle_forgotten``.
        """
        if self.replicas.several:
            return
        for action in (EXPORT_ACTION, READ_ACTION, LISTEN_ACTION):
            await self._outcomes.interrupted(await SqlOpenRequests(self.control.engines).find(action))

    async def settle_forgotten(self) -> float | None:
        """Settle exports and reads that no live process can be working on."""
        if not self.replicas.several:
            return math.inf  # there is no other process that could have died
        await self.replicas.confirm()
        requests, until = SqlOpenRequests(self.control.engines), self.control.clock.now() - FORGOTTEN_AFTER
        try:
            for action in (EXPORT_ACTION, READ_ACTION, LISTEN_ACTION):
                found = await requests.find_between(action, until - LOOKED_BACK, until)
                await self._outcomes.interrupted(found)
        except (AuditUnavailable, SQLAlchemyError):
            log.warning("forgotten_requests_settlement_failed")
        return None

    def publishers(self) -> tuple[CardPublisher, AuditPublisher]:
        """Return the relays of cards and of the audit channel."""
        control, client, context = self.control, self.client, self.context
        outbox = SqlOutbox(control.engines, self.replicas.confirm)
        store, clock = control.store, control.clock
        return (
            CardPublisher(
                client,
                outbox,
                context.style,
                context.languages,
                store.changes(),
                Backoff(clock),
                control.observing.card,
                shared_channels=context.shared_channels,
            ),
            AuditPublisher(
                client,
                outbox,
                context.style,
                self.settings.slack_audit_channel,
                store.changes(),
                clock,
                Backoff(clock),
                shared_channels=context.shared_channels,
                names=LineNameLookup(
                    SqlLineNames(self.control.engines), context.people, show_agents=self.settings.audit_channel_names
                ),
            ),
        )

    def keep_answers(self) -> KeepAnswers:
        control, clock = self.control, self.control.clock
        untold = SqlKeepAnswers(control.engines, self.replicas.confirm)
        changes = control.store.changes()
        return KeepAnswers(self.client, untold, self.context.style_of, changes, clock, Backoff(clock))

    def notifier(self) -> Notifier:
        control, context, replicas = self.control, self.context, self.replicas
        settings, engines = self.settings, control.engines
        return Notifier(
            client=context.client,
            occasions=SqlOccasions(engines),
            notices=SqlNotices(engines, replicas.confirm),
            pending=self.pending,
            style_for=context.style_of,
            times=ReminderTimes(settings.recording_remind_after, settings.recording_pause_remind_after),
            busy=control.service.working,
            owner=replicas.owner,
            presence=replicas,
            changes=control.store.changes(),
            clock=control.clock,
            pace=Backoff(control.clock),
            escalate=control.policy.dual_control.escalate,
        )

    def monitors(self, news: Notifications | ClientsNotifications | NoCallEvents) -> tuple[Worker, ...]:
        control, waiting = self.control, self.next_calls.monitor()
        rules = rule_monitor(control, self.context.work)
        service, store, clock = control.service, control.store, control.clock
        mode = self.settings.recording_follow_transfers
        observations = Observations(store, clock, mode)
        changes, awaited = store.changes(), with_sources_of(rules, waiting.agents)
        gap = check_gap(self.settings, control.genesys)
        return monitor_workers(
            Follower(store, service.control, observations, clock, news, look_gap=gap, changes=changes, awaited=awaited),
            waiting,
            rules,
            news,
            LaterLooks(service, observations, clock),
            TransferMonitor(service, clock, mode),
            TimeLimitGuard(service, clock, self.context.work.start),
            saved_looks(self.settings, control),
            unnamed_recordings(control),
            self.group_monitor(),
            store.changes,
            self.pending,
        )

    def retention(self) -> tuple[Worker, ...]:
        texts, names = self.settings.retention_texts, self.settings.retention_names
        if texts is None and names is None:
            return ()
        ahead = None if self.slack_clock is None else self.slack_clock.difference
        retention = Retention(self.control.store, self.control.clock, texts, names, BOT, slack_ahead=ahead)
        return (retention_worker(retention),)

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self.client, self.session)

    @property
    def _outcomes(self) -> ExportOutcomes:
        return ExportOutcomes(self.control.store, self.control.clock)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.audit_digest_zone)
