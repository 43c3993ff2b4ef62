"""The shared context of Slack listeners: who asks, the services, and the answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import AuditUnavailable, RecordBotError
from bot.i18n.error_messages import MessageFormatter, explain
from bot.recording.models import RecordingState
from bot.recording.requests import Request, RequestSource
from bot.slack.blocks.agents.agent_picker import agent_choice, choice_text
from bot.slack.blocks.mrkdwn import escape, moment
from bot.slack.blocks.try_again import failed_start
from bot.slack.people.users import WEB_API_ERRORS
from bot.slack.request_age import age_of_current_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_bolt.context.respond.async_respond import AsyncRespond
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.errors import GenesysError, NotPermitted, TooLate
    from bot.i18n.catalog import Catalog, Translations
    from bot.recording.control.service import RecordingService
    from bot.recording.control.user_rate_limit import LookupLimit
    from bot.recording.models import Recording
    from bot.recording.ports import Waiting
    from bot.recording.requests import ActionResult, PendingAction
    from bot.slack.blocks.card import CardStyle
    from bot.slack.listeners.background import Work
    from bot.slack.people.users import SlackPeople
    from bot.slack.shared_channels import SharedChannels

log = structlog.get_logger(__name__)

Answer = dict[str, Any]
TELL_SECONDS = 5.0
SLOW_SECONDS = 8
"""After this long without a result from Genesys, the person is told that it is still being tried."""
OK = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """Where an answer goes after the acknowledgement: to the request's response_url, else as a direct message.

    ``thread_ts`` names the thread where the request was made.
    """

    user_id: str
    respond: AsyncRespond | None = None
    thread_ts: str | None = None
    replaces: bool = False
    """Whether the answer takes the place of the message that was clicked.

    Slack does this only for a click: the ``response_url`` of a command can neither replace nor delete what the command
    was answered with (https://github.com/slackapi/bolt-python/issues/1268).
    """


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that Slack has taken; a direct message can be deleted again."""

    channel: str | None = None
    ts: str | None = None


@dataclass(frozen=True, slots=True)
class ListenerContext:
    """The services for Slack requests: listeners only translate, and decide nothing themselves.

    ``style`` is in English, for what everybody reads; ``style_for`` is in the language of the one who asks.
    """

    service: RecordingService
    people: SlackPeople
    work: Work
    style: CardStyle
    languages: Translations
    client: AsyncWebClient
    look_ups: LookupLimit
    shared_channels: SharedChannels | None = None

    def words_of(self, user_id: str) -> Catalog:
        """Return the texts in a person's language if Slack has already reported it; English otherwise."""
        return self.languages.of(self.people.locale(user_id))

    def words_for(self, request: Request) -> Catalog:
        return self.languages.of(request.origin.language)

    def style_for(self, request: Request) -> CardStyle:
        return self.style.in_(self.words_for(request))

    def style_of(self, user_id: str, language: str | None) -> CardStyle:
        """Return the style in a person's language if Slack has already reported it; else in the given one."""
        return self.style.in_(self.languages.of(self.people.locale(user_id) or language))

    async def request(
        self, source: str, *, user_id: str, team_id: str | None, channel: str | None, trigger: str | None
    ) -> Request:
        if self.shared_channels is not None and channel is not None:
            self.work.start(self.shared_channels.learn(channel))  # what it says now counts; it is fresh the next time
        caller = await self.people.caller(user_id, team_id)
        language, shared = self.words_of(user_id).language, self._is_shared(channel)
        age = age_of_current_request()
        origin = RequestSource(
            source, channel=channel, trigger=trigger, language=language, shared_channel=shared, age=age
        )
        return Request(caller, origin)

    def _is_shared(self, channel: str | None) -> bool:
        return self.shared_channels is not None and self.shared_channels.known(channel) is True

    def explain(
        self, error: RecordBotError, words: Catalog, recording: Recording | None = None, *, read: bool = False
    ) -> str:
        """Return the sentences about an error, as mrkdwn."""
        voice = MessageFormatter(words, person=self.style.in_(words).person, time=moment, plain=escape)
        return explain(error, voice, recording, read=read)

    def finish_later(self, accepted: PendingAction, reply: Reply) -> None:
        """Carry out what was accepted, after the acknowledgement."""
        self.work.start(self._finish(accepted, reply))

    async def _finish(self, accepted: PendingAction, reply: Reply) -> None:
        words, seq = self.words_for(accepted.request), accepted.audit_seq

        async def progress(waiting: Waiting) -> None:
            text = words("command.waiting", seconds=max(1, round(waiting.seconds)), seq=seq)
            self.work.start(self.tell(reply, text))  # not awaited: a slow Slack must not use up the action's time

        slow = asyncio.create_task(self._say_that_it_is_slow(accepted, reply))
        try:
            settled = await self.service.carry_out(accepted, progress)
        except AuditUnavailable:
            await self._no_longer_slow(slow)
            await self.tell(reply, words("command.not_written", seq=seq))
            return
        finally:
            slow.cancel()
        await self._no_longer_slow(slow)
        if settled.error is not None:
            await self._tell_failure(accepted, settled.error, settled, reply)
        elif reply.replaces:
            await self._remove_original(reply)

    async def _tell_failure(
        self, accepted: PendingAction, error: GenesysError | NotPermitted | TooLate, settled: ActionResult, reply: Reply
    ) -> None:
        """Tell the person why it failed; of a start, that is all that is ever said of it."""
        words, recording = self.words_for(accepted.request), settled.recording
        error.audit_seq = settled.audit_seq
        text = f":warning: {self.explain(error, words, recording)}"
        blocks = agent_choice(text, error, recording, words, channel=accepted.request.origin.channel)
        if blocks is None and accepted.attempt.verb.begins:
            blocks = failed_start(text, recording, words)
        told = await self.tell(reply, choice_text(text, error, words), blocks)
        if told is not None and accepted.attempt.verb.begins and recording.state is RecordingState.FAILED:
            try:
                await self.service.store.card_answered(recording.id)
            except AuditUnavailable:
                log.warning("answer_note_failed", recording_id=str(recording.id))  # its card tells them once more

    async def _say_that_it_is_slow(self, accepted: PendingAction, reply: Reply) -> Told | None:
        """Tell the person, once, that it is still being tried."""
        await self.service.clock.sleep(SLOW_SECONDS)
        words = self.words_for(accepted.request)
        return await self.tell(reply, words("command.slow", seconds=SLOW_SECONDS, seq=accepted.audit_seq))

    async def _no_longer_slow(self, slow: asyncio.Task[Told | None]) -> None:
        """Take back what was said about slowness, if Slack lets us: a direct message can be deleted."""
        if not slow.done():
            slow.cancel()
            return
        told = None if slow.cancelled() or slow.exception() else slow.result()
        if told is not None and told.ts is not None:
            try:
                await self.client.chat_delete(channel=str(told.channel), ts=told.ts)
            except WEB_API_ERRORS as error:
                log.info("reply_delete_failed", error=str(error))

    async def _remove_original(self, reply: Reply) -> None:
        """Remove the answer that was clicked: the card says the rest."""
        if reply.respond is None:
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await reply.respond(text="", delete_original=True)
        except (*WEB_API_ERRORS, ValueError) as error:
            log.info("reply_delete_failed", error=str(error))

    async def refuse(
        self, reply: Reply, error: RecordBotError, recording: Recording | None = None, *, read: bool = False
    ) -> None:
        """Tell a person why their request was refused, and the recording's state if it is known.

        ``read``: they only asked for information.
        """
        words = self.words_of(reply.user_id)
        await self.tell(reply, f":warning: {self.explain(error, words, recording, read=read)}")

    async def tell(self, reply: Reply, text: str, blocks: list[dict[str, Any]] | None = None) -> Told | None:
        """Send an answer that only this person sees, and return where it is; None if Slack did not take it."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                if await _answered(reply, text, blocks):
                    return Told()
                posted = await self.client.chat_postMessage(
                    channel=reply.user_id,
                    text=text,
                    blocks=blocks,
                    parse="none",
                    unfurl_links=False,
                    unfurl_media=False,
                )
                return Told(str(posted["channel"]), str(posted["ts"]))
        except WEB_API_ERRORS as error:
            log.warning("reply_send_failed", error=str(error))
            return None


async def _answered(reply: Reply, text: str, blocks: list[dict[str, Any]] | None) -> bool:
    """Use the response_url; False if there is none, or Slack refuses it (used up, or too old)."""
    if reply.respond is None:
        return False
    try:
        answer = await reply.respond(
            text=text,
            blocks=blocks,
            response_type="ephemeral",
            replace_original=reply.replaces,
            thread_ts=reply.thread_ts,
        )
    except ValueError:  # there is no response_url
        return False
    status = getattr(answer, "status_code", OK)  # respond() neither raises nor repeats
    if status != OK:
        log.warning("response_url_refused", status=status)
    return bool(status == OK)


def ephemeral(text: str, blocks: list[dict[str, Any]] | None = None) -> Answer:
    """Return an acknowledgement that only the person who asked can see."""
    answer: Answer = {"response_type": "ephemeral", "text": text}
    return answer | {"blocks": blocks} if blocks else answer


def team_of(payload: Mapping[str, Any]) -> str | None:
    """Return the team of the person behind a payload; in a shared channel it isn't the team of the channel."""
    user = payload.get("user")
    if isinstance(user, dict) and user.get("team_id"):
        return str(user["team_id"])
    team = payload.get("team")
    found = payload.get("team_id") or (team.get("id") if isinstance(team, dict) else None)
    return None if found is None else str(found)
