"""``/record evidence``: the evidence for one call, as a file in a direct message. For compliance only."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from bot.audit.entry import timestamp
from bot.audit.evidence.file import NotEvidence
from bot.errors import AuditUnavailable, MalformedId, RecordBotError, Refused
from bot.recording.requests import conversation_id
from bot.slack.api_errors import code
from bot.slack.blocks.audit.evidence_pages import made_by, packed
from bot.slack.blocks.mrkdwn import escape
from bot.slack.listeners.compliance.audit_export import why_not_sent
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bot.audit.entry import Entry
    from bot.audit.evidence.file import Evidence
    from bot.i18n.catalog import Catalog
    from bot.recording.control.reads import ExportOutcomes
    from bot.recording.requests import Request
    from bot.slack.listeners.compliance.audit_export import PeopleNames
    from bot.slack.uploads import Uploads


class EvidenceSource(Protocol):
    """Collects the evidence for a call. Raise Refused if the trail has nothing about it, or was changed."""

    async def of(self, conversation_id: str, *, made_at: str, made_by: str, zone: str) -> Evidence: ...


@dataclass(frozen=True, slots=True)
class EvidenceFiles:
    """Sends evidence to compliance. The trail records the request first, and then whether the file was sent."""

    context: ListenerContext
    uploads: Uploads
    source: EvidenceSource
    outcomes: ExportOutcomes
    people: PeopleNames
    zone: ZoneInfo

    async def answer(self, request: Request, typed: str, reply: Reply) -> Answer:
        """Take the request, and continue after the acknowledgement. Raise NotPermitted, MalformedId."""
        intake = self.context.service.intake
        try:
            call = conversation_id(typed)
        except MalformedId as problem:
            await intake.refuse_export(request, typed, problem)
            raise
        requested = await intake.export(request, {"format": "evidence"}, call)
        words = self.context.words_for(request)
        self.context.work.start(self._answer_later(requested, call, words, reply))
        shown = self.context.style.call(call, short=True)
        return ephemeral(words("evidence.collecting", call=shown, seq=requested.seq))

    async def _answer_later(self, requested: Entry, call: str, words: Catalog, reply: Reply) -> None:
        async def refuse(error: RecordBotError) -> str:
            if isinstance(error, AuditUnavailable):
                return words("export.unwritten", cause=escape(error.cause))
            if isinstance(error, Refused):
                return await self._failed(requested, "refused", words("evidence.refused", why=str(error)), words)
            return await self._failed(requested, "error", words("export.broke"), words)

        await self.context.tell(reply, await answered("evidence", self._carry_out(requested, call, words), refuse))

    async def _carry_out(self, requested: Entry, call: str, words: Catalog) -> str:
        now = timestamp(self.context.service.clock.now())
        evidence = await self.source.of(call, made_at=now, made_by=made_by(), zone=self.zone.key)
        people = await self.people.people({str(one["actor"]) for one in evidence.entries})
        evidence = replace(evidence, names=replace(evidence.names, people=people))
        try:
            data = await asyncio.to_thread(packed, evidence)
        except NotEvidence as error:
            raise Refused(f"{error}") from error
        try:
            await self._send(requested, call, data, evidence, words)
        except WEB_API_ERRORS as error:
            return await self._failed(requested, "not_sent", why_not_sent(error, words), words, {"code": code(error)})
        facts = {"format": "evidence", "entries": len(evidence.entries), "sha256": hashlib.sha256(data).hexdigest()}
        seq = await self.outcomes.succeeded(requested, facts)
        return words("evidence.done", count=len(evidence.entries), seq=seq)

    async def _send(self, requested: Entry, call: str, data: bytes, evidence: Evidence, words: Catalog) -> None:
        title = words("evidence.title", call=self.context.style.call(call))
        name = f"evidence-{call[:8]}-{requested.seq}.zip"
        uploaded = await self.uploads.put(data, size=len(data), name=name, title=name)
        lines = [words("evidence.comment", count=len(evidence.entries), seq=requested.seq)]
        if roots := " ".join(f"--root {tree.root}" for tree in evidence.trees):
            lines.append(words("evidence.check", name=name, roots=roots))
        if later := evidence.proven_later:
            lines.append(words("evidence.proven_later", count=later))
        if never := len(evidence.unproven) - later:
            lines.append(words("evidence.without_root", count=never))
        await self.uploads.to_person(requested.actor.rpartition(":")[2], uploaded, text=title, comment="\n".join(lines))

    async def _failed(
        self, requested: Entry, error: str, why: str, words: Catalog, facts: dict[str, Any] | None = None
    ) -> str:
        seq = await self.outcomes.failed(requested, error, facts)
        return words("export.failed", why=escape(why), seq=seq)
