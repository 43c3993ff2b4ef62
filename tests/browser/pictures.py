"""Take the pictures in the documents again: ``make pictures``, or ``python -m tests.browser.pictures DIRECTORY``.

It starts a sandbox for the pictures and another one for the animation. Size, colors, language, and time zone are
always the same. Times, ids, and hashes differ from run to run, since the bot is the real one.
"""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from playwright.async_api import async_playwright, expect

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.browser.animation import film, learn_names, save
from tests.browser.chromium import find
from tests.browser.conftest import opened_sandbox, visiting
from tests.browser.sandbox_page import ADA, GRACE, MALLORY, RUNS, STOPPED, SandboxPage

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

COLORS = 256
"""As many as a PNG with a palette holds; it takes half of the space."""
LOOK: dict[str, Any] = {"locale": "en-US", "timezone_id": "UTC"}
FONTS = ("Noto Color Emoji", "Liberation Sans", "Liberation Mono")
FONTS_MISSING = (
    f"The pictures need the fonts {', '.join(FONTS)}: apt-get install fonts-noto-color-emoji fonts-liberation"
)


async def keep(directory: Path, name: str, what: SandboxPage | Locator) -> None:
    """Save what is to be seen as a small PNG."""
    shown = what.page if isinstance(what, SandboxPage) else what
    taken = Image.open(io.BytesIO(await shown.screenshot(animations="disabled")))
    taken.convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        directory / f"{name}.png", optimize=True
    )


async def take(visitor: SandboxPage, directory: Path) -> None:
    """Act a short story, and take a picture where a document has one."""
    await learn_names(visitor)
    await visitor.command("/record start")
    form = visitor.form
    await form.pick("Live call", "priya", "Billing")
    await form.pick("Reason", "", "Complaint")
    await form.fill("Note", "Third call about the same invoice")
    await form.submit()
    card = visitor.card(INBOUND)
    await expect(card).to_contain_text(RUNS)
    await visitor.act_as(MALLORY)
    await visitor.command(f"/record start {OUTBOUND}")
    await expect(visitor.audit_lines(OUTBOUND)).to_contain_text("Denied")
    await visitor.act_as(ADA)
    await visitor.page.mouse.move(0, 0)
    await keep(directory, "sandbox", visitor)

    await visitor.command("/record start")
    await form.pick("Reason", "", "Quality check")
    await form.search("Live call", "billing")
    await expect(form.offers()).to_have_count(3)
    await expect(form.offers().filter(has_text="Priya Nair")).to_contain_text("min · recorded")
    await visitor.page.mouse.move(0, 0)
    await keep(directory, "start", form.dialog)
    await form.close()
    await form.close()

    await card.locator('[data-action="recording_pause"]').click()
    await expect(card).to_contain_text("Paused since")
    await visitor.act_as(GRACE)
    await visitor.command(f"/record start {POLICY_RECORDED} training")
    await expect(visitor.card(POLICY_RECORDED)).to_contain_text("Taken over")
    await visitor.act_as(ADA)
    await visitor.command(f"/record start {OUTBOUND} quality")
    stopped = visitor.card(OUTBOUND)
    await stopped.locator('[data-action="recording_stop"]').click()
    await visitor.confirm()
    await expect(stopped).to_contain_text(STOPPED)
    home = await visitor.open_home()
    await expect(home).to_contain_text("Active recordings (2)")
    await visitor.page.set_viewport_size({"width": 1440, "height": 800})
    await keep(directory, "home", home)


async def main(directory: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find(),
            args=["--no-sandbox", "--font-render-hinting=none", "--disable-lcd-text"],
        )
        opener = await browser.new_page(**LOOK)
        await _pictures(opener, directory)
        await _animation(opener, directory)
        await browser.close()


async def _pictures(opener: Page, directory: Path) -> None:
    with opened_sandbox() as address:
        async with visiting(opener, address, viewport={"width": 1440, "height": 960}) as visitor:
            await take(visitor, directory)


async def _animation(opener: Page, directory: Path) -> None:
    with opened_sandbox() as address:
        async with visiting(opener, address, viewport={"width": 1400, "height": 640}) as visitor:
            save(await film(visitor, INBOUND), directory / "recording.gif")


if __name__ == "__main__":
    fonts = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True, check=True).stdout
    if not all(font in fonts for font in FONTS):
        sys.exit(FONTS_MISSING)
    asyncio.run(main(Path(sys.argv[1])))
