"""Handles every click on a button: always acknowledge it, explain a refusal, and redraw an outdated card.

Every click is authorized again; a button is never proof of a right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.errors import AboutRecording, ApprovalClosed, Duplicate, MalformedId, RecordBotError
from bot.slack.listeners.context import ListenerContext, Reply, team_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.requests import Request

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Click:
    """One click: the button's value, who clicked, and how to answer them."""

    desk: ListenerContext
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

    def id(self) -> UUID:
        """Return the id that the button carries. Raise MalformedId."""
        try:
            return UUID(str(self.action.get("value")))
        except ValueError:
            raise MalformedId from None

    async def asked(self, *, channel: str | None = None) -> Request:
        """Confirm who clicked; ``channel`` is where what comes of it is shown, where not in that of the click."""
        return await self.desk.asked(
            "button",
            user_id=self.reply.user_id,
            team_id=team_of(self.body),
            channel=channel or (self.body.get("channel") or {}).get("id"),
            trigger=self.body.get("trigger_id"),
        )

    def tell(self, text: str) -> None:
        self.desk.work.start(self.desk.tell(self.reply, text))


@dataclass(frozen=True, slots=True)
class Clicks:
    """Handles the clicks of one surface. ``shown`` is the recording whose card a refused click came from."""

    desk: ListenerContext
    take: Callable[[Click], Awaitable[None]]
    shown: Callable[[Click], UUID] | None = None

    def register(self, app: AsyncApp, *action_ids: str) -> None:
        for action_id in action_ids:
            app.action(action_id)(self.on_click)

    async def on_click(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """Take the click, acknowledge, and continue afterwards. Never raises."""
        click = Click(self.desk, body, action, Reply(body["user"]["id"], respond))
        refusal: RecordBotError | None = None
        try:
            await self.take(click)
        except RecordBotError as error:
            refusal = error
        except Exception:
            log.exception("listener_failed", listener="buttons")
            refusal = RecordBotError()
        await ack()
        if refusal is not None and not isinstance(refusal, Duplicate):
            self.desk.work.start(self._refuse(refusal, click))

    async def _refuse(self, refusal: RecordBotError, click: Click) -> None:
        store = self.desk.service.store
        about = refusal.recording_id if isinstance(refusal, (AboutRecording, ApprovalClosed)) else None
        closed = await store.recording(about) if about and isinstance(refusal, ApprovalClosed) else None
        await self.desk.refuse(click.reply, refusal, closed)
        if about is not None:
            # The click came from a card that shows an older state: have it drawn again.
            await store.show_again(about if self.shown is None else self.shown(click))
