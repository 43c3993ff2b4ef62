"""``/record report``: a period's recordings by supervisor, queue and reason. For compliance only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.audit.entry import timestamp
from bot.audit.reports.period import typed_period
from bot.errors import MalformedPeriod
from bot.slack.blocks.reports.activity_report import report_chart, report_pieces
from bot.slack.blocks.reports.digest import section
from bot.slack.listeners.compliance.audit_export import period_name
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bot.audit.entry import Entry
    from bot.audit.reports.activity_report import ActivityReport
    from bot.audit.reports.period import Period
    from bot.errors import RecordBotError
    from bot.recording.requests import Request
    from bot.slack.blocks.card import Block
    from bot.slack.charts import Charts
    from bot.slack.listeners.compliance.audit_export import PeopleNames


class Reports(Protocol):
    """The recordings of a period."""

    async def report(self, period: Period) -> ActivityReport: ...


@dataclass(frozen=True, slots=True)
class ActivityReports:
    """Answers with the report, which only the person who asked sees."""

    context: ListenerContext
    reports: Reports
    charts: Charts
    people: PeopleNames
    zone: ZoneInfo

    async def answer(self, request: Request, typed: str, reply: Reply) -> Answer:
        """Record the read in the trail, and continue after the acknowledgement. Raise NotPermitted, MalformedPeriod."""
        intake = self.context.service.intake
        period = typed_period(typed, intake.clock.now(), self.zone)
        if period is None:
            problem = MalformedPeriod()
            await intake.refuse_report(request, typed, problem)
            raise problem
        wanted = {"since": timestamp(period.since), "until": timestamp(period.until)}
        read = await intake.read_report(request, wanted)
        words = self.context.words_for(request)
        self.context.work.start(self._report(request, period, read, reply))
        return ephemeral(words("report.counting", period=period_name(period, words), seq=read.seq))

    async def _report(self, request: Request, period: Period, read: Entry, reply: Reply) -> None:
        words = self.context.words_for(request)

        async def refuse(_error: RecordBotError) -> tuple[str, list[Block] | None]:
            return words("report.broke", seq=read.seq), None

        text, blocks = await answered("activity_report", self._content(request, period, read), refuse)
        await self.context.tell(reply, text, blocks)

    async def _content(self, request: Request, period: Period, read: Entry) -> tuple[str, list[Block] | None]:
        style = self.context.style_for(request)
        words = style.words
        report = await self.reports.report(period)
        people = await self.people.people({one.actor for one in report.recordings})
        count = len(report.recordings)
        title = words("report.title", period=period_name(period, words), zone=self.zone.key)
        pieces = [title, words("report.total", count=count, seq=read.seq), *report_pieces(report, style, people)]
        chart = report_chart(report, style, people)
        blocks = [section(piece) for piece in pieces]
        if chart is not None:
            blocks.insert(2, await self.charts.block(chart))
        return "\n".join(pieces), blocks
