"""Builds the parts for the trail's readers: the daily digest, a call's history, and reports for compliance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.database.queries.activity_reports import SqlActivityReports
from bot.database.queries.app_homes import SqlHomes
from bot.database.queries.audit_line_names import SqlLineNames
from bot.database.queries.cards import SqlOverview
from bot.database.queries.digests import SqlDigests
from bot.database.queries.group_members import SqlGroupMembers
from bot.database.queries.summaries import SqlSummaries
from bot.database.trail.call_history import SqlStories
from bot.database.trail.completeness import SqlCompleteness
from bot.database.trail.descriptions import SqlDescriptions
from bot.database.trail.open_requests import SqlOpenRequests
from bot.database.trail.reader import SqlTrail
from bot.errors import AuditUnavailable
from bot.outbox.app_home import HomePublisher, PublishThrottle
from bot.outbox.app_home_sources import HomeSources
from bot.outbox.audit_names import LineNameLookup
from bot.outbox.digests import Digester, Schedule
from bot.outbox.relay import Backoff
from bot.recording.control.export_outcomes import ExportOutcomes
from bot.recording.control.reads import EXPORT_ACTION, READ_ACTION
from bot.recording.group_members import GroupMonitor, group_actions
from bot.slack.charts import Charts
from bot.slack.listeners.activity_report import ActivityReports
from bot.slack.listeners.audit_export import AuditReports
from bot.slack.listeners.call_history import CallHistory
from bot.slack.listeners.command import RecordCommand
from bot.slack.listeners.recording_picker import RecordingChoice
from bot.slack.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config.settings import ServeSettings
    from bot.database.replicas import Replicas
    from bot.runtime.container import Control
    from bot.slack.blocks.app_home import ComponentHealth
    from bot.slack.listeners.context import ListenerContext
    from bot.slack.listeners.start_modal import StartModal

NEVER = "off"
FORGOTTEN_AFTER = timedelta(minutes=30)
"""No export takes as long."""
LOOKED_BACK = timedelta(days=7)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Witness:
    """Builds parts that share one Slack client, its session for uploads, and the settings' time zone."""

    settings: ServeSettings
    control: Control
    client: AsyncWebClient
    session: aiohttp.ClientSession
    desk: ListenerContext
    replicas: Replicas

    def command(self, modal: StartModal) -> RecordCommand:
        """Return the slash command with all its verbs."""
        history = CallHistory(self.desk, SqlStories(self.control.engines))
        choice = RecordingChoice(self.desk, modal.calls)
        return RecordCommand(self.desk, history, self.reports(), self._activity(), modal, choice)

    def _activity(self) -> ActivityReports:
        engines = self.control.engines
        return ActivityReports(self.desk, SqlActivityReports(engines), Charts(self.client), self._names(), self._zone)

    def _names(self) -> LineNameLookup:
        return LineNameLookup(SqlLineNames(self.control.engines), self.desk.people)

    def reports(self) -> AuditReports:
        """Return the reports for compliance."""
        engines = self.control.engines
        return AuditReports(
            desk=self.desk,
            client=self.client,
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
        )
        changes = self.control.store.changes()
        return HomePublisher(
            self.desk, SqlHomes(engines), sources, changes, clock, Backoff(clock), PublishThrottle(clock)
        )

    def group_monitor(self) -> GroupMonitor | None:
        """Return what puts changes of the user groups with rights into the trail; None without such groups."""
        people = self.desk.people
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
            style=self.desk.style,
            channel=self.settings.slack_audit_channel,
            schedule=Schedule(time.fromisoformat(self.settings.audit_digest_at), self._zone),
            clock=control.clock,
            pace=Backoff(control.clock),
            shared_channels=self.desk.shared_channels,
            names=self._names(),
        )

    async def settle_interrupted(self) -> None:
        """Settle exports and reads that ended with the previous process; call it before recording the start.

        Where there are several processes, another one may be working on them: see ``settle_forgotten``.
        """
        if self.replicas.several:
            return
        for action in (EXPORT_ACTION, READ_ACTION):
            await self._outcomes.interrupted(await SqlOpenRequests(self.control.engines).find(action))

    async def settle_forgotten(self) -> float | None:
        """Settle exports and reads that no live process can be working on."""
        if not self.replicas.several:
            return math.inf  # there is no other process that could have died
        await self.replicas.confirm()
        requests, until = SqlOpenRequests(self.control.engines), self.control.clock.now() - FORGOTTEN_AFTER
        try:
            for action in (EXPORT_ACTION, READ_ACTION):
                found = await requests.find_between(action, until - LOOKED_BACK, until)
                await self._outcomes.interrupted(found)
        except (AuditUnavailable, SQLAlchemyError):
            log.warning("forgotten_requests_settlement_failed")
        return None

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self.client, self.session)

    @property
    def _outcomes(self) -> ExportOutcomes:
        return ExportOutcomes(self.control.store, self.control.clock)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.audit_digest_zone)
