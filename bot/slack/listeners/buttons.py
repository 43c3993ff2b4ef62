"""Handles every click on a button: always acknowledge it, explain a refusal, and redraw an outdated card.

Every click is authorized again; a button is never proof of a right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.errors import AboutRecording, ApprovalClosed, Duplicate, MalformedId, RecordBotError
from bot.recording.control.intake import follow, start_again
from bot.recording.models import Verb
from bot.recording.requests import Extended, PendingAction
from bot.slack.blocks.agents.agent_picker import START_AGENT
from bot.slack.blocks.answers import answer_to, taken_back, under_way
from bot.slack.blocks.card import CONFIRM_PAUSE, CONFIRM_STOP, FOLLOW, START_AGAIN, WITHDRAW_PAUSE, WITHDRAW_STOP
from bot.slack.blocks.notice import STILL_NEEDED, snoozed_text
from bot.slack.blocks.time_limits.extend_button import EXTEND, read_extend
from bot.slack.blocks.try_again import ANSWER, TRY_AGAIN
from bot.slack.listeners.context import ListenerContext, Reply, team_of
from bot.slack.listeners.error_boundary import answered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.requests import Request

BUTTON_VERBS = {f"recording_{verb.value}": verb for verb in (Verb.STOP, Verb.PAUSE, Verb.RESUME)}


@dataclass(frozen=True, slots=True)
class Click:
    """One click: the button's value, who clicked, and how to answer them."""

    context: ListenerContext
    body: dict[str, Any]
    action: dict[str, Any]
    reply: Reply

    @property
    def name(self) -> str:
        return str(self.action["action_id"])

    @property
    def in_ephemeral(self) -> bool:
        """Whether the button is in a message that, unlike a card, shows nothing of the result."""
        return bool((self.body.get("container") or {}).get("is_ephemeral"))

    def id(self, value: str | None = None) -> UUID:
        """Return the id that the button carries, or that a part of its ``value`` is. Raise MalformedId."""
        try:
            return UUID(str(self.action.get("value")) if value is None else value)
        except ValueError:
            raise MalformedId from None

    async def request(self, *, channel: str | None = None) -> Request:
        """Confirm who clicked; ``channel`` is where what comes of it is shown, where not in that of the click."""
        return await self.context.request(
            "button",
            user_id=self.reply.user_id,
            team_id=team_of(self.body),
            channel=channel or (self.body.get("channel") or {}).get("id"),
            trigger=self.body.get("trigger_id"),
        )

    def tell(self, text: str) -> None:
        self.context.work.start(self.context.tell(self.reply, text))


@dataclass(frozen=True, slots=True)
class Clicks:
    """Handles the clicks of one surface. ``shown`` is the recording whose card a refused click came from."""

    context: ListenerContext
    take: Callable[[Click], Awaitable[None]]
    shown: Callable[[Click], UUID] | None = None

    def register(self, app: AsyncApp, *action_ids: str) -> None:
        for action_id in action_ids:
            app.action(action_id)(self.on_click)

    async def on_click(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """Take the click, acknowledge, and continue afterwards. Never raises."""
        click = Click(self.context, body, action, Reply(body["user"]["id"], respond))

        async def refuse(error: RecordBotError) -> None:
            if not isinstance(error, Duplicate):
                self.context.work.start(self._refuse(error, click))

        await answered("buttons", self.take(click), refuse)
        await ack()

    async def _refuse(self, refusal: RecordBotError, click: Click) -> None:
        store = self.context.service.store
        about = refusal.recording_id if isinstance(refusal, (AboutRecording, ApprovalClosed)) else None
        closed = await store.recording(about) if about and isinstance(refusal, ApprovalClosed) else None
        await self.context.refuse(click.reply, refusal, closed)
        if about is not None:
            # The click came from a card that shows an older state: have it drawn again.
            await store.show_again(about if self.shown is None else self.shown(click))


@dataclass(frozen=True, slots=True)
class RecordingButtons:
    """Handles clicks on Stop, Pause and Resume."""

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take).register(app, *BUTTON_VERBS)

    async def _take(self, click: Click) -> None:
        request = await click.request()
        recording_id, _, length = str(click.action.get("value")).partition(" ")
        accepted = await self.context.service.intake.change(
            BUTTON_VERBS[click.name], request, recording_id=click.id(recording_id), typed_length=length or None
        )
        shown = False
        if isinstance(accepted, PendingAction):
            self.context.finish_later(accepted, click.reply)
            shown = accepted.confirmed is None and accepted.longer is None and not click.in_ephemeral
        if not shown:  # the card that was clicked says everything else
            click.tell(answer_to(accepted, self.context.style_for(request)))


@dataclass(frozen=True, slots=True)
class ApprovalButtons:
    """Handles clicks on Confirm and Withdraw, on any message."""

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._confirm).register(app, CONFIRM_STOP, CONFIRM_PAUSE)
        Clicks(self.context, self._withdraw).register(app, WITHDRAW_STOP, WITHDRAW_PAUSE)

    async def _confirm(self, click: Click) -> None:
        request = await click.request()
        accepted = await self.context.service.intake.confirm(request, click.id())
        if isinstance(accepted, PendingAction):
            self.context.finish_later(accepted, click.reply)
        click.tell(answer_to(accepted, self.context.style_for(request)))

    async def _withdraw(self, click: Click) -> None:
        request = await click.request()
        withdrawn = await self.context.service.intake.withdraw(request, click.id())
        click.tell(taken_back(withdrawn, self.context.style_for(request)))


@dataclass(frozen=True, slots=True)
class FollowButton:
    """Handles ``recording_follow``: the click is authorized again, and a reading of the call says whose side it is."""

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take, shown=Click.id).register(app, FOLLOW)

    async def _take(self, click: Click) -> None:
        request = await click.request()
        accepted = await follow(self.context.service.intake, request, click.id())
        self.context.finish_later(accepted, click.reply)


@dataclass(frozen=True, slots=True)
class StillNeeded:
    """Handles ``recording_still_needed``: the next reminder comes after ``remind_after``; the relay edits this one."""

    context: ListenerContext
    remind_after: timedelta | None

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take).register(app, STILL_NEEDED)

    async def _take(self, click: Click) -> None:
        request = await click.request()
        intake = self.context.service.intake
        snoozed = await intake.still_needed(request, click.id(), remind_after=self.remind_after)
        if not snoozed.shown:  # no message is known that could say so
            text = snoozed_text(snoozed.snooze, self.context.style_for(request))
            click.tell(f":white_check_mark: {text} (#{snoozed.audit_seq})")


@dataclass(frozen=True, slots=True)
class ExtendButton:
    """Handles ``recording_extend``: the pause or recording ends later; the button says which end it was shown for."""

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take).register(app, EXTEND)

    async def _take(self, click: Click) -> None:
        request = await click.request()
        recording_id, limit, until = read_extend(str(click.action.get("value")))
        done = await self.context.service.intake.extend(request, recording_id=recording_id, limit=limit, until=until)
        if click.in_ephemeral or not isinstance(done, Extended) or done.confirmed is not None:
            click.tell(answer_to(done, self.context.style_for(request)))


@dataclass(frozen=True, slots=True)
class StartAgain:
    """Handles the buttons that start a recording again, with the call and the reason of an earlier one.

    The earlier recording and its card stay as they are; the new one is a recording of its own.
    """

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take, shown=_shown).register(app, START_AGAIN, START_AGENT)

    async def _take(self, click: Click) -> None:
        again = _again(click)
        request = await click.request(channel=again.channel)
        intake = self.context.service.intake
        accepted = await start_again(intake, request, again.recording_id, agent_user_id=again.agent_user_id)
        self.context.finish_later(accepted, click.reply)


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Handles ``recording_try_again``: asks for a failed start again, with its call, reason, and channel."""

    context: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.context, self._take, shown=Click.id).register(app, TRY_AGAIN)

    async def _take(self, click: Click) -> None:
        recording_id = click.id()
        request = await click.request(channel=await self.context.service.store.card_channel(recording_id))
        accepted = await start_again(self.context.service.intake, request, recording_id)
        reply = replace(click.reply, replaces=click.action.get("block_id") == ANSWER)
        if reply.replaces:
            self.context.work.start(self.context.tell(reply, under_way(accepted, self.context.style_for(request))))
        self.context.finish_later(accepted, reply)


@dataclass(frozen=True, slots=True)
class _Again:
    """A button's value: which recording, with which other agent, and where the new card goes."""

    recording_id: UUID
    agent_user_id: str | None = None
    channel: str | None = None


def _shown(click: Click) -> UUID:
    return _again(click).recording_id


def _again(click: Click) -> _Again:
    recording_id, *rest = str(click.action.get("value")).split(" ")[:3]
    try:
        return _Again(UUID(recording_id), *rest)
    except ValueError:
        raise MalformedId from None
