"""One story at the Slack of the npm package ``emulate``, which nobody of this project wrote.

It knows the Web API only: no user groups, no ``blocks.validate``, no Socket Mode. See
docs/decisions/slack-transport.md for what is different there, and why there is no second one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bot.admin.checks.check import check_everything
from bot.config.settings import ServeSettings, load
from bot.runtime.serve import Serving
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.seed import INBOUND
from bot.sandbox.process import free_port
from bot.slack.client import web_client, web_session
from tests.foreign.story import PATIENCE, SIGNING_SECRET, Person, reads_as_posts, until
from tests.support.shell import BOT_SETTINGS, ROOT, genesys_settings
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_client import AsyncWebClient

HERE = Path(__file__).parent / "emulate"
INSTALLED = ROOT / ".foreign"
INSTALL_SECONDS = 120
BOT_TOKEN, OUR_TOKEN = "xoxb-foreign-bot", "xoxb-foreign-tests"
APP = {
    "app_id": "A0FOREIGN",
    "client_id": "1.2",
    "client_secret": "unused",
    "name": "record-bot",
    "redirect_uris": [],
    "bot_id": "B0FOREIGN",
    "bot_user_id": "U0FOREIGNBOT",
    "bot_name": "record-bot",
}
BOT = {"user_id": "U0FOREIGNBOT", "bot_id": "B0FOREIGN", "bot_user_id": "U0FOREIGNBOT", "app_id": "A0FOREIGN"}
MANIFEST_SCOPES = ["chat:write", "commands", "files:write", "usergroups:read", "users:read"]
SEED = {
    "slack": {
        "users": [{"name": "ada", "real_name": "Ada Byron"}],
        "channels": [{"name": "floor"}, {"name": "audit"}],
        "oauth_apps": [APP],
        "tokens": [
            {"token": BOT_TOKEN, "scopes": MANIFEST_SCOPES} | BOT,
            {"token": OUR_TOKEN, "scopes": ["channels:read", "channels:join", "channels:history", "users:read"]} | BOT,
        ],
        "strict_scopes": True,
    }
}


@pytest.fixture(scope="module")
def package() -> Path:
    """Install the package as its lock file pins it; skip where that can't be done, and fail there with CI=true."""
    if absent := [name for name in ("node", "npm") if shutil.which(name) is None]:
        missing(f"No {' and no '.join(absent)}: install Node.js 20 or newer with npm to try the bot at another Slack.")
    lock, done = HERE / "package-lock.json", INSTALLED / "installed-lock.json"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return INSTALLED
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INSTALLED)
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    try:
        subprocess.run(command, cwd=INSTALLED, timeout=INSTALL_SECONDS, check=True, capture_output=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").strip()[-300:]
        missing(f"npm can't install the Slack of others ({error}): {said}")
    shutil.copy(lock, done)
    return INSTALLED


@asynccontextmanager
async def another_slack(folder: Path, directory: Path) -> AsyncIterator[str]:
    """Run that Slack, and return its address."""
    seed = directory / "seed.json"
    seed.write_text(json.dumps(SEED))
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "serve.mjs"), str(folder), str(free_port()), str(seed)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            url = (await process.stdout.readline()).decode().strip()
        assert url.startswith("http://"), "the other Slack did not start"
        yield url.replace("localhost", "127.0.0.1")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def joined(ours: AsyncWebClient) -> dict[str, str]:
    """Let the bot join the channels, as an administrator would invite it; return their ids by name."""
    channels = {one["name"]: one["id"] for one in (await ours.conversations_list())["channels"]}
    for name in ("floor", "audit"):
        await ours.conversations_join(channel=channels[name])
    return channels


async def test_the_bot_at_a_slack_of_others(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genesys = SimulatedGenesys(effect_delay=0)
    genesys.seed()
    await genesys.start()
    try:
        async with (
            another_slack(package, tmp_path) as own,
            reads_as_posts(own) as url,
            web_session() as session,
        ):
            ours = web_client(OUR_TOKEN, api_url=f"{url}/api/", session=session)
            channels = await joined(ours)
            ada = next(one["id"] for one in (await ours.users_list())["members"] if one["name"] == "ada")
            settings = {
                "SLACK_BOT_TOKEN": BOT_TOKEN,
                "SLACK_SIGNING_SECRET": SIGNING_SECRET,
                "SLACK_API_URL": f"{url}/api/",
                "SLACK_AUDIT_CHANNEL": channels["audit"],
                "SLACK_SUPERVISORS": ada,
                "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/bot.db",
                "HTTP_PORT": "0",
            }
            for name in list(os.environ):
                if name.startswith(BOT_SETTINGS):
                    monkeypatch.delenv(name)
            for name, value in (settings | genesys_settings(genesys)).items():
                monkeypatch.setenv(name, value)
            monkeypatch.chdir(tmp_path)
            await checked()
            await the_story(ours, channels, ada, own)
    finally:
        await genesys.stop()


async def checked() -> None:
    """``check`` finds nothing wrong, and says what this Slack can't tell."""
    found = {part.name: part for part in await check_everything()}
    assert [part for part in found.values() if not part.ok] == []
    assert "Slack says http_404" in found["Slack messages"].problem
    assert "Couldn't be checked whether another organization can read it" in found["audit channel"].problem


async def the_story(ours: AsyncWebClient, channels: dict[str, str], ada: str, own: str) -> None:
    serving = Serving(load(ServeSettings))
    running = asyncio.create_task(serving.run())
    up = asyncio.create_task(serving.up.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({running, up}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running
    try:
        async with aiohttp.ClientSession() as session:
            team = str((await ours.auth_test())["team_id"])
            person = Person(session, f"http://127.0.0.1:{serving.port}", ada, team)
            await acted(ours, person, channels)
            await person.opens_home()
            await until(lambda: published(session, own))
    finally:
        serving.stopping.set()
        await running


async def acted(ours: AsyncWebClient, person: Person, channels: dict[str, str]) -> None:
    """Start by command, stop by button, and read the card and the lines."""
    floor, audit = channels["floor"], channels["audit"]

    async def texts(channel: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = (await ours.conversations_history(channel=channel))["messages"]
        return messages

    async def card(beginning: str) -> dict[str, Any] | None:
        return next((one for one in await texts(floor) if one["text"].startswith(beginning)), None)

    said = await person.types(floor, f"start {INBOUND} complaint")
    assert "Starting the recording of call" in said["text"]
    shown = await until(lambda: card("Recording"))
    assert INBOUND in shown["text"]
    assert shown["metadata"]["event_type"] == "recording_card"

    await person.clicks(shown, floor, "recording_stop")
    stopped = await until(lambda: card("Stopped"))
    assert stopped["ts"] == shown["ts"]
    assert len([one for one in await texts(floor) if INBOUND in one["text"]]) == 1

    async def lines() -> str:
        found = "\n".join(one["text"] for one in await texts(audit))
        return found if " stopped recording " in found else ""

    found = await until(lines)
    assert " started recording " in found


async def published(session: aiohttp.ClientSession, url: str) -> bool:
    """Say whether App Home was published to somebody; this Slack shows it on a page of its own only."""
    async with session.get(f"{url}/?tab=views") as answer:
        page = await answer.text()
    return "app home" in page and "Call recordings" in page and "No App Home views" not in page
