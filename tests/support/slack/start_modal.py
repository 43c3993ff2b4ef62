"""A person at the start modal: opens it, looks calls up, chooses, types and submits, as Slack's client lets them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.scenario import ADA, FLOOR, PATIENCE, ServingScenario

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage
    from bot.sandbox.slack.events.delivery import DeliveryResult
    from bot.sandbox.slack.state.open_views import SimulatedView


@dataclass
class AtTheModal:
    """``interactions`` counts what the person chose, typed or pressed after the modal was open."""

    scenario: ServingScenario
    user: str = ADA
    interactions: int = 0

    @property
    def view(self) -> SimulatedView:
        return self.scenario.slack.views.on_top(self.user)

    @property
    def open(self) -> bool:
        return bool(self.scenario.slack.views.modals.get(self.user))

    @property
    def blocks(self) -> list[str]:
        return [block["block_id"] for block in self.view.body["blocks"]]

    def says(self, block_id: str) -> str:
        """Return the text of a section of the modal; empty where there is none."""
        found = [block for block in self.view.body["blocks"] if block["block_id"] == block_id]
        return str(found[0]["text"]["text"]) if found else ""

    async def opens(self, callback_id: str = "recording_start", message: SimulatedMessage | None = None) -> AtTheModal:
        """Open it by a shortcut: the global one, or a message's."""
        where = {} if message is None else {"channel_id": message.channel, "message_ts": message.ts}
        result = await self.scenario.slack.shortcut(self.user, callback_id, **where)
        assert result.acked, result.error
        await self.scenario.until(lambda: self.open)
        return self

    async def types_start(self, channel: str = FLOOR) -> AtTheModal:
        """Open it by ``/record start``."""
        result = await self.scenario.slack.command(self.user, channel, "start")
        assert result.acked, result.error
        assert result.body is None, result.body
        await self.scenario.until(lambda: self.open)
        return self

    async def looks_up(self, typed: str = "") -> list[str]:
        """Type into the list of live calls, and return what it shows."""
        result = await self.scenario.slack.options(self.user, "call", typed)
        assert result.acked, result.error
        assert result.error is None, self.scenario.slack.warnings
        return [option["text"]["text"] for option in self.view.offered["call"]]

    async def chooses_call(self, call: str, typed: str = "", *, field: str = "call") -> None:
        if field == "call":
            await self.looks_up(typed)
        self.interactions += 1
        result = await self.scenario.slack.act_in_view(self.user, field, call)
        assert result.acked, result.error

    def fills(self, **values: str | None) -> None:
        """Choose or type in fields of which the bot hears with the submission only."""
        self.interactions += len(values)
        self.view.fill(dict(values))

    async def looks_until(self, label: str) -> None:
        """Look until the list shows a call like this, and close the modal: from then on the bot knows those names.

        It looks up a queue's name after a start, so what it writes meanwhile may be without it.
        """
        await self.opens()
        async with asyncio.timeout(PATIENCE):
            while not any(one.startswith(label) for one in await self.looks_up()):
                pass
        await self.scenario.slack.close_view(self.user)

    async def submits(self) -> DeliveryResult | None:
        """Press the button; None where Slack's own client holds it back."""
        self.interactions += 1
        result = await self.scenario.slack.submit_view(self.user)
        assert self.scenario.slack.warnings == []
        return result
