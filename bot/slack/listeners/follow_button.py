"""The button that continues recording after a transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.recording.monitoring.transfers import follow
from bot.slack.blocks.card import FOLLOW
from bot.slack.listeners.buttons import Click, Clicks

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.slack.listeners.context import ListenerContext


@dataclass(frozen=True, slots=True)
class FollowButton:
    """Handles ``recording_follow``: the click is authorized again, and a reading of the call says whose side it is."""

    desk: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.desk, self._take, shown=Click.id).register(app, FOLLOW)

    async def _take(self, click: Click) -> None:
        asked = await click.asked()
        accepted = await follow(self.desk.service.intake, asked, click.id())
        self.desk.finish_later(accepted, click.reply)
