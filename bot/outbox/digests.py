"""The relay of the daily digest: writes each day's digest into the trail, and posts it to the audit channel.

It is stateless: the database says which days have a digest, and which of them Slack has. Days that passed while the bot
was down are made up for. A digest whose arrival was never confirmed is sent again, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from uuid_utils.compat import uuid7

from bot.audit.period import days, due_days, next_due
from bot.recording.caller import BOT
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.chart import NotDrawn, drawn
from bot.slack.blocks.digest import alt_text, long_date, message
from bot.slack.shared_channels import AuditChannelShared
from bot.slack.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import date, datetime, time
    from uuid import UUID
    from zoneinfo import ZoneInfo

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.audit.entry import Entry
    from bot.audit.period import Period
    from bot.audit.summary import Summary
    from bot.outbox.relay import Backoff
    from bot.recording.ports import Clock
    from bot.slack.blocks.card import CardStyle
    from bot.slack.shared_channels import SharedChannels
    from bot.slack.uploads import Uploaded, Uploads

log = structlog.get_logger(__name__)

DAYS_MADE_UP_FOR = 7
LOOK_SECONDS = 60.0
POST_GAP_SECONDS = 1.0
"""Slack allows about one message a second in a channel."""
FILE_ADVICE = {"missing_scope": " (the app needs the scope files:write: install it again from the manifest)"}


class Summaries(Protocol):
    """The figures of a period."""

    async def summary(self, period: Period, zone: ZoneInfo, *, missing_lines: int = 0, altered: int = 0) -> Summary: ...

    async def first_moment(self) -> datetime | None: ...


class Digests(Protocol):
    """The digests that there are, and what Slack has of them."""

    async def missing(self, days: Sequence[date]) -> tuple[date, ...]: ...

    async def add(self, day: date, facts: dict[str, Any], *, entry_id: UUID, actor: str, at: datetime) -> bool: ...

    async def undelivered(self) -> tuple[Entry, bool] | None: ...

    async def begun(self, day: str, at: datetime) -> None: ...

    async def refused(self, day: str) -> None: ...

    async def delivered(self, day: str, *, at: datetime, channel: str, ts: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the digest of a day is due: at this time of the day after, by the zone's clock."""

    at: time
    zone: ZoneInfo


@dataclass
class Known:
    """Until when there is nothing to write, and the picture of a digest that could not be posted yet."""

    idle_until: datetime | None = None
    picture: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Digester:
    """Writes and posts the digests. ``gaps``: how many entries the channel lacks for good, how many differ from it."""

    client: AsyncWebClient
    uploads: Uploads
    digests: Digests
    summaries: Summaries
    gaps: Callable[[], Awaitable[tuple[int, int]]]
    style: CardStyle
    channel: str
    schedule: Schedule
    clock: Clock
    pace: Backoff
    known: Known = field(default_factory=Known)
    shared_channels: SharedChannels | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.write_due()
                busy = await self.post_next()
            except Exception as error:
                log.exception("worker_crashed", worker="digests")
                await self.pace.wait_after(error, "digest")
                continue
            if busy:
                await self.clock.sleep(POST_GAP_SECONDS)
            else:
                self.pace.went_well()
                await self.clock.sleep(self._idle_seconds())

    def _idle_seconds(self) -> float:
        due = self.known.idle_until
        left = LOOK_SECONDS if due is None else (due - self.clock.now()).total_seconds()
        return min(LOOK_SECONDS, max(POST_GAP_SECONDS, left))

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
        facts = {"zone": zone.key, **summary.facts()}
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
        day = entry.outcome["day"]
        file, note = await self._picture(entry)
        await self.digests.begun(day, self.clock.now())
        try:
            answer = await self.client.chat_postMessage(
                channel=self.channel, **message(entry, self.style, again=again, note=note)
            )
        except WEB_API_ERRORS as error:
            if not again and verdict(error) is not DeliveryFailure.UNKNOWN:
                await self.digests.refused(day)
            await self.pace.wait_after(error, "digest")
            return True
        self.pace.went_well()
        self.known.picture = None
        await self.digests.delivered(day, at=self.clock.now(), channel=str(answer["channel"]), ts=str(answer["ts"]))
        if file is not None:
            await self._share(file, str(answer["channel"]), day)
        return True

    async def _picture(self, entry: Entry) -> tuple[Uploaded | None, str]:
        """Upload the day's chart, not yet visible; return a note instead if that fails."""
        day, activity = entry.outcome["day"], entry.outcome["activity"]
        if not any(any(hours) for hours in activity.values()):
            return None, ""
        try:
            if self.known.picture is None or self.known.picture[0] != day:
                title = f"{long_date(day)}, by hour ({entry.outcome['zone']})"
                self.known.picture = day, await drawn(title, activity)
            content = self.known.picture[1]
            title = f"Activity on {day}, by hour"
            file = await self.uploads.put(
                content, size=len(content), name=f"activity-{day}.png", title=title, alt_text=alt_text(entry)
            )
        except NotDrawn as error:
            log.warning("chart_render_failed", error=str(error))
            return None, "The chart could not be drawn"
        except WEB_API_ERRORS as error:
            log.warning("chart_upload_failed", error=code(error))
            return None, f"The chart could not be uploaded: {code(error)}{FILE_ADVICE.get(code(error), '')}"
        return file, ""

    async def _share(self, file: Uploaded, channel: str, day: str) -> None:
        try:
            await self.uploads.share(file, channel=channel, comment=f"Activity on {long_date(day)}, by hour")
        except WEB_API_ERRORS as error:
            # The digest is posted; trying again could show the chart twice.
            log.warning("chart_share_failed", error=code(error))
            await self._say_without_chart(channel, code(error))

    async def _say_without_chart(self, channel: str, why: str) -> None:
        try:
            await self.client.chat_postMessage(
                channel=channel, text=f"The digest's chart could not be shown: {why}", parse="none"
            )
        except WEB_API_ERRORS as error:
            log.warning("chart_note_post_failed", error=code(error))
