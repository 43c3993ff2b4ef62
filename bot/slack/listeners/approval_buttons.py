"""The buttons about a stop that waits for a second supervisor. Every click is authorized again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks.answers import confirming, taken_back
from bot.slack.blocks.card import CONFIRM_STOP, WITHDRAW_STOP
from bot.slack.listeners.buttons import Click, Clicks

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

    from bot.slack.listeners.context import ListenerContext


@dataclass(frozen=True, slots=True)
class ApprovalButtons:
    """Handles clicks on Confirm and Withdraw, on any message."""

    desk: ListenerContext

    def register(self, app: AsyncApp) -> None:
        Clicks(self.desk, self._confirm).register(app, CONFIRM_STOP)
        Clicks(self.desk, self._withdraw).register(app, WITHDRAW_STOP)

    async def _confirm(self, click: Click) -> None:
        asked = await click.asked()
        accepted = await self.desk.service.intake.confirm(asked, click.id())
        self.desk.finish_later(accepted, click.reply)
        click.tell(confirming(accepted, self.desk.style_for(asked)))

    async def _withdraw(self, click: Click) -> None:
        asked = await click.asked()
        withdrawn = await self.desk.service.intake.withdraw(asked, click.id())
        click.tell(taken_back(withdrawn, self.desk.style_for(asked)))
