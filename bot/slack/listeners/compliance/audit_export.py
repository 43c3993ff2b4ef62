"""``/record audit``: a period's totals, and its entries as a file in a direct message. For compliance only."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

import structlog

from bot.audit.entry import timestamp
from bot.audit.export import Filter, json_line
from bot.audit.reports.period import typed_period
from bot.audit.reports.readable import BOM, readable_header, readable_line
from bot.errors import AuditUnavailable, MalformedPeriod, RecordBotError
from bot.slack.api_errors import DeliveryFailure, code, verdict
from bot.slack.blocks.mrkdwn import escape, moment
from bot.slack.blocks.reports.digest import section, totals
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from bot.audit.entry import Entry
    from bot.audit.reports.period import Period
    from bot.audit.reports.readable import Described
    from bot.audit.reports.summary import Summary
    from bot.i18n.catalog import Catalog
    from bot.recording.control.reads import ExportOutcomes
    from bot.recording.requests import Request
    from bot.slack.uploads import Uploads

log = structlog.get_logger(__name__)

LINES_AT_ONCE = 500
MISSING_SCOPE = "missing_scope"


class Trail(Protocol):
    """The entries, in constant memory."""

    def entries(self, wanted: Filter, *, up_to: int | None = None) -> AsyncIterator[dict[str, Any]]: ...


class Summaries(Protocol):
    """The figures of a period."""

    async def summary(self, period: Period, zone: ZoneInfo, *, up_to: int | None = None) -> Summary: ...


class Descriptions(Protocol):
    """Names and typed text for entries."""

    async def of(self, entries: Sequence[Mapping[str, Any]]) -> list[Described]: ...


class PeopleNames(Protocol):
    """What Slack calls its users."""

    async def people(self, actors: Iterable[str]) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """An export on disk: the number of its entries and bytes, and its SHA-256."""

    entries: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """A requested export, and the language of the person.

    The totals and the entries stay English for everybody: they are evidence.
    """

    requested: Entry
    period: Period
    wanted: Filter
    words: Catalog
    csv: bool = False
    """Whether it is a table for people, with names and local times."""

    @property
    def format(self) -> str:
        return "csv" if self.csv else "jsonl"


@dataclass(frozen=True, slots=True)
class AuditReports:
    """Sends the trail to compliance. The file has no name on disk, and is gone once it is sent."""

    context: ListenerContext
    uploads: Uploads
    trail: Trail
    summaries: Summaries
    outcomes: ExportOutcomes
    zone: ZoneInfo
    descriptions: Descriptions
    people: PeopleNames

    async def answer(self, request: Request, typed: str, reply: Reply) -> Answer:
        """Take the request, and continue after the acknowledgement. Raise NotPermitted, MalformedPeriod."""
        intake = self.context.service.intake
        wants_csv = typed.lower().split()[-1:] == ["csv"]
        period = typed_period(typed.strip()[: -len("csv")] if wants_csv else typed, intake.clock.now(), self.zone)
        if period is None:
            problem = MalformedPeriod()
            await intake.refuse_export(request, typed, problem)
            raise problem
        wanted = Filter(since=timestamp(period.since), until=timestamp(period.until))
        form = {"format": "csv", "with": "names"} if wants_csv else {"format": "jsonl"}
        requested = await intake.export(request, {**form, **wanted.facts()})
        words = self.context.words_for(request)
        order = Order(requested, period, wanted, words, wants_csv)
        self.context.work.start(self._report(order, reply))
        return ephemeral(words("export.counting", period=period_name(period, words), seq=requested.seq))

    async def _report(self, order: Order, reply: Reply) -> None:
        words = order.words

        async def refuse(error: RecordBotError) -> str:
            if isinstance(error, AuditUnavailable):
                return words("export.unwritten", cause=escape(error.cause))
            return await self._failed(order, "error", words("export.broke"))

        await self.context.tell(reply, await answered("audit_export", self._carry_out(order), refuse))

    async def _carry_out(self, order: Order) -> str:
        requested, period, words = order.requested, order.period, order.words
        before = requested.seq - 1
        summary = await self.summaries.summary(period, self.zone, up_to=before)
        with tempfile.TemporaryFile(prefix="record-bot-") as file:
            try:
                written = await self._write(file, order, before)
            except OSError as error:
                return await self._failed(order, "disk", words("export.disk", why=error.strerror))
            try:
                await self._send(order, summary, file, written)
            except WEB_API_ERRORS as error:
                return await self._not_sent(order, error)
        facts = {"format": order.format, "entries": written.entries, "sha256": written.sha256}
        seq = await self.outcomes.succeeded(requested, facts)
        return words("export.done", period=period_name(period, words), count=written.entries, seq=seq)

    async def _write(self, file: IO[bytes], order: Order, up_to: int) -> Written:
        digest, entries, size = hashlib.sha256(), 0, 0
        waiting: list[dict[str, Any]] = []

        def write(lines: list[str]) -> int:
            data = "".join(lines).encode()
            digest.update(data)
            return file.write(data)

        if order.csv:
            size += await asyncio.to_thread(write, [BOM + readable_header(self.zone)])
        async for entry in self.trail.entries(order.wanted, up_to=up_to):
            waiting.append(entry)
            entries += 1
            if len(waiting) == LINES_AT_ONCE:
                size += await asyncio.to_thread(write, await self._lines(waiting, order))
                waiting.clear()
        size += await asyncio.to_thread(write, await self._lines(waiting, order))
        await asyncio.to_thread(file.seek, 0)
        return Written(entries, size, digest.hexdigest())

    async def _lines(self, entries: list[dict[str, Any]], order: Order) -> list[str]:
        if not order.csv:
            return list(map(json_line, entries))
        people = await self.people.people({str(one["actor"]) for one in entries})
        reasons = self.context.style.reason_labels
        return [
            readable_line(entry, described, self.zone, people=people, reasons=reasons)
            for entry, described in zip(entries, await self.descriptions.of(entries), strict=True)
        ]

    async def _send(self, order: Order, summary: Summary, file: IO[bytes], written: Written) -> None:
        """Post the totals to the person, then the file into the same conversation; no scope beyond posting is needed.

        An empty file is not sent: Slack takes none.
        """
        requested, period, words = order.requested, order.period, order.words
        title = words("export.title", period=period_name(period, words))
        pieces = [title, *totals(summary, self.context.style)]
        uploaded = None
        name = f"audit-{period.since.astimezone(self.zone):%Y-%m-%d}-{period.name}-{requested.seq}.{order.format}"
        if written.entries:
            uploaded = await self.uploads.put(file, size=written.size, name=name, title=name)
        key = "export.comment_csv" if order.csv else "export.comment"
        await self.uploads.to_person(
            requested.actor.rpartition(":")[2],
            uploaded,
            text="\n".join(pieces),
            blocks=[section(piece) for piece in pieces],
            comment=words(key, count=written.entries, sha256=written.sha256, seq=requested.seq),
        )

    async def _not_sent(self, order: Order, error: Exception) -> str:
        return await self._failed(order, "not_sent", why_not_sent(error, order.words), {"code": code(error)})

    async def _failed(self, order: Order, error: str, why: str, facts: dict[str, Any] | None = None) -> str:
        seq = await self.outcomes.failed(order.requested, error, facts)
        return order.words("export.failed", why=escape(why), seq=seq)


def why_not_sent(error: Exception, words: Catalog) -> str:
    """Say why Slack did not take a file, and whether it is known that nothing arrived."""
    name = code(error)
    why = words("export.missing_scope") if name == MISSING_SCOPE else words("export.slack_says", code=name)
    return words("export.not_sent_unknown" if verdict(error) is DeliveryFailure.UNKNOWN else "export.not_sent", why=why)


def period_name(period: Period, words: Catalog) -> str:
    """Name a period in the reader's language."""
    if period.name in {"today", "yesterday"}:
        return words(f"export.{period.name}")
    if period.name.endswith("d"):
        since = moment(period.since, form="{date_short_pretty}")
        return words("export.last_days", days=period.name[:-1], date=since)
    return period.name
