"""Opens the start modal from the global shortcut, a message's shortcut, or App Home's button."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import Duplicate, RecordBotError
from bot.recording.requests import LINK, UUID
from bot.slack.blocks.call_options import call_option
from bot.slack.blocks.home.view import OPEN_BUTTON
from bot.slack.blocks.start_modal import OPTIONS_LIMIT, Form, Option, option
from bot.slack.listeners.context import ListenerContext, Reply, team_of
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.requests import Request
    from bot.slack.listeners.start_modal import StartModal

log = structlog.get_logger(__name__)

START = "recording_start"
START_FROM_MESSAGE = "recording_start_from_message"
BARE_ID = re.compile(rf"(?<![\w-]){UUID.pattern}(?![\w-])", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s|>]+")
ADDRESSED = frozenset({"text", "url", "title_link", "from_url", "fallback"})
"""The fields of a message that hold text and addresses; a button's value isn't one."""


@dataclass(frozen=True, slots=True)
class StartShortcuts:
    """Opens the start modal from Slack's shortcuts and App Home."""

    context: ListenerContext
    modal: StartModal

    def register(self, app: AsyncApp) -> None:
        app.global_shortcut(START)(self.on_shortcut)
        app.message_shortcut(START_FROM_MESSAGE)(self.on_message)
        app.action(OPEN_BUTTON)(self.on_button)

    async def on_shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._open(ack, body, "shortcut", Reply(body["user"]["id"]))

    async def on_button(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._open(ack, body, "button", Reply(body["user"]["id"]))

    async def on_message(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        thread = (body.get("message") or {}).get("thread_ts")
        await self._open(ack, body, "message", Reply(body["user"]["id"], respond, thread))

    async def _open(self, ack: AsyncAck, body: dict[str, Any], source: str, reply: Reply) -> None:
        """Confirm the person, acknowledge, and open the modal or say why not. Nothing may be raised from here."""

        async def refuse(error: RecordBotError) -> None:
            if not isinstance(error, Duplicate):
                self.context.work.start(self.context.refuse(reply, error))

        await answered("shortcuts", self._take(body, source, reply), refuse)
        await ack()

    async def _take(self, body: dict[str, Any], source: str, reply: Reply) -> None:
        request = await self.context.request(
            source,
            user_id=reply.user_id,
            team_id=team_of(body),
            channel=(body.get("channel") or {}).get("id"),
            trigger=body["trigger_id"],
        )
        await self.modal.allowed(request)
        message = body.get("message") if source == "message" else None
        self.context.work.start(self._show(request, body["trigger_id"], reply, message))

    async def _show(self, request: Request, trigger: str, reply: Reply, message: dict[str, Any] | None) -> None:
        form, notice = Form(channel=request.origin.channel), ""
        if message is not None:
            words = self.context.words_for(request)
            ids = calls_in(message)
            notice = words("modal.none_in_message") if not ids else ""
            if len(ids) == 1:
                form = Form(channel=form.channel, typed_id=ids[0])
            elif ids:
                form = Form(channel=form.channel, found=await self._options(ids, request))
        await self.modal.show(request, trigger, reply, form, notice)

    async def _options(self, ids: tuple[str, ...], request: Request) -> tuple[Option, ...]:
        words, now = self.context.words_for(request), self.context.service.clock.now()
        calls = (await self.modal.calls.current(wait=0)).within(request.caller.scope).calls
        known = {one.conversation_id: one for one in calls}  # of the others no more than the message says
        return tuple(
            call_option(known[one], words, now) if one in known else option(one, one) for one in ids[:OPTIONS_LIMIT]
        )


def calls_in(message: Any) -> tuple[str, ...]:
    """Return the ids of the conversations that a message links or names, each once, links first."""
    text = "\n".join(texts_of(message))
    linked = [link["id"] for link in LINK.finditer(text) if UUID.fullmatch(link["id"])]
    named = BARE_ID.findall(ADDRESS.sub(" ", text))  # an id within another address is something else's
    return tuple(dict.fromkeys(one.lower() for one in (*linked, *named)))


def texts_of(message: Any) -> Iterator[str]:
    """Yield every text and address in a message, anywhere in its blocks and attachments."""
    if isinstance(message, dict):
        for name, value in message.items():
            if isinstance(value, str) and name in ADDRESSED:
                yield value
            else:
                yield from texts_of(value)
    elif isinstance(message, list):
        for one in message:
            yield from texts_of(one)
