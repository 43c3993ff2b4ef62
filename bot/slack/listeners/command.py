"""``/record``: handles the verbs, each answered in the acknowledgement."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import AboutRecording, CallEnded, Duplicate, NothingToStop, RecordBotError, SeveralRecordings
from bot.i18n.error_messages import granted_calls
from bot.recording.caller import Permission
from bot.recording.control.outcomes import other_recorders
from bot.recording.keeping.keep import KeepVerb
from bot.recording.live_calls.visible import controls
from bot.recording.models import Verb
from bot.recording.policy import describe
from bot.recording.requests import PendingAction, split_pause
from bot.slack.blocks.answers import answer_to, under_way
from bot.slack.blocks.card import about, control_buttons
from bot.slack.blocks.mrkdwn import escape, inline, moment, mrkdwn
from bot.slack.blocks.notes import APPROVAL_TEXTS
from bot.slack.blocks.recording_line import recording_line
from bot.slack.blocks.reports.digest import section
from bot.slack.command_text import agent_in, as_typed
from bot.slack.listeners.context import Answer, ListenerContext, Reply, ephemeral
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.i18n.catalog import Catalog
    from bot.recording.agents.named_agent import NamedAgent
    from bot.recording.caller import Principal
    from bot.recording.card import Card
    from bot.recording.control.service import CallStatus, StatusAsked
    from bot.recording.models import Approval
    from bot.recording.requests import Request
    from bot.slack.blocks.card import Block, CardStyle
    from bot.slack.listeners.agents.agent_calls import AgentCalls
    from bot.slack.listeners.agents.next_calls import NextCallCommands
    from bot.slack.listeners.call_history import CallHistory
    from bot.slack.listeners.compliance.activity_report import ActivityReports
    from bot.slack.listeners.compliance.audit_export import AuditReports
    from bot.slack.listeners.compliance.evidence import EvidenceFiles
    from bot.slack.listeners.keeping.keep import KeepListeners
    from bot.slack.listeners.keeping.listen import ListenLinks
    from bot.slack.listeners.recording_picker import RecordingChoice
    from bot.slack.listeners.start_modal import StartModal

log = structlog.get_logger(__name__)

COMMAND = "/record"
VERBS = {
    "start": Permission.CONTROL,
    "next": Permission.CONTROL,
    "stop": Permission.CONTROL,
    "pause": Permission.CONTROL,
    "resume": Permission.CONTROL,
    "extend": Permission.CONTROL,
    "keep": Permission.KEEP,
    "release": Permission.RELEASE,
    "listen": Permission.LISTEN,
    "status": Permission.READ,
    "list": Permission.READ,
    "history": Permission.READ,
    "audit": Permission.EXPORT,
    "evidence": Permission.EXPORT,
    "report": Permission.EXPORT,
    "help": None,
}
"""What can be typed, and the permission that it takes, for the help: the command itself checks it (``require``)."""
READS = frozenset({"status", "listen", "list", "history", "audit", "evidence", "report"})
"""The verbs that only ask for information."""
LISTED = 20
MOST_BLOCKS = 50
SUGGESTION_SHOWN = 500


@dataclass(frozen=True, slots=True)
class RecordCommand:
    """Handles the slash command."""

    context: ListenerContext
    history: CallHistory
    audits: AuditReports
    evidence: EvidenceFiles
    reports: ActivityReports
    modal: StartModal
    choice: RecordingChoice
    keeps: KeepListeners
    listen: ListenLinks
    agents: AgentCalls
    next_calls: NextCallCommands

    def register(self, app: AsyncApp) -> None:
        app.command(COMMAND)(self.on_command)

    async def on_command(self, ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
        """Acknowledge with an answer. Nothing may be raised from here: Bolt would lose the acknowledgement."""

        async def refuse(error: RecordBotError) -> Answer:
            words = self.context.words_of(str(command.get("user_id")))
            return await self._refusal(error, words, read=_typed(command)[0] in READS)

        await ack(**await answered("command", self._answer(command, respond), refuse))

    async def _answer(self, command: dict[str, Any], respond: AsyncRespond) -> Answer:
        reply = Reply(command["user_id"], respond)
        if self.context.shared_channels is not None:
            self.context.shared_channels.heard(command)
        verb, rest = _typed(command)
        request = await self.context.request(
            "command",
            user_id=command["user_id"],
            team_id=command.get("team_id"),
            channel=command.get("channel_id"),
            trigger=command.get("trigger_id"),
        )
        match verb:
            case "start" | "next" | "stop" | "pause" | "resume" | "extend":
                return await self._control(verb, request, rest, reply, _marked(command))
            case "keep" | "release":
                return await self.keeps.answer(KeepVerb(verb), request, rest, reply)
            case "help":
                return self._help(request)
            case _:
                return await self._read(verb, request, rest, reply)

    async def _control(self, verb: str, request: Request, rest: str, reply: Reply, marked: str) -> Answer:
        """Answer a verb that controls recording; ``marked`` is ``rest`` with Slack's marks."""
        try:
            match verb:
                case "start":
                    return await self._start(request, rest, reply, agent_in(marked))
                case "next":
                    return await self.next_calls.answer(request, marked, reply)
                case "extend":
                    return await self._extend(request, rest)
                case _:
                    return await self._change(Verb(verb), request, rest, reply)
        except Duplicate as duplicate:
            return await self._again(duplicate, request)

    async def _read(self, verb: str, request: Request, rest: str, reply: Reply) -> Answer:
        match verb:
            case "status":
                return await self._status(request, rest, reply)
            case "list":
                return await self._list(request)
            case "listen":
                return await self.listen.answer(request, rest, reply)
            case "history":
                return await self.history.answer(request, rest)
            case "audit" | "evidence" | "report":
                return await self._export(verb, request, rest, reply)
            case _:
                return self._unknown(request, verb, rest)

    async def _export(self, verb: str, request: Request, rest: str, reply: Reply) -> Answer:
        match verb:
            case "audit":
                return await self.audits.answer(request, rest, reply)
            case "evidence":
                return await self.evidence.answer(request, rest, reply)
            case _:
                return await self.reports.answer(request, rest, reply)

    async def _start(self, request: Request, rest: str, reply: Reply, named: NamedAgent | None) -> Answer:
        typed_id, typed_reason = _first_word(rest)
        if not typed_id:
            return await self._open_modal(request, reply)
        if named is not None:
            return await self.agents.start(request, named, reply)
        accepted = await self.context.service.intake.start(request, typed_id, typed_reason or None)
        self.context.finish_later(accepted, reply)
        return self._accepted(accepted)

    async def _open_modal(self, request: Request, reply: Reply) -> Answer:
        """Open the start modal; nothing is said beside it."""
        await self.modal.allowed(request)
        self.context.work.start(self.modal.show(request, request.origin.trigger or "", reply))
        return {}

    async def _change(self, verb: Verb, request: Request, rest: str, reply: Reply) -> Answer:
        call, length = split_pause(rest) if verb is Verb.PAUSE else (rest or None, None)
        try:
            accepted = await self.context.service.intake.change(verb, request, typed_id=call, typed_length=length)
        except (SeveralRecordings, NothingToStop) as refusal:
            if call is None and (offer := await self.choice.offer(verb, request, refusal, length=length)):
                return offer
            raise
        if isinstance(accepted, PendingAction):
            self.context.finish_later(accepted, reply)
        return ephemeral(answer_to(accepted, self.context.style_for(request)))

    async def _extend(self, request: Request, rest: str) -> Answer:
        done = await self.context.service.intake.extend(request, typed_id=rest or None)
        return ephemeral(answer_to(done, self.context.style_for(request)))

    def _accepted(self, accepted: PendingAction) -> Answer:
        return ephemeral(under_way(accepted, self.context.style_for(accepted.request)))

    async def _again(self, duplicate: Duplicate, request: Request) -> Answer:
        """Answer a second delivery of a request: it counts once, and this is how it stands."""
        recording = await self.context.service.store.attempt_recording(duplicate.attempt_id)
        return ephemeral(
            f":information_source: {self.context.explain(duplicate, self.context.words_for(request), recording)}"
        )

    async def _status(self, request: Request, rest: str, reply: Reply) -> Answer:
        if not rest:
            return await self._list(request, only_of=request.caller.actor)
        question = await self.context.service.ask_status(request, rest)
        self.context.work.start(self._read_call(question, request, reply))
        return ephemeral(self.context.words_for(request)("status.looking"))

    async def _read_call(self, question: StatusAsked, request: Request, reply: Reply) -> None:
        async def tell() -> None:
            status = await self.context.service.status(question)
            found = () if status.recording is None else (status.recording,)
            shown = next(iter(await self.context.service.store.with_names(found)), None)
            text = self._status_text(status, shown, self.context.style_for(request), await self._waiting())
            await self.context.tell(reply, text)

        await answered("command_status", tell(), partial(self.context.refuse, reply, read=True))

    async def _waiting(self) -> dict[UUID, Approval]:
        """Return the stops that wait for a second supervisor, by recording."""
        return {one.recording_id: one for one in await self.context.service.store.open_approvals()}

    def _status_text(
        self, status: CallStatus, shown: Card | None, style: CardStyle, waiting: Mapping[UUID, Approval]
    ) -> str:
        words, seen = style.words, status.seen
        lines = [words("status.call", call=style.call(status.conversation_id), seq=status.audit_seq)]
        if status.recording is None or shown is None:
            lines.append(words("status.no_recording"))
        else:
            line = status_line(shown, style, waiting.get(status.recording.id))
            lines.append(words("status.recording", line=line))
        if seen is not None:
            hold = "_on_hold" if seen.on_hold else ""
            lines.append(words(f"status.{seen.recording.value}{hold}"))
            others = other_recorders(seen.mechanism, seen.recorders)
            lines += [words(f"status.also_{recorder}") for recorder in others]
        elif isinstance(status.error, CallEnded):
            lines.append(words("status.ended"))
        elif status.error is not None:
            lines.append(words("status.error", error=self.context.explain(status.error, words, read=True)))
        return "\n".join(lines)

    async def _list(self, request: Request, *, only_of: str | None = None) -> Answer:
        live, style = await self.context.service.live(request), self.context.style_for(request)
        if only_of is not None:
            live = tuple(one for one in live if one.started_by == only_of)
        waiting, rows = ([], []) if only_of else await self.next_calls.rows(request)
        if not live and not waiting:
            usage = escape(style.words("help.start_usage"))
            key = "list.none_of_yours" if only_of else "list.none"
            return ephemeral(style.words(key, command=COMMAND, usage=usage))
        shown = await self.context.service.store.with_names(live[:LISTED])
        listed = live_list(shown, style, await self._waiting(), request.caller, more=len(live) - len(shown))
        if not waiting:
            return listed
        head = style.words("next.waiting_for")
        text = "\n".join(filter(None, [listed["text"], head, *(f"• {line}" for line in waiting[:LISTED])]))
        return ephemeral(text, [*listed.get("blocks", ()), section(f"*{head}*"), *rows[: MOST_BLOCKS - LISTED * 2 - 2]])

    def _help(self, request: Request) -> Answer:
        words = self.context.words_for(request)
        may = [
            f"`{COMMAND} {escape(words(f'help.{verb}_usage'))}`  {words(f'help.{verb}')}"
            for verb, permission in VERBS.items()
            if (permission is None or request.caller.may(permission)) and (verb != "keep" or self.context.style.keep)
        ]
        lead = (
            words("help.lead")
            if request.caller.may(Permission.READ)
            else _stranger_lead(request.caller.denial_reason, words)
        )
        limits = escape(granted_calls(describe(request.caller).grants, words))
        return ephemeral("\n".join(filter(None, [lead, *may, limits])))

    def _unknown(self, request: Request, verb: str, rest: str) -> Answer:
        """Answer what is not a verb: offer the nearest one with everything else that was typed, ready to be copied."""
        words = self.context.words_for(request)
        typed = inline(verb.replace("`", ""), 40)
        nearest = difflib.get_close_matches(verb, VERBS, n=1, cutoff=0.5)
        if nearest:
            suggested = inline(f"{COMMAND} {nearest[0]} {rest}".replace("`", ""), SUGGESTION_SHOWN)
            said = words("command.did_you_mean", typed=typed, command=COMMAND, suggested=suggested)
        else:
            said = words("command.unknown", typed=typed, command=COMMAND)
        return ephemeral(f"{said} {words('command.see_help', command=COMMAND)}")

    async def _refusal(self, error: RecordBotError, words: Catalog, *, read: bool = False) -> Answer:
        text = f":warning: {self.context.explain(error, words, read=read)}"
        in_the_way = error.recording_id if isinstance(error, AboutRecording) else None
        recording = in_the_way and await self.context.service.store.recording(in_the_way)
        if not recording or not (buttons := control_buttons(recording, words)):
            return ephemeral(text)
        return ephemeral(text, [section(text), {"type": "actions", "elements": buttons}])


def live_list(
    live: Sequence[Card],
    style: CardStyle,
    waiting: Mapping[UUID, Approval] = MappingProxyType({}),
    reader: Principal | None = None,
    *,
    more: int = 0,
) -> Answer:
    """Render live recordings, each with its buttons; of more than a message holds, the first ones.

    ``waiting`` are the stops that wait for a second supervisor, by recording. The ``reader`` has buttons for what they
    may control only; where none is named, all are there. ``more``: how many there are that ``live`` doesn't hold.
    """
    shown = [(one, waiting.get(one.recording.id)) for one in live[:LISTED]]
    more += len(live[LISTED:])
    blocks = [
        block
        for one, approval in shown
        for block in _listed(one, style, approval, buttons=reader is None or controls(reader, one.recording))
    ]
    text = "\n".join(f"• {status_line(one, style, approval)}" for one, approval in shown)
    if more:
        left_out = style.words("list.more", number=more)
        blocks.append({"type": "context", "elements": [mrkdwn(left_out)]})
        text = f"{text}\n{left_out}"
    return ephemeral(text, blocks)


def status_line(shown: Card, style: CardStyle, approval: Approval | None = None) -> str:
    """Describe in one line a recording's state, and its stop that waits for a second supervisor."""
    line = recording_line(shown, style)
    if approval is None:
        return line
    person, until = style.person(approval.asked_by), moment(approval.expires_at)
    said = style.words(f"approval.{APPROVAL_TEXTS[approval.verb]}in_list", person=person, until=until)
    return f"{line} · {said}"


def _listed(shown: Card, style: CardStyle, approval: Approval | None, *, buttons: bool) -> list[Block]:
    blocks = [section(status_line(shown, style, approval))]
    if buttons and (elements := control_buttons(shown.recording, style.words, approval, about=about(shown))):
        blocks.append({"type": "actions", "elements": elements})
    return blocks


def _stranger_lead(denial_reason: str | None, words: Catalog) -> str:
    """Explain why there is little to offer: the reason against this person, else that nobody has listed them."""
    if denial_reason and words.has(f"denied.{denial_reason}_what"):
        why = f"{words(f'denied.{denial_reason}_what')} {words(f'denied.{denial_reason}_do')}"
        return f"{why}\n{words('help.lead')}"
    return words("help.lead_stranger")


def _typed(command: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verb that was typed, and the rest."""
    verb, rest = _first_word(as_typed(command.get("text") or ""))
    return verb.lower() or "help", rest


def _marked(command: Mapping[str, Any]) -> str:
    """Return what follows the verb, with Slack's marks of people and links."""
    return _first_word(command.get("text") or "")[1]


def _first_word(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0].strip() if rest else ""
