"""The buttons on cards and lists. Every click is authorised anew; a button is never proof of a right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from bot.errors import AboutRecording, Duplicate, MalformedId, RecordBotError
from bot.recording.models import Verb
from bot.recording.requests import AwaitsConfirmation
from bot.slack.awaiting import awaiting, confirming, under_way
from bot.slack.context import Desk, Reply, team_of

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

log = structlog.get_logger(__name__)

BUTTON_VERBS = {f"recording_{verb.value}": verb for verb in (Verb.STOP, Verb.PAUSE, Verb.RESUME)}


@dataclass(frozen=True, slots=True)
class RecordingButtons:
    """Handles clicks on Stop, Pause and Resume."""

    desk: Desk

    def register(self, app: AsyncApp) -> None:
        for action_id in BUTTON_VERBS:
            app.action(action_id)(self.on_click)

    async def on_click(
        self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond
    ) -> None:
        """Take the click, acknowledge, and go on afterwards. Nothing may be raised from here."""
        refusal: RecordBotError | None = None
        try:
            await self._take(body, action, respond)
        except RecordBotError as error:
            refusal = error
        except Exception:
            log.exception("click_broke")
            refusal = RecordBotError()
        await ack()
        if refusal is not None and not isinstance(refusal, Duplicate):
            self.desk.work.start(self._refuse(refusal, Reply(body["user"]["id"], respond)))

    async def _take(self, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond) -> None:
        asked = await self.desk.asked(
            "button",
            user_id=body["user"]["id"],
            team_id=team_of(body),
            channel=(body.get("channel") or {}).get("id"),
            trigger=body.get("trigger_id"),
        )
        accepted = await self.desk.service.intake.change(
            BUTTON_VERBS[action["action_id"]], asked, recording_id=_recording_id(action.get("value"))
        )
        reply = Reply(body["user"]["id"], respond)
        if isinstance(accepted, AwaitsConfirmation):
            self.desk.work.start(self.desk.tell(reply, awaiting(accepted, self.desk.style_for(asked))))
        else:
            self.desk.finish_later(accepted, reply)
            if accepted.confirmed is not None:
                self.desk.work.start(self.desk.tell(reply, confirming(accepted, self.desk.style_for(asked))))
            elif (body.get("container") or {}).get("is_ephemeral"):  # it shows nothing of what comes, as a card does
                self.desk.work.start(self.desk.tell(reply, under_way(accepted, self.desk.style_for(asked))))

    async def _refuse(self, refusal: RecordBotError, reply: Reply) -> None:
        await self.desk.refuse(reply, refusal)
        if isinstance(refusal, AboutRecording):
            # The click came from a card that shows an older state: have it drawn again.
            await self.desk.service.store.show_again(refusal.recording_id)


def _recording_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise MalformedId from None
