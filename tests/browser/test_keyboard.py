"""The page for every hand and eye: no mouse, names and roles, contrast, small windows, no movement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from playwright.async_api import expect

from tests.browser.conftest import visiting

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, ViewportSize

    from tests.browser.conftest import Stage
    from tests.browser.sandbox_page import SandboxPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 400
SMALLEST_TEXT_CONTRAST = 4.5

UNNAMED = """
() => [...document.querySelectorAll("button, a[href], input:not([type=hidden]), select, textarea, [role]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !["presentation", "status", "alert", "log"].includes(one.getAttribute("role")))
  .filter((one) => {
    const by = one.getAttribute("aria-labelledby")?.split(" ")
      .map((id) => document.getElementById(id)?.textContent).join("");
    const labels = [...(one.labels ?? [])].map((label) => label.textContent).join("");
    return ![one.getAttribute("aria-label"), by, labels, one.textContent, one.title].some((name) => name?.trim());
  })
  .map((one) => one.outerHTML.slice(0, 160))
"""

# WCAG 2.1, contrast of text against the nearest ground that is painted; what is disabled needs none.
TOO_FAINT = """
(least) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((part, index) => part * top[3] + under[index] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const linear = (part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim().slice(0, 40);
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(":disabled, .unseen, option, script, [hidden]")) continue;
    let opacity = 1;
    for (let one = element; one; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
    const under = ground(element);
    const ink = parse(getComputedStyle(element).color);
    const [one, other] = [light(over([...ink.slice(0, 3), ink[3] * opacity], under)), light(under)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < least) found.add(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${text}`);
  }
  return [...found];
}
"""


async def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until ``wanted`` has the focus."""
    for _ in range(MANY):
        if await wanted.evaluate("(one) => one === document.activeElement"):
            return
        await page.keyboard.press("Shift+Tab" if back else "Tab")
    pytest.fail(f"Tab does not lead to {wanted}")


async def test_tab_leads_through_the_whole_page_and_out(guest: SandboxPage) -> None:
    page = guest.page
    await guest.command("/record hello")
    await expect(guest.only_for_me).to_be_visible()
    await page.locator(".skip").focus()
    seen = ["skip"]
    for _ in range(MANY):
        await page.keyboard.press("Tab")
        where, ring = await page.evaluate(
            """() => {
              const one = document.activeElement;
              if (one === document.body) return ["", true];
              const style = getComputedStyle(one), box = getComputedStyle(one.closest(".composer-box") ?? one);
              return [one.id || one.dataset.focus || one.className || one.tagName,
                      style.outlineStyle !== "none" || box.boxShadow !== "none"];
            }"""
        )
        if not where:
            break
        assert ring, f"{where} does not show that it has the focus"
        seen.append(where)
    else:
        pytest.fail("Tab never leaves the page")
    order = [
        next(place for place, one in enumerate(seen) if name in one)
        for name in ("skip", "radio", "language", "tab", "change", "bolt", "command", "new-call", "faults-tab")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_has_a_name_and_enough_contrast(
    opener: Page, stage: Stage, scheme: Literal["light", "dark"]
) -> None:
    async with visiting(opener, stage.address, color_scheme=scheme) as guest:
        await guest.says("Look at <https://apps.example.org/x> `code` please")
        await guest.command("/record hello")
        await guest.only_for_me.get_by_role("button", name="Write to me").click()
        await expect(guest.direct_tab).to_contain_text("new")
        await _is_well_made(guest.page)
        await guest.shortcut("Everything")
        await guest.form.submit()
        await expect(guest.form.errors.first).to_be_visible()
        await guest.form.search("Agent", "")
        await expect(guest.form.offers()).to_have_count(4)
        await _is_well_made(guest.page)
        await guest.form.close()
        await guest.form.close()
        await expect(guest.form.dialog).to_be_hidden()
        await guest.open_home()
        await _is_well_made(guest.page)


async def _is_well_made(page: Page) -> None:
    assert await page.evaluate(UNNAMED) == []
    assert await page.evaluate(TOO_FAINT, SMALLEST_TEXT_CONTRAST) == []
    ids: list[str] = await page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "size", [{"width": 360, "height": 740}, {"width": 720, "height": 450}], ids=["telephone", "200 %"]
)
async def test_a_small_window_shows_everything_without_scrolling_sideways(
    opener: Page, stage: Stage, size: ViewportSize
) -> None:
    async with visiting(opener, stage.address, viewport=size) as guest:
        await guest.command(f"/record {'long' * 40}")
        await expect(guest.only_for_me).to_be_visible()
        await _fits(guest.page)
        await guest.shortcut("Everything")
        await guest.form.pick("Agent", "Priya")
        await guest.form.tick("Large")
        await _fits(guest.page)
        await guest.form.submit()
        await expect(guest.form.dialog).to_be_hidden()
        home = await guest.open_home()
        await home.get_by_role("button", name="Again").click()
        await expect(home).to_contain_text("Published 2 times")
        await _fits(guest.page)


async def _fits(page: Page) -> None:
    width, wanted = await page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert wanted <= width


async def test_nothing_moves_for_those_who_want_it_still(opener: Page, stage: Stage) -> None:
    async with visiting(opener, stage.address) as guest:
        moving = await guest.page.evaluate(
            """[...document.querySelectorAll("*")].filter((one) => {
              const style = getComputedStyle(one);
              return style.animationName !== "none" || style.transitionDuration !== "0s";
            }).length"""
        )
        assert moving == 0
