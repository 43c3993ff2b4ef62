"""A seat at the sandbox's page with the real bot in this process behind it, on a clock that a story can let jump."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from playwright.async_api import expect

from bot.runtime.serve import Serving
from bot.sandbox import sample_calls as busy
from bot.sandbox.feed import ChangeFeed
from bot.sandbox.process import BotProcess
from bot.sandbox.site import Site
from bot.sandbox.slack.manifest import shortcuts_of
from tests.browser.sandbox_page import SandboxPage
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.clocks.steady_sockets import steady_pool
from tests.support.scenario import GENESYS_PATIENCE, SOCKET_PING, ServingScenario, settings_for, simulators

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Mapping

    import pytest
    from playwright.async_api import Locator

LOOKS = 60
MANIFEST = Path(__file__).parents[2] / "manifest.yml"


@dataclass(frozen=True)
class House:
    """The sandbox with its page at ``address``; the bot is no child process, so that its clock can jump."""

    address: str
    scenario: ServingScenario


@dataclass(frozen=True)
class Seat(SandboxPage):
    """The page, and what goes on behind it."""

    house: House
    pictures: Path | None
    """Where pictures are kept; None: nobody wants any, so none is taken."""

    @property
    def scenario(self) -> ServingScenario:
        return self.house.scenario

    async def records(self, call: str) -> Locator:
        """Have a call recorded by command; return the card once it says so, in whatever language."""
        await self.command(f"/record start {call}")
        card = self.card(call)
        await expect(card.locator('[data-action="recording_stop"]')).to_be_visible()
        return card

    async def press(self, message: Locator, action_id: str, *, sure: bool = False) -> None:
        """Press a button by its action; ``sure`` answers the question that comes before."""
        await message.locator(f'[data-action="{action_id}"]').click()
        if sure:
            await self.confirm()

    async def later(self, shown: Locator, words: str | re.Pattern[str], *, step: float = 5.0) -> None:
        """Let the bot's time pass until the page shows ``words`` there."""
        there = shown.filter(has_text=words)
        for _ in range(LOOKS):
            # An expectation that fails describes the whole page, which takes 35 ms of the processor each time.
            with contextlib.suppress(PlaywrightTimeoutError):
                await there.wait_for(state="attached", timeout=500)
                break
            if not self.scenario.genesys_works():
                self.scenario.clock.jump(step)
        await expect(shown).to_contain_text(words)

    async def keep(self, name: str, of: Locator | None = None) -> None:
        """Take a picture of the page, or of a part of it, once everything has stopped moving."""
        if self.pictures is None:
            return
        await self.page.mouse.move(0, 0)
        file = self.pictures / f"{name}.png"
        await (of or self.page).screenshot(path=file, animations="disabled", scale="css")


@contextlib.asynccontextmanager
async def opened_house(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    changes: Mapping[str, str] | None = None,
    *,
    patience: float = GENESYS_PATIENCE,
) -> AsyncIterator[House]:
    """Open the sandbox with a bot on the database in ``directory``, which is at the newest schema.

    ``patience`` is how many seconds Genesys may take to answer.
    """
    clock, feed = AcceleratedClock(), ChangeFeed(interval=0.02)
    async with contextlib.AsyncExitStack() as stack:
        slack, genesys = await stack.enter_async_context(simulators(clock))
        slack.workspace.changes.on_change = feed.changed
        slack.shortcuts = shortcuts_of(MANIFEST.read_text())
        busy.fill(genesys)
        settings = settings_for(
            monkeypatch, slack, genesys, transport="socket", directory=directory, changes=changes or {}
        )
        serving = Serving(
            settings, clock=clock, genesys_patience=patience, genesys_pool=steady_pool(), socket_ping=SOCKET_PING
        )
        scenario = ServingScenario(slack, genesys, clock, directory / "record-bot.db", serving)
        await scenario.begin()
        site = Site(slack, genesys, _no_process(directory), feed)
        runner = web.AppRunner(site.app(), shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield House(f"http://127.0.0.1:{runner.addresses[0][1]}", scenario)
        slack.faults.switch_all_off()
        genesys.faults.switch_all_off()
        await scenario.end()
        assert slack.warnings == []  # each message has its text beside the blocks


def _no_process(directory: Path) -> BotProcess:
    """Return what the page shows in the place of a child process: the bot is ready, and can't be stopped there."""
    options: dict[str, Any] = {"environment": {}, "directory": directory, "port": 1, "transport": "socket"}
    process = BotProcess(**options, log=lambda _: None, on_change=lambda: None)
    process.state = "ready"
    return process
