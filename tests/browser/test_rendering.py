"""The page's own code, without a bot: mrkdwn, Block Kit, and that nothing becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from bot.sandbox.site import PAGE, TYPES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RENDER = """
async ({ module, call, argument }) => {
  const names = { person: (id) => ({ U0ADA: "Ada Byron" })[id], channel: (id) => ({ C0FLOOR: "floor" })[id] };
  const { mrkdwn } = await import("/mrkdwn.js");
  const { renderBlocks } = await import("/blocks.js");
  const place = document.createElement("div");
  if (call === "mrkdwn") place.append(...mrkdwn(argument, names));
  else place.append(renderBlocks(argument, { names }));
  return place.innerHTML;
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Open an empty page beside the real modules."""

    async def file(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name in {"", "favicon.ico"}:
            return web.Response(text="<!doctype html><title>empty</title>", content_type="text/html")
        path = PAGE / name
        return web.Response(text=path.read_text(), content_type=TYPES[path.suffix])

    app = web.Application()
    app.router.add_get("/{name:.*}", file)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    context = await browser.new_context(timezone_id="Europe/Berlin")
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield page
    await context.close()
    await runner.cleanup()


async def render(page: Page, call: str, argument: Any) -> str:
    markup: str = await page.evaluate(RENDER, {"call": call, "argument": argument})
    return markup


SHOWN = (
    ("plain", "plain"),
    ("*bold* and _italic_ and ~gone~", "<strong>bold</strong> and <em>italic</em> and <s>gone</s>"),
    ("*bold _and italic_*", "<strong>bold <em>and italic</em></strong>"),
    ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
    ("`*code*`", "<code>*code*</code>"),
    ("``` open", "``` open"),
    ("```\n&lt;b&gt; *x*\n```", "<pre>&lt;b&gt; *x*</pre>"),
    ("&gt; said\n&gt; twice\nafter", "<blockquote>said<br>twice</blockquote>after"),
    ("<https://example.org/?a=1&amp;b=2|here>", "here</a>"),
    ("<javascript:alert(1)|here>", "here"),
    ("<@U0ADA> in <#C0FLOOR>", "@Ada Byron"),
    ("<@U0NOBODY|nobody>", "@nobody"),
    ("&lt;img src=x onerror=alert(1)&gt;", "&lt;img src=x onerror=alert(1)&gt;"),
    ("&amp;lt;", "&amp;lt;"),
    (":red_circle: :no_such_sign:", "🔴 :no_such_sign:"),
    ("<!date^1700000000^{date_num} {time_secs}|then>", "2023-11-14 23:13:20"),
    ("<!date^nonsense^{time}|then>", "then"),
)


async def test_mrkdwn(page: Page) -> None:
    for text, markup in SHOWN:
        rendered = await render(page, "mrkdwn", text)
        assert markup in rendered, text
        assert "javascript:" not in rendered


async def test_a_day_later_today_is_yesterday(page: Page) -> None:
    await page.clock.set_fixed_time(NOON)
    text = f"<!date^{int(NOON.timestamp())}^{{date_short_pretty}}|then>"
    assert ">Today</time>" in await render(page, "mrkdwn", text)
    await page.evaluate('async () => (await import("/dom.js")).setAhead(86_400)')
    assert ">Yesterday</time>" in await render(page, "mrkdwn", text)


CHART = """
async (block) => {
  const { renderBlocks } = await import("/blocks.js");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await (await fetch("/page.css")).text());
  document.adoptedStyleSheets = [sheet];
  const place = document.createElement("div");
  place.style.width = "320px";
  place.style.position = "relative"; // as a message is
  place.append(renderBlocks([block], { names: {} }));
  document.body.replaceChildren(place);
  return place.scrollWidth;
}
"""


async def test_a_chart_of_many_groups_stays_in_a_narrow_channel(page: Page) -> None:
    labels = [f"{hour:02}\N{EN DASH}{hour + 2:02}" for hour in range(0, 24, 2)]
    points = [{"label": label, "value": number} for number, label in enumerate(labels)]
    chart = {"type": "bar", "series": [{"name": "started", "data": points}], "axis_config": {"categories": labels}}
    assert await page.evaluate(CHART, {"type": "data_visualization", "title": "Hours", "chart": chart}) <= 320
    shown = [await label.is_visible() for label in await page.locator(".kit-label").all()]
    assert shown == [True, False] * 6


async def test_a_script_in_any_text_stays_text(page: Page) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    text = {"type": "mrkdwn", "text": evil}
    plain = {"type": "plain_text", "text": evil}
    blocks = [
        {"type": "section", "text": text, "fields": [text, plain]},
        {"type": "header", "text": plain},
        {"type": "context", "elements": [text, plain]},
        {"type": "actions", "elements": [{"type": "button", "text": plain, "action_id": evil}]},
        {"type": evil},
    ]
    rendered = await render(page, "blocks", blocks)
    assert "<script" not in rendered
    assert "<img" not in rendered


async def test_buttons_keep_their_style_and_action(page: Page) -> None:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Stop"},
        "action_id": "recording_stop",
        "style": "danger",
    }
    rendered = await render(page, "blocks", [{"type": "actions", "elements": [button]}])
    assert 'class="kit-button danger"' in rendered
    assert 'data-action="recording_stop"' in rendered


MODAL = """
async () => {
  const { Modal } = await import("/modal.js");
  const text = (words) => ({ type: "plain_text", text: words });
  window.done = [];
  const modal = new Modal({
    submit: async (values) => window.done.push(["submit", values]),
    close: () => window.done.push(["close"]),
    search: async (view, element, typed) => [
      { text: text("Priya Nair"), value: "priya" }, { text: text("Tom Becker"), value: "tom" },
    ].filter((one) => one.value.startsWith(typed)),
    act: () => {},
  }, {});
  const view = {
    id: "V1", hash: "1", errors: {}, title: text("Record a call"), submit: text("Start"), close: text("Cancel"),
    blocks: [
      { type: "input", block_id: "call", label: text("Live call"),
        element: { type: "external_select", action_id: "call", min_query_length: 0 } },
      { type: "input", block_id: "why", label: text("Reason"), optional: true,
        element: { type: "plain_text_input", action_id: "why" } },
    ],
  };
  window.show = (change) => modal.show(change && { ...view, ...change });
  window.show({});
}
"""


async def test_a_modal_is_filled_in_corrected_and_closed(page: Page) -> None:
    await page.evaluate(MODAL)
    dialog = page.get_by_role("dialog", name="Record a call")
    line = dialog.get_by_role("combobox", name="Live call")
    await line.fill("to")
    await expect(dialog.get_by_role("option")).to_have_text(["Tom Becker"])
    await dialog.get_by_label("Reason").fill("complaint")
    await page.evaluate("show({ errors: { call: 'Please complete this required field.' } })")
    await expect(dialog.get_by_role("alert")).to_have_text("Please complete this required field.")
    await expect(dialog.get_by_label("Reason")).to_have_value("complaint")

    await line.fill("to")
    await dialog.get_by_role("option", name="Tom Becker").click()
    await dialog.get_by_role("button", name="Start").click()
    await page.keyboard.press("Escape")
    assert await page.evaluate("done") == [
        ["submit", {"call": {"call": "tom"}, "why": {"why": "complaint"}}],
        ["close"],
    ]
    await expect(dialog).to_be_visible()
    await page.evaluate("show(null)")
    await expect(dialog).to_be_hidden()
