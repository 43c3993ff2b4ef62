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
from bot.audit.period import typed_period
from bot.errors import AuditUnavailable, MalformedPeriod
from bot.slack.context import Answer, Desk, ephemeral
from bot.slack.delivery import Verdict, code, verdict
from bot.slack.digest import section, totals
from bot.slack.people import WEB_API_ERRORS
from bot.slack.text import escape, moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from zoneinfo import ZoneInfo

    from slack_bolt.context.respond.async_respond import AsyncRespond
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.audit.entry import Entry
    from bot.audit.period import Period
    from bot.audit.summary import Summary
    from bot.recording.exports import ExportOutcomes
    from bot.recording.requests import Asked
    from bot.slack.upload import Uploads

log = structlog.get_logger(__name__)

LINES_AT_ONCE = 500
CAUSES = {"missing_scope": "the app needs the scope files:write: install it anew from the manifest"}


class Trail(Protocol):
    """The entries, in constant memory."""

    def entries(self, wanted: Filter, *, up_to: int | None = None) -> AsyncIterator[dict[str, Any]]: ...


class Summaries(Protocol):
    """The figures of a period."""

    async def summary(self, period: Period, zone: ZoneInfo, *, up_to: int | None = None) -> Summary: ...


@dataclass(frozen=True, slots=True)
class Written:
    """An export on disk: how many entries and bytes it has, and its SHA-256."""

    entries: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class AuditReports:
    """Hands the trail to compliance. The file is never named on disk, and gone when it has been sent."""

    desk: Desk
    client: AsyncWebClient
    uploads: Uploads
    trail: Trail
    summaries: Summaries
    outcomes: ExportOutcomes
    zone: ZoneInfo

    async def answer(self, asked: Asked, typed: str, respond: AsyncRespond) -> Answer:
        """Take the request, and go on after the acknowledgement. Raise NotPermitted, MalformedPeriod."""
        intake = self.desk.service.intake
        period = typed_period(typed, intake.clock.now(), self.zone)
        if period is None:
            problem = MalformedPeriod()
            await intake.refuse_export(asked, typed, problem)
            raise problem
        wanted = Filter(since=timestamp(period.since), until=timestamp(period.until))
        request = await intake.export(asked, {"format": "jsonl", **wanted.facts()})
        self.desk.work.start(self._report(request, period, wanted, respond))
        return ephemeral(
            f":mag: Counting and exporting the entries of {_named(period)} (#{request.seq}). "
            "You get both as a direct message."
        )

    async def _report(self, request: Entry, period: Period, wanted: Filter, respond: AsyncRespond) -> None:
        try:
            text = await self._carry_out(request, period, wanted)
        except AuditUnavailable as error:
            text = f":warning: How the export ended can't be written into the trail. The database says: {error.cause}."
        except Exception:
            log.exception("export_broke")
            text = await self._failed(request, "error", "Something went wrong in the bot itself.")
        await self.desk.tell(respond, text)

    async def _carry_out(self, request: Entry, period: Period, wanted: Filter) -> str:
        before = request.seq - 1
        summary = await self.summaries.summary(period, self.zone, up_to=before)
        with tempfile.TemporaryFile(prefix="record-bot-") as file:
            try:
                written = await self._write(file, wanted, before)
            except OSError as error:
                return await self._failed(request, "disk", f"The file could not be written: {error.strerror}.")
            try:
                await self._send(request, period, summary, file, written)
            except WEB_API_ERRORS as error:
                return await self._not_sent(request, error)
        facts = {"format": "jsonl", "entries": written.entries, "sha256": written.sha256}
        seq = await self.outcomes.succeeded(request, facts)
        entries = "1 entry" if written.entries == 1 else f"{written.entries} entries"
        return f":white_check_mark: The totals of {_named(period)} and {entries} are in your direct messages (#{seq})."

    async def _write(self, file: IO[bytes], wanted: Filter, up_to: int) -> Written:
        digest, entries, size = hashlib.sha256(), 0, 0
        waiting: list[dict[str, Any]] = []

        def write_lines() -> int:
            data = "".join(map(json_line, waiting)).encode()
            digest.update(data)
            return file.write(data)

        async for entry in self.trail.entries(wanted, up_to=up_to):
            waiting.append(entry)
            entries += 1
            if len(waiting) == LINES_AT_ONCE:
                size += await asyncio.to_thread(write_lines)
                waiting.clear()
        size += await asyncio.to_thread(write_lines)
        await asyncio.to_thread(file.seek, 0)
        return Written(entries, size, digest.hexdigest())

    async def _send(self, request: Entry, period: Period, summary: Summary, file: IO[bytes], written: Written) -> None:
        """Post the totals to the person, then the file into the same conversation; no scope beyond posting is needed.

        An empty file is not sent: Slack takes none.
        """
        title = f"*The audit trail, {_named(period)}*"
        pieces = [title, *totals(summary, self.desk.style)]
        uploaded = None
        name = f"audit-{period.since.astimezone(self.zone):%Y-%m-%d}-{period.name}-{request.seq}.jsonl"
        if written.entries:
            uploaded = await self.uploads.put(file, size=written.size, name=name, title=name)
        posted = await self.client.chat_postMessage(
            channel=request.actor.rpartition(":")[2],
            text="\n".join(pieces),
            blocks=[section(piece) for piece in pieces],
            unfurl_links=False,
        )
        if uploaded is not None:
            comment = (
                f"{written.entries} entries, SHA-256 `{written.sha256}` (#{request.seq}). "
                "`record-bot audit verify FILE` checks it; docs/audit-format.md says how to check it without the bot."
            )
            await self.uploads.share(uploaded, channel=str(posted["channel"]), comment=comment)

    async def _not_sent(self, request: Entry, error: Exception) -> str:
        why = CAUSES.get(code(error), f"Slack says {code(error)}")
        if verdict(error) is Verdict.UNKNOWN:
            why += ", and whether anything arrived is not known: look into your direct messages with the bot"
        return await self._failed(request, "not_sent", f"It could not be sent: {why}.", {"code": code(error)})

    async def _failed(self, request: Entry, error: str, sentence: str, facts: dict[str, Any] | None = None) -> str:
        seq = await self.outcomes.failed(request, error, facts)
        return f":warning: The export failed. {escape(sentence)} Nothing of it is kept; try again. (#{seq})"


def _named(period: Period) -> str:
    if period.name in {"today", "yesterday"}:
        return period.name
    if period.name.endswith("d"):
        return f"the last {period.name[:-1]} days, since {moment(period.since, form='{date_short_pretty}')}"
    return period.name
