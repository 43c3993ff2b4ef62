"""Builds what lets others trust the trail: the daily digest, a call's history, and reports for compliance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.database.completeness import SqlCompleteness
from bot.database.digests import SqlDigests
from bot.database.open_requests import SqlOpenRequests
from bot.database.story import SqlStories
from bot.database.summary import SqlSummaries
from bot.database.trail import SqlTrail
from bot.recording.exports import ExportOutcomes
from bot.recording.intake import EXPORT_ACTION, READ_ACTION
from bot.slack.audits import AuditReports
from bot.slack.commands import RecordCommand
from bot.slack.delivery import Pace
from bot.slack.digester import Digester, Schedule
from bot.slack.history import CallHistory
from bot.slack.upload import Uploads

if TYPE_CHECKING:
    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.app import Control
    from bot.config import ServeSettings
    from bot.slack.context import Desk

NEVER = "off"


@dataclass(frozen=True, slots=True)
class Witness:
    """The parts share one Slack client, its session for uploads, and the settings' time zone."""

    settings: ServeSettings
    control: Control
    client: AsyncWebClient
    session: aiohttp.ClientSession
    desk: Desk

    def command(self) -> RecordCommand:
        """Return the slash command with all its verbs."""
        engines = self.control.engines
        reports = AuditReports(
            desk=self.desk,
            client=self.client,
            uploads=self._uploads,
            trail=SqlTrail(engines),
            summaries=SqlSummaries(engines),
            outcomes=self._outcomes,
            zone=self._zone,
        )
        return RecordCommand(self.desk, CallHistory(self.desk, SqlStories(engines)), reports)

    def digester(self) -> Digester | None:
        """Return the loop behind the daily digest; None where the settings want no digest."""
        if self.settings.audit_digest_at == NEVER:
            return None
        control = self.control
        completeness = SqlCompleteness(control.engines)

        async def gaps() -> tuple[int, int]:
            found = await completeness.look(control.clock.now())
            # What only waits is delivered with the digest, or the digest waits too.
            return sum(map(len, found.skipped)), found.altered

        return Digester(
            client=self.client,
            uploads=self._uploads,
            digests=SqlDigests(control.engines, control.store),
            summaries=SqlSummaries(control.engines),
            gaps=gaps,
            style=self.desk.style,
            channel=self.settings.slack_audit_channel,
            schedule=Schedule(time.fromisoformat(self.settings.audit_digest_at), self._zone),
            clock=control.clock,
            pace=Pace(control.clock),
        )

    async def settle_interrupted(self) -> None:
        """Give an outcome to exports and looks that ended with the process before; call it before noting the start."""
        for action in (EXPORT_ACTION, READ_ACTION):
            await self._outcomes.interrupted(await SqlOpenRequests(self.control.engines).find(action))

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self.client, self.session)

    @property
    def _outcomes(self) -> ExportOutcomes:
        return ExportOutcomes(self.control.store, self.control.clock)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.audit_digest_zone)
