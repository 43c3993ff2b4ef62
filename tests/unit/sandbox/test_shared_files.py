"""What the bot has uploaded, on the sandbox's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.feed import ChangeFeed
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.process import BotProcess
from bot.sandbox.site import Site
from bot.sandbox.slack import SimulatedSlack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    slack = SimulatedSlack()
    await slack.start()
    slack.seed()
    yield slack
    await slack.stop()


@pytest.fixture
async def address(slack: SimulatedSlack, tmp_path: Path) -> AsyncIterator[str]:
    bot = BotProcess(
        environment={}, directory=tmp_path, port=1, transport="socket", log=lambda _: None, on_change=lambda: None
    )
    runner = web.AppRunner(Site(slack, SimulatedGenesys(), bot, ChangeFeed()).app(), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def uploaded(slack: SimulatedSlack, name: str, content: bytes, channel: str | None = "C0AUDIT") -> str:
    client = AsyncWebClient("xoxb-sandbox", base_url=slack.api_url)
    answer = await client.files_upload_v2(filename=name, content=content, channel=channel, alt_txt="A chart")
    return str(answer["files"][0]["id"])


async def got(url: str) -> tuple[int, str, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        headers = answer.headers
        return answer.status, headers["Content-Type"], headers.get("Content-Disposition", ""), await answer.read()


async def test_a_picture_is_shown_with_its_words(slack: SimulatedSlack, address: str) -> None:
    file = await uploaded(slack, "chart.png", PNG)
    assert await got(f"{address}/api/files/{file}") == (200, "image/png", 'inline; filename="chart.png"', PNG)
    assert slack.messages("C0AUDIT")[0].files[0]["alt_txt"] == "A chart"


async def test_anything_else_is_saved_and_never_run(slack: SimulatedSlack, address: str) -> None:
    page = b"<script>alert(1)</script>"
    file = await uploaded(slack, 'a "b"\r\nX: y.html', page)
    status, kind, how, content = await got(f"{address}/api/files/{file}")
    assert (status, kind.partition(";")[0], content) == (200, "text/plain", page)
    assert how == 'attachment; filename="a__b___X__y.html"'


async def test_what_was_not_shared_is_not_there(slack: SimulatedSlack, address: str) -> None:
    file = await uploaded(slack, "chart.png", PNG, channel=None)
    assert (await got(f"{address}/api/files/{file}"))[0] == 404
    assert (await got(f"{address}/api/files/F0NONE"))[0] == 404


async def test_words_for_a_picture_have_a_limit(slack: SimulatedSlack) -> None:
    client = AsyncWebClient("xoxb-sandbox", base_url=slack.api_url)
    with pytest.raises(Exception, match="invalid_arguments"):
        await client.files_getUploadURLExternal(filename="chart.png", length=1, alt_txt="x" * 1001)
