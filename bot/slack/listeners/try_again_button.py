"""The button that asks again for a start that failed. Every click is authorized again, and is an attempt of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.recording.control.start_again import start_again
from bot.slack.blocks.answers import under_way
from bot.slack.blocks.try_again import ANSWER, TRY_AGAIN
from bot.slack.listeners.buttons import Click, Clicks

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.slack.listeners.context import ListenerContext


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Handles ``recording_try_again``: the same call, reason and channel as those of the failed start."""

    desk: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.desk, self._take, shown=Click.id).register(app, TRY_AGAIN)

    async def _take(self, click: Click) -> None:
        recording_id = click.id()
        asked = await click.asked(channel=await self.desk.service.store.card_channel(recording_id))
        accepted = await start_again(self.desk.service.intake, asked, recording_id)
        reply = replace(click.reply, replaces=click.action.get("block_id") == ANSWER)
        if reply.replaces:
            self.desk.work.start(self.desk.tell(reply, under_way(accepted, self.desk.style_for(asked))))
        self.desk.finish_later(accepted, reply)
