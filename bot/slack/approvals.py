"""The buttons about a stop that waits for a second supervisor. Who may press which is decided anew at every click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.errors import AboutRecording, ApprovalClosed, Duplicate, MalformedId, RecordBotError
from bot.slack.awaiting import confirming, taken_back
from bot.slack.blocks import CONFIRM_STOP, WITHDRAW_STOP
from bot.slack.context import Desk, Reply, team_of

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

    from bot.recording.requests import Asked

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApprovalButtons:
    """Handles clicks on Confirm and Withdraw, wherever they stand."""

    desk: Desk

    def register(self, app: AsyncApp) -> None:
        app.action(CONFIRM_STOP)(self.on_click)
        app.action(WITHDRAW_STOP)(self.on_click)

    async def on_click(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """Take the click, acknowledge, and go on afterwards. Nothing may be raised from here."""
        reply = Reply(body["user"]["id"], respond)
        refusal: RecordBotError | None = None
        try:
            await self._take(body, action, reply)
        except RecordBotError as error:
            refusal = error
        except Exception:
            log.exception("click_broke")
            refusal = RecordBotError()
        await ack()
        if refusal is not None and not isinstance(refusal, Duplicate):
            self.desk.work.start(self._refuse(refusal, reply))

    async def _take(self, body: dict[str, Any], action: dict[str, Any], reply: Reply) -> None:
        asked = await self.desk.asked(
            "button",
            user_id=reply.user_id,
            team_id=team_of(body),
            channel=(body.get("channel") or {}).get("id"),
            trigger=body.get("trigger_id"),
        )
        approval_id = _approval_id(action.get("value"))
        if action["action_id"] == CONFIRM_STOP:
            await self._confirm(asked, approval_id, reply)
        else:
            await self._withdraw(asked, approval_id, reply)

    async def _confirm(self, asked: Asked, approval_id: UUID, reply: Reply) -> None:
        accepted = await self.desk.service.intake.confirm(asked, approval_id)
        self.desk.finish_later(accepted, reply)
        self.desk.work.start(self.desk.tell(reply, confirming(accepted, self.desk.style_for(asked))))

    async def _withdraw(self, asked: Asked, approval_id: UUID, reply: Reply) -> None:
        withdrawn = await self.desk.service.intake.withdraw(asked, approval_id)
        self.desk.work.start(self.desk.tell(reply, taken_back(withdrawn, self.desk.style_for(asked))))

    async def _refuse(self, refusal: RecordBotError, reply: Reply) -> None:
        about = refusal.recording_id if isinstance(refusal, (AboutRecording, ApprovalClosed)) else None
        recording = None if about is None else await self.desk.service.store.recording(about)
        await self.desk.refuse(reply, refusal, recording)
        if recording is not None:
            # The click came from a card that shows an older state: have it drawn again.
            await self.desk.service.store.show_again(recording.id)


def _approval_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise MalformedId from None
