"""Starting a call's recording again: after a stop, and with the agent who was chosen among several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.errors import AboutRecording, Duplicate, MalformedId, RecordBotError
from bot.recording.again import start_again
from bot.slack.agent_choice import START_AGENT
from bot.slack.blocks import START_AGAIN
from bot.slack.context import Desk, Reply, team_of

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StartAgain:
    """Handles the buttons that start a recording from an earlier one: its call and its reason count again.

    The earlier recording and its card stay as they are; the new one is a recording of its own.
    """

    desk: Desk

    def register(self, app: AsyncApp) -> None:
        app.action(START_AGAIN)(self.on_click)
        app.action(START_AGENT)(self.on_click)

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
            self.desk.work.start(self._refuse(refusal, reply, action))

    async def _take(self, body: dict[str, Any], action: dict[str, Any], reply: Reply) -> None:
        again = _read(action)
        asked = await self.desk.asked(
            "button",
            user_id=reply.user_id,
            team_id=team_of(body),
            channel=again.channel or (body.get("channel") or {}).get("id"),
            trigger=body.get("trigger_id"),
        )
        intake = self.desk.service.intake
        accepted = await start_again(intake, asked, again.recording_id, agent_user_id=again.agent_user_id)
        self.desk.finish_later(accepted, reply)

    async def _refuse(self, refusal: RecordBotError, reply: Reply, action: dict[str, Any]) -> None:
        await self.desk.refuse(reply, refusal)
        if isinstance(refusal, AboutRecording):
            # The click came from a card that shows an older state: have it drawn again.
            await self.desk.service.store.show_again(_read(action).recording_id)


@dataclass(frozen=True, slots=True)
class _Again:
    """What a button says: which recording, with which agent instead of its own, and where the new card goes."""

    recording_id: UUID
    agent_user_id: str | None = None
    channel: str | None = None


def _read(action: dict[str, Any]) -> _Again:
    recording_id, *rest = str(action.get("value")).split(" ")[:3]
    try:
        return _Again(UUID(recording_id), *rest)
    except ValueError:
        raise MalformedId from None
