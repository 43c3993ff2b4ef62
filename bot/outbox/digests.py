"""The relay of the daily digest: writes each day's digest into the trail, and posts it to the audit channel.

It is stateless: the database says which days have a digest, and which of them Slack has. Days that passed while the bot
was down are made up for. A digest whose arrival was never confirmed is sent again, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.reports.period import days, due_days, next_due
from bot.recording.caller import BOT
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.audit.names import LineNames
from bot.slack.blocks.reports.digest import day_chart, message
from bot.slack.charts import Charts, as_text
from bot.slack.people.users import WEB_API_ERRORS
from bot.slack.shared_channels import AuditChannelShared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date, datetime, time
    from zoneinfo import ZoneInfo

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.audit.entry import Entry
    from bot.database.outbox.digests import SqlDigests
    from bot.database.queries.summaries import SqlSummaries
    from bot.outbox.audit_names import LineNameLookup
    from bot.outbox.relay import Backoff
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import Block, CardStyle
    from bot.slack.blocks.reports.chart import Chart
    from bot.slack.shared_channels import SharedChannels

log = structlog.get_logger(__name__)

DAYS_MADE_UP_FOR = 7
POST_GAP_SECONDS = 1.0
"""Slack allows about one message a second in a channel."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the digest of a day is due: at this time of the day after, by the zone's clock."""

    at: time
    zone: ZoneInfo


@dataclass
class Known:
    """Until when there is nothing to write."""

    idle_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digester:
    """Writes and posts the digests. ``gaps``: how many entries the channel lacks for good, how many differ from it."""

    client: AsyncWebClient
    digests: SqlDigests
    summaries: SqlSummaries
    gaps: Callable[[], Awaitable[tuple[int, int]]]
    style: CardStyle
    channel: str
    schedule: Schedule
    clock: Clock
    pace: Backoff
    known: Known = field(default_factory=Known)
    shared_channels: SharedChannels | None = None
    names: LineNameLookup | None = None

    async def step(self) -> float | None:
        await self.write_due()
        if await self.post_next():
            return POST_GAP_SECONDS
        self.pace.went_well()
        return self._idle_seconds()

    def _idle_seconds(self) -> float | None:
        due = self.known.idle_until
        return None if due is None else max(POST_GAP_SECONDS, (due - self.clock.now()).total_seconds())

    async def write_due(self) -> None:
        """Write the digests that are due and missing, oldest first."""
        now, zone = self.clock.now(), self.schedule.zone
        idle = self.known.idle_until
        # A clock that was set back by more than a day is looked at again, too.
        if idle is not None and idle - timedelta(days=2) < now < idle:
            return
        began = await self.summaries.first_moment()
        if began is not None:
            due = due_days(now, self.schedule.at, zone, began=began, most=DAYS_MADE_UP_FOR)
            for day in await self.digests.missing(due):
                await self._write(day)
        self.known.idle_until = next_due(now, self.schedule.at, zone)

    async def _write(self, day: date) -> None:
        zone = self.schedule.zone
        period = days(day, day, zone)
        missing, altered = await self.gaps()
        summary = await self.summaries.summary(period, zone, missing_lines=missing, altered=altered)
        tree = await self.digests.tree(period)
        facts = {"zone": zone.key, **summary.facts(), **({} if tree is None else {"tree": tree})}
        if await self.digests.add(day, facts, entry_id=uuid7(), actor=BOT, at=self.clock.now()):
            log.info("digest_written", day=str(day))

    async def post_next(self) -> bool:
        """Post the oldest digest that Slack doesn't have; False if there is none."""
        found = await self.digests.undelivered()
        if found is None:
            return False
        if self.shared_channels is not None and await self.shared_channels.ask(self.channel):
            await self.pace.wait_after(AuditChannelShared(), "digest")  # another organization would read the figures
            return True
        entry, again = found
        day, chart = entry.outcome["day"], day_chart(entry)
        drawn = None if chart is None else await Charts(self.client).block(chart)
        await self.digests.begun(day, self.clock.now())
        try:
            answer = await self._post(entry, chart, drawn, again=again)
        except WEB_API_ERRORS as error:
            if not again and verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.digests.refused(day)
            await self.pace.wait_after(error, "digest")
            return True
        self.pace.went_well()
        await self.digests.delivered(day, at=self.clock.now(), channel=str(answer["channel"]), ts=str(answer["ts"]))
        return True

    async def _post(self, entry: Entry, chart: Chart | None, drawn: Block | None, *, again: bool) -> Any:
        """Post the digest; with its chart as text if Slack takes the message in no other form."""
        names = LineNames()
        if self.names is not None:
            names = LineNames(people=await self.names.people(entry.outcome["denials"]))
        person = partial(names.person, style=self.style)
        digest = partial(message, entry, self.style, again=again, chart=chart, person=person)
        try:
            return await self.client.chat_postMessage(channel=self.channel, **digest(drawn=drawn))
        except WEB_API_ERRORS as error:
            if chart is None or verdict(error) is not DeliveryFailure.UNACCEPTABLE:
                raise
            log.warning("chart_refused", error=code(error))
        return await self.client.chat_postMessage(channel=self.channel, **digest(drawn=as_text(chart)))
