"""A browser, and the whole sandbox as a visitor starts it."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.sandbox_page import ADA, SandboxPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SECONDS_TO_START = 90
SECONDS_TO_STOP = 30
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find the browser; on a machine of one's own do without, in CI never."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    sentence = "The browser tests need Chromium: apt-get install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def sandbox(chromium: str) -> Iterator[str]:  # noqa: ARG001  without a browser there is no need to start it
    """Run ``record-bot sandbox`` and give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "sandbox", "--port", "0"],
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


@pytest.fixture
async def visitor(browser: Browser, sandbox: str) -> AsyncIterator[SandboxPage]:
    """Open the page as Ada, a supervisor; an error in the page's own code fails the test."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, base_url=sandbox)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    await page.goto("/")
    visitor = SandboxPage(page)
    await visitor.act_as(ADA)
    yield visitor
    await context.close()
    assert errors == []
