"""A recording from the typed command to the stop, as the frames of an animated GIF."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from playwright.async_api import expect

from tests.browser.sandbox_page import RUNS, STOPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.async_api import Locator

    from tests.browser.sandbox_page import SandboxPage

COLORS = 256
"""Of each frame: as many as a GIF holds. The dialog's shadow alone has more, so it is left out."""
FLAT = """() => {
  const flat = new CSSStyleSheet();
  flat.replaceSync("dialog { box-shadow: none !important; }");
  document.adoptedStyleSheets = [flat];
}"""
LIST_MS = 20_000
TYPED_AT_ONCE = 6
"""Characters of the command in each frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    image: Image.Image
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Camera:
    """Takes frames of the two channels."""

    visitor: SandboxPage
    frames: list[Frame]

    async def take(self, milliseconds: int) -> None:
        shown = await self.visitor.page.locator(".channels").bounding_box()
        assert shown is not None
        taken = await self.visitor.page.screenshot(
            clip={"x": shown["x"], "y": shown["y"], "width": shown["width"], "height": shown["height"]},
            animations="disabled",
            caret="hide",
            scale="css",
        )
        self.frames.append(Frame(Image.open(io.BytesIO(taken)).convert("RGB"), milliseconds))

    async def click(self, button: Locator, milliseconds: int = 900) -> None:
        """Point at a button, and then click it."""
        await button.hover()
        await self.take(milliseconds)
        await button.click()


async def film(visitor: SandboxPage, call: str) -> list[Frame]:
    """Record a call and stop it, and take a frame of everything that a supervisor sees on the way.

    Genesys takes its time, so that there is something to see before the card.
    """
    camera = Camera(visitor, [])
    await learn_names(visitor)
    await visitor.post("/api/faults/genesys/slow", on=True, value=1)
    await visitor.page.evaluate(FLAT)
    await visitor.page.mouse.move(0, 0)
    await camera.take(1000)

    command, line = f"/record start {call} complaint", visitor.line
    for typed in range(TYPED_AT_ONCE, len(command) + TYPED_AT_ONCE, TYPED_AT_ONCE):
        await line.fill(command[:typed])
        await camera.take(120)
    await camera.take(700)
    await line.press("Enter")
    await expect(visitor.only_for_me).to_contain_text("Starting")
    await camera.take(1500)
    card, lines = visitor.card(call), visitor.audit_lines(call)
    await expect(card).to_contain_text(RUNS)
    await expect(lines.filter(has_text="started recording")).to_have_count(1)
    await camera.take(2800)

    await camera.click(card.locator('[data-action="recording_stop"]'))
    question = visitor.page.locator("dialog.confirm[open]")
    await expect(question).to_contain_text("Stop recording")
    await camera.take(1800)
    await camera.click(question.locator('[value="confirm"]'))
    await visitor.page.mouse.move(0, 0)
    await expect(card).to_contain_text("Stopping")
    await camera.take(900)
    await expect(card).to_contain_text(STOPPED)
    await expect(lines.filter(has_text="stopped recording")).to_have_count(1)
    await camera.take(4000)
    await visitor.post("/api/faults/genesys/slow", on=False)
    return camera.frames


async def learn_names(visitor: SandboxPage) -> None:
    """Let the bot learn the names of agents and queues, as it has on a floor where it runs for longer.

    On a busy machine its first list may come too late for Slack. The bot has learned the names nevertheless.
    """
    await visitor.command("/record start")
    await visitor.form.search("Live call", "")
    with contextlib.suppress(AssertionError):
        await expect(visitor.form.offers().first).to_be_visible(timeout=LIST_MS)
    await visitor.form.close()
    await visitor.form.close()
    await expect(visitor.form.dialog).to_be_hidden()


def save(frames: Sequence[Frame], file: Path) -> None:
    """Write the frames as a GIF that repeats. Each frame holds only what changed."""
    images = [one.image.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE) for one in frames]
    images[0].save(
        file,
        save_all=True,
        append_images=images[1:],
        duration=[one.milliseconds for one in frames],
        loop=0,
        optimize=True,
        disposal=1,
    )
