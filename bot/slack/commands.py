"""``/record``: the verbs, each answered in the acknowledgement."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import AboutRecording, CallEnded, Duplicate, RecordBotError
from bot.recording.models import CallRecording, Verb
from bot.recording.policy import Permission
from bot.slack.blocks import control_buttons, state_words
from bot.slack.context import Answer, Desk, ephemeral
from bot.slack.text import actor_name, escape, moment, shorten, unescape

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.models import Recording
    from bot.recording.requests import Asked
    from bot.recording.service import CallStatus, StatusAsked
    from bot.slack.audits import AuditReports
    from bot.slack.history import CallHistory

log = structlog.get_logger(__name__)

COMMAND = "/record"
DOING = {Verb.START: "Starting", Verb.STOP: "Stopping", Verb.PAUSE: "Pausing", Verb.RESUME: "Resuming"}
HELP = {
    "start": ("start <id or link> [reason]", "record a call", Permission.CONTROL),
    "stop": ("stop [id]", "stop your only recording, or that call's", Permission.CONTROL),
    "pause": ("pause [id]", "secure pause, for example while card data is read out", Permission.CONTROL),
    "resume": ("resume [id]", "go on after a pause", Permission.CONTROL),
    "status": ("status [id]", "how a call stands, in the bot and in Genesys", Permission.READ),
    "list": ("list", "what is being recorded now", Permission.READ),
    "history": ("history <id>", "a call's whole story: who did what, when and why", Permission.READ),
    "audit": (
        "audit [period]",
        "totals and the trail's entries as a file; period: today, yesterday, 7d, 30d or a day such as 2026-01-31",
        Permission.EXPORT,
    ),
    "help": ("help", "this list", None),
}
LISTED = 20


@dataclass(frozen=True, slots=True)
class RecordCommand:
    """Handles the slash command."""

    desk: Desk
    history: CallHistory
    audits: AuditReports

    def register(self, app: AsyncApp) -> None:
        app.command(COMMAND)(self.on_command)

    async def on_command(self, ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
        """Acknowledge with an answer. Nothing may be raised from here: Bolt would lose the acknowledgement."""
        try:
            try:
                answer = await self._answer(command, respond)
            except RecordBotError as error:
                answer = await self._refusal(error)
        except Exception:
            log.exception("command_broke")
            answer = ephemeral(f":warning: {self.desk.explain(RecordBotError())}")
        await ack(**answer)

    async def _answer(self, command: dict[str, Any], respond: AsyncRespond) -> Answer:
        verb, rest = _first_word(unescape(command.get("text") or ""))
        verb = verb.lower() or "help"
        asked = await self.desk.asked(
            "command",
            user_id=command["user_id"],
            team_id=command.get("team_id"),
            channel=command.get("channel_id"),
            trigger=command.get("trigger_id"),
        )
        match verb:
            case "start":
                return await self._start(asked, rest, respond)
            case "stop" | "pause" | "resume":
                return await self._change(Verb(verb), asked, rest, respond)
            case "help":
                return self._help(asked)
            case _:
                return await self._look_up(verb, asked, rest, respond)

    async def _look_up(self, verb: str, asked: Asked, rest: str, respond: AsyncRespond) -> Answer:
        match verb:
            case "status":
                return await self._status(asked, rest, respond)
            case "list":
                return await self._list(asked)
            case "history":
                return await self.history.answer(asked, rest)
            case "audit":
                return await self.audits.answer(asked, rest, respond)
            case _:
                return self._unknown(asked, verb)

    async def _start(self, asked: Asked, rest: str, respond: AsyncRespond) -> Answer:
        typed_id, typed_reason = _first_word(rest)
        try:
            accepted = await self.desk.service.intake.start(asked, typed_id or None, typed_reason or None)
        except Duplicate as duplicate:
            return await self._again(duplicate)
        self.desk.finish_later(accepted, respond)
        return self._accepted(Verb.START, accepted.recording.conversation_id, accepted.audit_seq)

    async def _change(self, verb: Verb, asked: Asked, rest: str, respond: AsyncRespond) -> Answer:
        try:
            accepted = await self.desk.service.intake.change(verb, asked, typed_id=rest or None)
        except Duplicate as duplicate:
            return await self._again(duplicate)
        self.desk.finish_later(accepted, respond)
        return self._accepted(verb, accepted.recording.conversation_id, accepted.audit_seq)

    def _accepted(self, verb: Verb, conversation_id: str, seq: int) -> Answer:
        return ephemeral(
            f":hourglass_flowing_sand: {DOING[verb]} the recording of call {self.desk.style.call(conversation_id)} "
            f"(#{seq}). Its card shows how it goes."
        )

    async def _again(self, duplicate: Duplicate) -> Answer:
        """Answer a second delivery of a request: it counts once, and this is how it stands."""
        recording = await self.desk.service.store.attempt_recording(duplicate.attempt_id)
        return ephemeral(f":information_source: {self.desk.explain(duplicate, recording)}")

    async def _status(self, asked: Asked, rest: str, respond: AsyncRespond) -> Answer:
        if not rest:
            return await self._list(asked, only_of=asked.caller.actor)
        question = await self.desk.service.ask_status(asked, rest)
        self.desk.work.start(self._look(question, respond))
        return ephemeral(":mag: Looking at the call…")

    async def _look(self, question: StatusAsked, respond: AsyncRespond) -> None:
        try:
            status = await self.desk.service.status(question)
        except RecordBotError as error:
            await self.desk.tell(respond, f":warning: {self.desk.explain(error)}")
            return
        await self.desk.tell(respond, self._status_text(status))

    def _status_text(self, status: CallStatus) -> str:
        lines = [f"Call {self.desk.style.call(status.conversation_id)} (#{status.audit_seq})"]
        if status.recording is None:
            lines.append("• The bot has no recording of it.")
        else:
            lines.append(f"• The bot: {self._line(status.recording)}")
        if status.seen is not None:
            words = {
                CallRecording.ACTIVE: "it is being recorded now",
                CallRecording.PAUSED: "its recording is paused now",
                CallRecording.NONE: "it is not being recorded now",
                CallRecording.UNKNOWN: "it does not say whether the call is being recorded",
            }
            extra = " (on hold)" if status.seen.on_hold else ""
            lines.append(f"• Genesys: {words[status.seen.recording]}{extra}.")
        elif isinstance(status.error, CallEnded):
            lines.append("• Genesys: the call has ended; nothing is being recorded.")
        elif status.error is not None:
            lines.append(f"• Genesys: {self.desk.explain(status.error)}")
        return "\n".join(lines)

    async def _list(self, asked: Asked, *, only_of: str | None = None) -> Answer:
        live = await self.desk.service.live(asked)
        if only_of is not None:
            live = tuple(one for one in live if one.started_by == only_of)
        if not live:
            whose = "of yours " if only_of else ""
            return ephemeral(f"No recording {whose}is live. Start one with `{COMMAND} start <id or link> [reason]`.")
        shown = live[:LISTED]
        blocks = [block for one in shown for block in self._listed(one)]
        text = "\n".join(f"• {self._line(one)}" for one in shown)
        if len(live) > LISTED:
            more = f"… and {len(live) - LISTED} more."
            blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": more}]})
            text = f"{text}\n{more}"
        return ephemeral(text, blocks)

    def _listed(self, recording: Recording) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = [
            {"type": "section", "text": {"type": "mrkdwn", "text": shorten(self._line(recording), 3000)}}
        ]
        if buttons := control_buttons(recording):
            blocks.append({"type": "actions", "elements": buttons})
        return blocks

    def _line(self, recording: Recording) -> str:
        icon, word = state_words(recording)
        began = recording.started_at or recording.requested_at
        return (
            f"{icon} *{word}* · call {self.desk.style.call(recording.conversation_id, short=True)} · since "
            f"{moment(began)} · {actor_name(recording.started_by, self.desk.style.team_id)} · #{recording.audit_seq}"
        )

    def _help(self, asked: Asked) -> Answer:
        may = [
            f"`{COMMAND} {escape(usage)}`  {what}"
            for usage, what, permission in HELP.values()
            if permission is None or asked.caller.may(permission)
        ]
        lead = "What you can do:"
        if not asked.caller.may(Permission.READ):
            lead = "You are not on the bot's list of supervisors, so there is little here for you. What you can do:"
        return ephemeral("\n".join([lead, *may]))

    def _unknown(self, asked: Asked, verb: str) -> Answer:
        nearest = difflib.get_close_matches(verb, HELP, n=1, cutoff=0.5)
        hint = f" Did you mean `{COMMAND} {nearest[0]}`?" if nearest else ""
        answer = self._help(asked)
        lead = f"`{escape(shorten(verb, 40).replace('`', ''))}` is not something that {COMMAND} knows.{hint}"
        return ephemeral(f"{lead} Nothing was done.\n{answer['text']}")

    async def _refusal(self, error: RecordBotError) -> Answer:
        text = f":warning: {self.desk.explain(error)}"
        in_the_way = error.recording_id if isinstance(error, AboutRecording) else None
        recording = in_the_way and await self.desk.service.store.recording(in_the_way)
        if not recording or not (buttons := control_buttons(recording)):
            return ephemeral(text)
        section = {"type": "section", "text": {"type": "mrkdwn", "text": shorten(text, 3000)}}
        return ephemeral(text, [section, {"type": "actions", "elements": buttons}])


def _first_word(text: str) -> tuple[str, str]:
    first, *rest = text.split(maxsplit=1) or [""]
    return first, rest[0].strip() if rest else ""
