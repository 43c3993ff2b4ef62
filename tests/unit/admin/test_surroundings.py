"""What ``record-bot check`` says about the machine: address, clock, database file, and settings that nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bot.admin.checks.host import address, clock, file_problem, settings_notes
from bot.config.settings import HttpSettings
from bot.database.engine import open_engines
from tests.support.shell import BOT_SETTINGS, ROOT
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An empty directory and none of the developer's settings."""
    for name in os.environ:
        if name.startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def where(host: str = "127.0.0.1", port: int = 0) -> HttpSettings:
    return HttpSettings(http_host=host, http_port=port)


@contextlib.asynccontextmanager
async def listening(answer: dict[str, bool]) -> AsyncIterator[int]:
    """A program that answers /healthz so; yields its port."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_an_address_that_is_free() -> None:
    assert await address(where()) == await address(where("localhost"))
    assert (await address(where())).ok


async def test_a_port_that_another_program_has() -> None:
    async with listening({"healthy": True}) as port:
        found = await address(where(port=port))

    assert not found.ok
    assert f"Port {port} on 127.0.0.1 is in use" in found.problem
    assert "HTTP_PORT" in found.problem


async def test_a_bot_that_serves_already_is_no_problem() -> None:
    async with listening({"alive": True}) as port:
        found = await address(where(port=port))

    assert (found.ok, found.problem) == (True, "record-bot is already running here.")


@pytest.mark.parametrize("host", ["203.0.113.9", "no such host"])
async def test_an_address_that_this_machine_has_not(host: str) -> None:
    found = await address(where(host))

    assert not found.ok
    assert found.problem.startswith(f"HTTP_HOST {host!r} is not an address of this machine")


@pytest.mark.parametrize(
    ("seconds", "ok", "words"),
    [
        (0, True, ""),
        (4, True, ""),
        (-30, True, "This machine's clock is 30 s behind Slack's."),
        (61, False, "This machine's clock is 61 s ahead of Slack's."),
        (-3600, False, "This machine's clock is 3600 s behind Slack's."),
    ],
)
def test_a_clock_is_held_against_slacks(seconds: int, ok: bool, words: str) -> None:  # noqa: FBT001  a case of the table
    found = clock(format_datetime(NOON, usegmt=True), NOON + timedelta(seconds=seconds))

    assert (found.ok, found.problem[: len(words)] if words else found.problem) == (ok, words)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 02 Mar 2026 12:00:00 -0000"])
def test_a_slack_without_the_time_says_nothing_about_the_clock(date: str | None) -> None:
    assert clock(date, NOON).ok


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    found = file_problem(open_engines(f"sqlite+aiosqlite:///{tmp_path}/none/bot.db"))

    assert found.startswith(f"The directory {tmp_path}/none doesn't exist. Create it, or fix DATABASE_URL")


async def test_a_database_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "bot.db").touch()

    assert file_problem(open_engines(f"sqlite+aiosqlite:///{tmp_path}/bot.db")) == ""
    assert file_problem(open_engines("sqlite+aiosqlite:///bot.db")) == ""


async def test_what_somebody_else_made_is_named(tmp_path: Path) -> None:
    locked = [tmp_path / str(number) / name for number, name in enumerate(("bot.db", "bot.db-wal", "bot.db.lock", "."))]
    for number, one in enumerate(locked):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "bot.db").touch()
        one.touch()
        one.chmod(0o500)
    ask = """
import os
from bot.database.engine import open_engines
from bot.admin.checks.host import file_problem
for number in "0123":
    os.chdir(number)
    print(file_problem(open_engines("sqlite+aiosqlite:///bot.db")).replace("\\n", " "))
    os.chdir("..")
"""
    command = [sys.executable, "-c", ask]
    if os.geteuid() == 0:  # root may write everything, unless it gives that up
        if shutil.which("setpriv") is None:
            missing("setpriv is needed for this test as root: apt-get install util-linux")
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]

    done = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True, text=True
    )

    said = done.stdout.splitlines()
    assert len(said) == len(locked)
    for one, problem in zip(locked, said, strict=True):
        one.chmod(0o700)
        assert problem.startswith(f"This user can't write to {one.absolute()}.")
        assert "chown" in problem


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("SLACK_SUPERVISOR=U0ADA", "Unknown setting SLACK_SUPERVISOR. Did you mean SLACK_SUPERVISORS?"),
        ("GENESYS_CLIENT_ID=abc", "Unknown setting GENESYS_CLIENT_ID in .env."),
        ("HTTP_PORT=1\nHTTP_PORT=2", "HTTP_PORT appears 2 times in .env; the last one is used."),
        ("HTTP_PORT: 3000", "Line 1 of .env is not a setting; write NAME=value."),
        (
            "SLACK_BOT_TOKEN:xoxb-hidden",
            "Line 1 of .env is not a setting; write NAME=value.",
        ),
        (
            "PURECLOUD_CLIENT_SECRET:hid=",
            "Line 1 of .env is not a setting; write NAME=value.",
        ),
        ('\nLOG_LEVEL="info', "Line 2 of .env is not a setting; write NAME=value."),
    ],
)
def test_a_line_that_is_not_what_somebody_meant(tmp_path: Path, text: str, note: str) -> None:
    (tmp_path / ".env").write_text(f"{text}\n")

    assert (settings_notes().ok, settings_notes().problem) == (True, note)


def test_what_is_for_other_programs_is_left_alone(tmp_path: Path, alone: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("http_port=1\nHTTPS_PROXY=http://proxy\nPGPASSFILE=x\nOTEL_SERVICE_NAME=bot\n")
    alone.setenv("SLACK_WEBHOOK_ADDRESS_OF_SOMETHING", "https://hooks")
    alone.setenv("PURECLOUD_ENVIROMENT", "mypurecloud.de")

    assert settings_notes().problem == "Unknown setting PURECLOUD_ENVIROMENT. Did you mean PURECLOUD_ENVIRONMENT?"


async def test_a_kind_of_address_that_the_system_does_not_have_is_left_out_as_the_server_does(
    alone: pytest.MonkeyPatch,
) -> None:
    here = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
    unknown = (-2, socket.SOCK_STREAM, 0, "", ("::1", 0))
    alone.setattr("socket.getaddrinfo", lambda *_, **__: [unknown, here])
    assert (await address(where("localhost"))).ok

    alone.setattr("socket.getaddrinfo", lambda *_, **__: [unknown])
    assert not (await address(where("localhost"))).ok


async def test_a_port_that_is_kept_for_root(alone: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    alone.setattr("socket.socket.bind", refused)  # the system's: a test that runs as root may take every port

    found = await address(where(port=80))

    assert (found.ok, found.problem) == (False, "Port 80 needs root; use an HTTP_PORT of 1024 or higher.")
