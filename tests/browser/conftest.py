"""A browser, and the whole sandbox as a visitor starts it.

The tests share a browser, which takes longer to start than a test, and its process for pages. So each module runs its
tests in the session's event loop. The mark has to be in the module: if a hook adds it after the collection,
pytest-asyncio gives each test its loop factory for that test alone, and the browser ends with the test.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import ViewportSize, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.database.engine import open_engines
from bot.database.migrate import upgrade
from bot.sandbox.feed import ChangeFeed
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.process import BotProcess
from bot.sandbox.site import Site
from bot.sandbox.slack import SimulatedSlack
from tests.browser.chromium import ADVICE, find
from tests.browser.example_app import ExampleApp
from tests.browser.sandbox_page import ADA, SandboxPage
from tests.browser.seat import Seat, opened_house
from tests.support.scenario import GENESYS_PATIENCE
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, Page

    from tests.browser.seat import House

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SECONDS_TO_START = 300
SECONDS_TO_STOP = 120
PATIENCE_MS = 120_000
"""Milliseconds until a page that shows nothing new, or a browser that does nothing, counts as stuck."""
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--process-per-site", "--js-flags=--no-opt --no-maglev --no-sparkplug")
"""To draw through an emulated graphics card takes a fifth of the processor time of a visit. No page of a test lives
long enough to earn back what V8's compilers cost, another tenth."""
DESK: ViewportSize = {"width": 1440, "height": 900}
EMPTY_PAGE = "http://127.0.0.1/empty"
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find the browser; on a machine of one's own do without, in CI never."""
    found = find()
    if found is None:
        missing(f"The browser tests need Chromium: {ADVICE}")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS), timeout=PATIENCE_MS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opener(browser: Browser) -> AsyncIterator[Page]:
    """Open an empty page, and keep it open: all visits are opened from it, and so share its process.

    With ``--process-per-site``, those on other ports of 127.0.0.1 do so too.
    """
    context = await browser.new_context()
    empty = await context.new_page()
    await empty.route(EMPTY_PAGE, lambda route: route.fulfill(body="", content_type="text/html"))
    await empty.goto(EMPTY_PAGE)
    yield empty
    await context.close()


@pytest.fixture(scope="session")
def sandbox(chromium: str) -> Iterator[str]:  # noqa: ARG001  without a browser there is no need to start it
    """Run ``record-bot sandbox`` and give its address."""
    with opened_sandbox() as address:
        yield address


@contextlib.contextmanager
def opened_sandbox() -> Iterator[str]:
    """Run ``record-bot sandbox`` as a process; yield the address of its page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.clocks.steady_cli", "sandbox", "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield _address(lines)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP)
        finally:
            process.kill()
            reader.join()
            if process.stdout:
                process.stdout.close()
    assert process.returncode == 0


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    for line in process.stdout or ():
        lines.put(line.rstrip())
    lines.put(None)


def _address(lines: queue.Queue[str | None]) -> str:
    said = []
    while (line := lines.get(timeout=SECONDS_TO_START)) is not None:
        said.append(line)
        found = ADDRESS.search(line)
        if "ready" in line and found:
            return found.group()
    pytest.fail("The sandbox ended before it was ready:\n" + "\n".join(said))


@contextlib.asynccontextmanager
async def visiting(
    opener: Page,
    address: str,
    *,
    tour: bool = False,
    viewport: ViewportSize = DESK,
    color_scheme: Literal["light", "dark"] = "light",
    reduced_motion: Literal["reduce", "no-preference"] = "reduce",
) -> AsyncIterator[SandboxPage]:
    """Open the page as Ada, a supervisor; an error in the page's own code fails the test.

    ``tour``: the tour opens, as for somebody who has not closed it yet. ``reduced_motion``: what turns while the bot
    works is drawn 60 times a second, which few tests need.
    """
    async with opener.expect_popup(timeout=PATIENCE_MS) as opening:
        await opener.evaluate("() => void open('about:blank')")
    page = await opening.value
    page.set_default_timeout(PATIENCE_MS)
    await page.set_viewport_size(viewport)
    await page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
    if not tour:
        await page.add_init_script("localStorage.setItem('tour', 'closed')")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    await page.goto(address)
    visitor = SandboxPage(page)
    await visitor.act_as(ADA)
    yield visitor
    await page.evaluate("localStorage.clear()")  # another test's server may get the same port
    await page.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(opener: Page, sandbox: str) -> AsyncIterator[SandboxPage]:
    """Visit the sandbox with the real bot in it, with everything that moves there."""
    async with visiting(opener, sandbox, reduced_motion="no-preference") as visitor:
        yield visitor


@dataclass(frozen=True)
class Stage:
    """The page's server with a small app in the bot's place."""

    address: str
    slack: SimulatedSlack
    genesys: SimulatedGenesys
    app: ExampleApp


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    feed = ChangeFeed(interval=0.02)
    slack = SimulatedSlack(on_change=feed.changed, ack_timeout=60, trigger_seconds=60)
    genesys = SimulatedGenesys(on_change=feed.changed)
    bot = BotProcess(
        environment={}, directory=tmp_path, port=1, transport="socket", log=lambda _: None, on_change=feed.changed
    )
    async with contextlib.AsyncExitStack() as stack:
        for simulator in (slack, genesys):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            simulator.seed()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        app = ExampleApp(slack, AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url, session=session))
        handler = app.build()
        await handler.connect_async()  # type: ignore[no-untyped-call]
        stack.push_async_callback(handler.close_async)
        await slack.wait_for(lambda: slack.sockets.links)
        runner = web.AppRunner(Site(slack, genesys, bot, feed).app(), shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Stage(f"http://127.0.0.1:{runner.addresses[0][1]}", slack, genesys, app)


@pytest_asyncio.fixture(loop_scope="session")
async def guest(opener: Page, stage: Stage) -> AsyncIterator[SandboxPage]:
    """Visit the page with the small app behind it."""
    async with visiting(opener, stage.address) as visitor:
        yield visitor


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty database at the newest schema, for every bot of a story to begin with."""
    file = tmp_path_factory.mktemp("migrated") / "record-bot.db"
    engines = open_engines(f"sqlite+aiosqlite:///{file}")
    await upgrade(engines)
    await engines.close()
    return file


@pytest.fixture
def policy() -> str:
    """Return the policy file of the story's bot; for modules to override."""
    return ""


@pytest.fixture
def patience() -> float:
    """Seconds that Genesys may take to answer; few in a story in which it hangs."""
    return GENESYS_PATIENCE


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated: Path, policy: str, patience: float
) -> AsyncIterator[House]:
    shutil.copy(migrated, tmp_path)
    (tmp_path / "policy.toml").write_text(policy)
    async with opened_house(monkeypatch, tmp_path, patience=patience) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def seat(opener: Page, house: House) -> AsyncIterator[Seat]:
    """Sit down as Ada, a supervisor, with the real bot in this process behind the page."""
    pictures = os.environ.get("BROWSER_PICTURES")
    async with visiting(opener, house.address) as visitor:
        yield Seat(visitor.page, house, Path(pictures) if pictures else None)
