"""The tour, the situations, and what axe (the accessibility checker of Deque) finds on the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import visiting
from tests.browser.sandbox_page import ADA
from tests.support.shell import ROOT
from tests.support.skips import missing

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.conftest import Stage
    from tests.browser.sandbox_page import SandboxPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(os.environ.get("AXE", ROOT / ".axe/node_modules/axe-core/axe.min.js"))
STEPS = (
    "Choose who you are",
    "Start a recording",
    "Use the card",
    "Read the audit trail",
    "Change the calls",
    "Make it fail",
)
GRAVE = ("serious", "critical")


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe's program; `.ci/run` installs it, and on a machine of one's own the test does without."""
    if not AXE.is_file():
        missing("The accessibility test needs axe-core: npm install --prefix .axe axe-core")
    return AXE.read_text(encoding="utf-8")


async def test_the_tour_has_six_steps_and_stays_closed(opener: Page, stage: Stage) -> None:
    async with visiting(opener, stage.address, tour=True) as visitor:
        tour = visitor.page.get_by_role("dialog", name=STEPS[0])
        await expect(tour).to_be_visible()
        await visitor.command("hello")  # the page stays usable beside it
        for number, title in enumerate(STEPS, start=1):
            tour = visitor.page.get_by_role("dialog", name=title)
            await expect(tour).to_contain_text(f"Step {number} of 6")
            await expect(visitor.page.locator(".tour-target")).to_have_count(1)
            await tour.locator("[data-tour=next]").click()
        await expect(visitor.page.locator("#tour")).to_be_hidden()

        await visitor.page.reload()
        await visitor.act_as(ADA)
        await expect(visitor.page.locator("#tour")).to_be_hidden()


async def test_the_tour_by_keyboard(guest: SandboxPage) -> None:
    page = guest.page
    start = page.get_by_role("button", name="Take the tour")
    await start.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name=STEPS[0]).locator("[data-tour=next]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("dialog", name=STEPS[2]).locator("[data-tour=next]")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("dialog", name=STEPS[1])).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#tour")).to_be_hidden()
    await expect(start).to_be_focused()


async def test_at_390_pixels_the_floor_comes_first(opener: Page, stage: Stage) -> None:
    async with visiting(opener, stage.address, viewport={"width": 390, "height": 844}) as visitor:
        boxes = [await visitor.page.locator(one).bounding_box() for one in ("#floor-channel", ".side", ".world")]
        tops = [box["y"] for box in boxes if box]
        assert tops == sorted(tops)
        assert tops[0] == 0
        width = await visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390


async def test_at_390_pixels_the_tour_leaves_what_it_explains_in_view(opener: Page, stage: Stage) -> None:
    async with visiting(opener, stage.address, tour=True, viewport={"width": 390, "height": 844}) as visitor:
        for title in STEPS:
            tour = visitor.page.get_by_role("dialog", name=title)
            target = visitor.page.locator(".tour-target")
            shown, box = await target.bounding_box(), await tour.bounding_box()
            assert shown
            assert box
            above = min(box["y"], shown["y"] + shown["height"]) - max(0, shown["y"])
            assert above >= min(shown["height"], 120), title
            await tour.locator("[data-tour=next]").click()


async def test_an_agent_transfers_and_slack_delivers_twice(guest: SandboxPage, stage: Stage) -> None:
    page = guest.page
    call = await guest.new_call(agent="Priya Nair", queue="Claims")
    await guest.change_call(call, "recording", on=True)
    await expect(guest.recording_state(call)).to_have_text("Recording")  # the button takes a call that the page knows
    await page.get_by_role("button", name="Agent transfers").click()
    await expect(guest.call(call).locator(".agent")).not_to_have_text("Priya Nair")

    await page.get_by_role("button", name="Deliver twice").click()
    await expect(guest.delivery).to_contain_text("twice")
    fault = next(one for one in stage.slack.faults.snapshot() if one["name"] == "duplicate_delivery")
    assert (fault["on"], fault["remaining"]) == (True, 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing_serious(opener: Page, stage: Stage, axe: str, scheme: str, width: int) -> None:
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    async with visiting(opener, stage.address, tour=True, **options) as visitor:
        await expect(visitor.page.locator("#tour")).to_be_visible()
        await visitor.command("/record card")
        await expect(visitor.page.locator("#floor li").last).to_be_visible()
        await visitor.page.evaluate(axe)
        found = await visitor.page.evaluate("async () => (await axe.run(document)).violations")

    serious = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in GRAVE]
    assert serious == []
