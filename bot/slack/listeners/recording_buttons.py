"""The buttons on cards and lists: Stop, Pause and Resume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.recording.models import Verb
from bot.recording.requests import AwaitsConfirmation
from bot.slack.blocks.answers import awaiting, confirming, under_way
from bot.slack.listeners.buttons import Click, Clicks

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.slack.listeners.context import ListenerContext

BUTTON_VERBS = {f"recording_{verb.value}": verb for verb in (Verb.STOP, Verb.PAUSE, Verb.RESUME)}


@dataclass(frozen=True, slots=True)
class RecordingButtons:
    """Handles clicks on Stop, Pause and Resume."""

    desk: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.desk, self._take).register(app, *BUTTON_VERBS)

    async def _take(self, click: Click) -> None:
        asked = await click.asked()
        accepted = await self.desk.service.intake.change(BUTTON_VERBS[click.name], asked, recording_id=click.id())
        style = self.desk.style_for(asked)
        if isinstance(accepted, AwaitsConfirmation):
            click.tell(awaiting(accepted, style))
            return
        self.desk.finish_later(accepted, click.reply)
        if accepted.confirmed is not None:
            click.tell(confirming(accepted, style))
        elif click.in_ephemeral:
            click.tell(under_way(accepted, style))
