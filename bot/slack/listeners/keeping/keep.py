"""``/record keep`` and ``release``, their buttons, and the message shortcut *Keep this call*."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.errors import AuditUnavailable, Duplicate, MalformedId, RecordBotError
from bot.recording.keeping.keep import KeepVerb
from bot.recording.requests import conversation_id
from bot.slack.blocks.keep import KEEP, KEEP_CALL, RELEASE, keep_call_button
from bot.slack.blocks.keeping.keep_answers import keep_accepted, keep_answer
from bot.slack.blocks.reports.digest import section
from bot.slack.listeners.buttons import Click, Clicks
from bot.slack.listeners.context import ListenerContext, Reply, ephemeral, team_of
from bot.slack.listeners.error_boundary import answered
from bot.slack.listeners.shortcuts import calls_in

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.control.keeping.keeper import Keeper
    from bot.recording.keeping.keep import PendingKeep
    from bot.recording.requests import Request
    from bot.slack.listeners.context import Answer

KEEP_FROM_MESSAGE = "recording_keep_from_message"
CALLS_OFFERED = 10


@dataclass(frozen=True, slots=True)
class KeepListeners:
    """Translates what people ask for; a card shows the result, or else the person is told."""

    context: ListenerContext
    keeper: Keeper

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, partial(self._click, KeepVerb.KEEP), shown=Click.id).register(app, KEEP)
        Clicks(self.context, partial(self._click, KeepVerb.RELEASE), shown=Click.id).register(app, RELEASE)
        Clicks(self.context, self._click_call).register(app, KEEP_CALL)
        app.message_shortcut(KEEP_FROM_MESSAGE)(self.on_message)

    async def answer(self, verb: KeepVerb, request: Request, rest: str, reply: Reply) -> Answer:
        """Answer the command."""
        typed_id, reason = id_and_reason(rest) if verb is KeepVerb.KEEP else (rest or None, None)
        try:
            accepted = await self.keeper.ask(verb, request, typed_id=typed_id, reason=reason)
        except Duplicate as duplicate:
            words = self.context.words_for(request)
            return ephemeral(f":information_source: {self.context.explain(duplicate, words)}")
        self._finish_later(accepted, reply)
        return ephemeral(keep_accepted(accepted, self.context.style_for(request)))

    async def _click(self, verb: KeepVerb, click: Click) -> None:
        request = await click.request()
        accepted = await self.keeper.ask(verb, request, recording_id=click.id())
        self._finish_later(accepted, click.reply)
        if click.in_ephemeral:
            click.tell(keep_accepted(accepted, self.context.style_for(request)))

    async def _click_call(self, click: Click) -> None:
        request = await click.request()
        accepted = await self.keeper.ask(KeepVerb.KEEP, request, typed_id=str(click.action.get("value")))
        self._finish_later(accepted, click.reply)
        click.tell(keep_accepted(accepted, self.context.style_for(request)))

    async def on_message(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Keep the call that a message names; offer a choice of several. Nothing may be raised from here."""
        thread = (body.get("message") or {}).get("thread_ts")
        reply = Reply(body["user"]["id"], respond, thread)

        async def refuse(error: RecordBotError) -> None:
            if not isinstance(error, Duplicate):
                self.context.work.start(self.context.refuse(reply, error))

        await answered("keep_shortcut", self._keep_from(body, reply), refuse)
        await ack()

    async def _keep_from(self, body: dict[str, Any], reply: Reply) -> None:
        request = await self.context.request(
            "message",
            user_id=reply.user_id,
            team_id=team_of(body),
            channel=(body.get("channel") or {}).get("id"),
            trigger=body.get("trigger_id"),
        )
        style, ids = self.context.style_for(request), calls_in(body.get("message"))
        if len(ids) > 1:
            text, blocks = style.words("keep.choose"), list[dict[str, Any]]()
            for call in ids[:CALLS_OFFERED]:
                blocks.append(section(style.words("keep.about", call=style.call(call))))
                blocks.append({"type": "actions", "elements": [keep_call_button(call, style.words)]})
            self.context.work.start(self.context.tell(reply, text, [section(text), *blocks]))
            return
        # without a call it is refused like a command that names none, and the trail has it
        accepted = await self.keeper.ask(KeepVerb.KEEP, request, typed_id=ids[0] if ids else "")
        self._finish_later(accepted, reply)
        self.context.work.start(self.context.tell(reply, keep_accepted(accepted, style)))

    def _finish_later(self, accepted: PendingKeep, reply: Reply) -> None:
        self.context.work.start(self._finish(accepted, reply))

    async def _finish(self, accepted: PendingKeep, reply: Reply) -> None:
        try:
            keep = await self.keeper.carry_out(accepted)
        except AuditUnavailable:
            words = self.context.words_for(accepted.request)
            await self.context.tell(reply, words("command.not_written", seq=accepted.keep.audit_seq))
            return
        if keep.settled and keep.needs_answer:
            told = await self.context.tell(reply, keep_answer(keep, self.context.style_for(accepted.request)))
            if told is not None:
                await self.keeper.note_told(keep)


def id_and_reason(rest: str) -> tuple[str | None, str | None]:
    """Split what was typed after ``keep`` into a call and a reason; either may be missing.

    A first word without a digit and a slash is no id, so everything is the reason then; else a mistyped id would keep
    another call.
    """
    first, _, others = rest.partition(" ")
    if not first:
        return None, None
    try:
        conversation_id(first)
    except MalformedId:
        if not any(character.isdigit() or character == "/" for character in first):
            return None, rest
    return first, others.strip() or None
