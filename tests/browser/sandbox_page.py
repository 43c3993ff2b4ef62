"""The sandbox's page, in the words of somebody who uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from playwright.async_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import APIResponse, Locator, Page

ADA, GRACE, HEIDI, MALLORY, COMPLIANCE = "U0ADA", "U0GRACE", "U0HEIDI", "U0MALLORY", "U0COMPL"
RUNS = re.compile(r"Recording · .*Since .+ · started by @", re.DOTALL)
"""What the card of a recording says while the call is being recorded, and then what it says after a stop."""
STOPPED = re.compile(r"Stopped · .*Stopped .+ by .+ after \d", re.DOTALL)


@dataclass(frozen=True)
class Form:
    """The modal that is open in front of the person who is typing."""

    page: Page

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog.modal[open]")

    @property
    def title(self) -> Locator:
        return self.dialog.locator("#modal-title")

    @property
    def errors(self) -> Locator:
        return self.dialog.locator(".error")

    def field(self, label: str) -> Locator:
        """Return the input block with this label, with its hint and its error."""
        return self.dialog.locator(".input").filter(has=self.page.get_by_text(label, exact=True))

    def offers(self) -> Locator:
        """Return the options of the list that is open."""
        return self.dialog.get_by_role("option")

    async def search(self, label: str, typed: str) -> None:
        """Open a select and type into it; the list stays open."""
        line = self.dialog.get_by_role("combobox", name=label)
        await line.click()
        await line.fill(typed)

    async def pick(self, label: str, typed: str, option: str | None = None) -> None:
        """Choose in a static or external select: search for ``typed``, take what contains ``option``."""
        await self.search(label, typed)
        await self.offers().filter(has_text=option or typed).first.click()

    async def fill(self, label: str, words: str) -> None:
        await self.dialog.get_by_label(label).fill(words)

    async def tick(self, option: str) -> None:
        """Choose a radio button or a checkbox by its words."""
        await self.dialog.get_by_label(option, exact=True).check()

    async def press(self, words: str) -> None:
        await self.dialog.get_by_role("button", name=words, exact=True).click()

    async def submit(self) -> None:
        await self.dialog.locator('[data-focus="submit"]').click()

    async def close(self) -> None:
        await self.page.keyboard.press("Escape")


@dataclass(frozen=True)
class SandboxPage:
    """What a visitor can do and see."""

    page: Page

    async def act_as(self, user_id: str) -> None:
        await self.page.locator(f'input[name="person"][value="{user_id}"]').check()

    async def speak(self, locale: str) -> None:
        """Change Slack's language for the person who is typing: en-US or de-DE."""
        await self.page.locator("#language").select_option(locale)

    @property
    def line(self) -> Locator:
        """The line that commands are typed in."""
        return self.page.get_by_label("Type a command")

    async def command(self, text: str) -> None:
        """Type a command and send it, with the keyboard."""
        await self.line.fill(text)
        await self.line.press("Enter")

    async def says(self, text: str) -> Locator:
        """Write a message that is no command; return it as it stands in the channel."""
        await self.command(text)
        message = self.page.locator("#floor li").filter(has_text=text).last
        await expect(message).to_be_visible()
        return message

    # Shortcuts, forms, home, direct messages

    async def shortcut(self, name: str) -> None:
        """Use a global shortcut by its name in the manifest."""
        await self.page.get_by_role("button", name="Shortcuts", exact=True).click()
        await self.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(name)}")).click()

    async def message_shortcut(self, message: Locator, name: str) -> None:
        """Use a message shortcut on a message of a channel."""
        await message.hover()
        await message.get_by_role("button", name=re.compile("^Shortcuts for the message")).click()
        await self.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(name)}")).click()

    @property
    def form(self) -> Form:
        return Form(self.page)

    async def open_home(self) -> Locator:
        """Open the bot's home tab; return it once the bot has published it."""
        await self.page.locator('#tabs [data-place="home"]').click()
        await expect(self.home.locator(".home-view")).to_be_visible()
        return self.home

    @property
    def home(self) -> Locator:
        return self.page.locator("#home")

    async def open_floor(self) -> None:
        await self.page.locator('#tabs [data-place="C0FLOOR"]').click()

    @property
    def direct_tab(self) -> Locator:
        """The tab of the person's direct messages with the bot; says how many are new."""
        return self.page.locator('#tabs [data-kind="im"]')

    async def dms(self) -> Locator:
        """Open the person's direct messages with the bot; return the messages."""
        await self.direct_tab.click()
        return self.page.locator("#floor li")

    async def newest_dm(self) -> Locator:
        """Open the direct messages; return the newest one, which stays the same one when others arrive after it."""
        return await self.same((await self.dms()).last)

    async def same(self, message: Locator) -> Locator:
        """Return this message, whatever it says later and whichever messages arrive."""
        return self.page.locator(f'#floor li[data-ts="{await message.get_attribute("data-ts")}"]')

    async def confirm(self, *, yes: bool = True) -> None:
        """Answer the question that a button asks before it does something."""
        question = self.page.locator("dialog.confirm[open]")
        await question.locator(f'[value="{"confirm" if yes else "deny"}"]').click()

    # The simulated world

    async def post(self, path: str, **body: Any) -> APIResponse:
        """Send to the page's server what has no button, or would take many clicks."""
        answer = await self.page.request.post(urljoin(self.page.url, path), data=body)
        assert answer.ok, await answer.text()
        return answer

    async def new_call(self, **described: Any) -> str:
        """Let a call come in (agent, queue, direction); return its conversation id."""
        answer = await self.post("/api/calls", **({"agent": "Priya Nair", "queue": "Billing"} | described))
        conversation_id: str = (await answer.json())["conversation_id"]
        await expect(self.call(conversation_id)).to_be_visible()
        return conversation_id

    async def change_call(self, conversation_id: str, what: str, **body: Any) -> None:
        """Let something happen outside the bot.

        ``what`` is hang_up, hold, unhold, secure_pause, resume, recording (with ``on``), join (with ``agent``), policy,
        snippet (with ``on``), transfer, consult (with ``agent``), answer, complete or cancel.
        """
        await self.post(f"/api/calls/{conversation_id}/{what}", **body)

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

    # What is to be seen

    def card(self, conversation_id: str) -> Locator:
        cards = self.page.locator('#floor li[data-kind="recording_card"]')
        return cards.filter(has_text=conversation_id[:8]).last

    def audit_lines(self, conversation_id: str) -> Locator:
        return self.page.locator("#audit li").filter(has_text=conversation_id[:8])

    @property
    def only_for_me(self) -> Locator:
        return self.page.locator("#floor li.ephemeral").last

    @property
    def delivery(self) -> Locator:
        """How the last delivery to the bot ended."""
        return self.page.locator("#delivery")

    @property
    def bot_state(self) -> Locator:
        return self.page.locator("#bot .bot-state")

    async def picture(self, path: Path) -> None:
        await self.page.screenshot(path=path)
