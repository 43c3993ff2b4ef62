"""The sandbox's page, in the words of somebody who uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

ADA, MALLORY, COMPLIANCE = "U0ADA", "U0MALLORY", "U0COMPL"


@dataclass(frozen=True)
class SandboxPage:
    """What a visitor can do and see."""

    page: Page

    async def act_as(self, user_id: str) -> None:
        await self.page.locator(f'input[name="person"][value="{user_id}"]').check()

    async def command(self, text: str) -> None:
        """Type a command and send it, with the keyboard."""
        line = self.page.get_by_label("Type a command")
        await line.fill(text)
        await line.press("Enter")

    async def new_call(self) -> str:
        """Let a call come in; return its conversation id."""
        answer = await self.page.request.post("/api/calls", data={"agent": "Priya Nair", "queue": "Billing"})
        assert answer.ok
        conversation_id: str = (await answer.json())["conversation_id"]
        await expect(self.call(conversation_id)).to_be_visible()
        return conversation_id

    async def switch_on(self, system: str, name: str, *, value: float | None = None) -> None:
        """Throw a switch until it is switched off."""
        await self.page.locator(f"#faults-tab-{system}").click()
        row = self.page.locator(f'#faults-{system} li[data-key="{name}"]')
        await row.locator('select[aria-label^="How often"]').select_option("")
        if value is not None:
            await row.locator('input[type="number"]').fill(str(value))
        await row.locator(".switch").check()
        await expect(row).to_have_class(re.compile(r"\bon\b"))

    async def switch_off(self, system: str, name: str) -> None:
        await self.page.locator(f"#faults-tab-{system}").click()
        await self.page.locator(f'#faults-{system} li[data-key="{name}"] .switch').uncheck()

    def call(self, conversation_id: str) -> Locator:
        return self.page.locator(f'.call[data-id="{conversation_id}"]')

    def recording_state(self, conversation_id: str) -> Locator:
        """What Genesys says of the call, as the list of calls shows it."""
        return self.call(conversation_id).locator(".call-states .state")

    def card(self, conversation_id: str) -> Locator:
        cards = self.page.locator('#floor li[data-kind="recording_card"]')
        return cards.filter(has_text=conversation_id[:8]).last

    def audit_lines(self, conversation_id: str) -> Locator:
        return self.page.locator("#audit li").filter(has_text=conversation_id[:8])

    @property
    def only_for_me(self) -> Locator:
        return self.page.locator("#floor li.ephemeral").last

    @property
    def bot_state(self) -> Locator:
        return self.page.locator("#bot .bot-state")
