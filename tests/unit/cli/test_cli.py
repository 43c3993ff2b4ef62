"""The command line, as an operator meets it: real processes, their exit statuses, and what they leave in the trail."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
import typer.testing

from bot.cli.main import app
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.commands import commands
from tests.support.shell import ROOT, SECRETS, Shell, genesys_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bot.sandbox.genesys import SimulatedRequest

pytestmark = [pytest.mark.measured, pytest.mark.usefixtures("logs_as_before")]

ACTOR = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
NO_CALL = "00000000-0000-4000-8000-000000000000"
HEAVY = ("bot.genesys", "slack_bolt", "slack_sdk", "sqlalchemy", "aiohttp", "bot.sandbox")
LOADED = f"""
import sys
from bot.cli.main import main
try:
    main()
except SystemExit as end:
    print(end.code, [name for name in {HEAVY!r} if name in sys.modules])
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0.05)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def context(tmp_path: Path, genesys: SimulatedGenesys) -> Shell:
    """A shell whose settings lead to the simulated Genesys."""
    return Shell(tmp_path, genesys_settings(genesys))


# Without settings


@pytest.mark.parametrize("command", [(), *map(str.split, commands())], ids=" ".join)
def test_every_command_has_a_help_text(command: Sequence[str]) -> None:
    result = typer.testing.CliRunner().invoke(app, [*command, "--help"])
    short = typer.testing.CliRunner().invoke(app, [*command, "-h"])

    assert (result.exit_code, short.exit_code) == (0, 0)
    assert "Usage:" in result.output
    assert short.output == result.output


def test_it_says_its_version_without_reading_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "nonsense")

    result = typer.testing.CliRunner().invoke(app, ["--version"])

    assert (result.exit_code, result.output) == (0, f"record-bot {version('record-bot')}\n")


async def test_help_loads_nothing_heavy(shell: Shell) -> None:
    ran = await shell("--help", code=LOADED)

    assert ran.out.splitlines()[-1] == "0 []"
    assert ran.err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("recording", "begin"),
        ("recording", "status"),
        ("recording", "start", INBOUND, "--colour"),
        ("sandbox", "--port", "eighty"),
        ("sandbox", "--transport", "pigeon"),
        ("manifest", "--url", "http://bot.example.com"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_is_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    ran = await shell(*arguments)

    assert ran.status == 2
    assert ran.out == ""
    assert "Error: " in ran.err
    assert "Traceback" not in ran.err


async def test_each_missing_setting_gets_one_sentence(shell: Shell) -> None:
    ran = await shell("serve")

    assert ran.status == 2
    assert sorted(re.findall(r"[A-Z]+_[A-Z_]+", line)[0] for line in ran.err.splitlines()) == [
        "PURECLOUD_CLIENT_ID",
        "PURECLOUD_CLIENT_SECRET",
        "SLACK_APP_TOKEN",
        "SLACK_AUDIT_CHANNEL",
        "SLACK_BOT_TOKEN",
        "SLACK_SUPERVISORS",
    ]
    assert all(line.startswith("Set ") or " is missing. " in line for line in ran.err.splitlines())
    assert all(line.endswith(".") for line in ran.err.splitlines())


async def test_a_command_asks_only_for_the_settings_that_it_needs(shell: Shell) -> None:
    ran = await shell("recording", "list")

    assert ran.status == 2
    assert sorted(re.findall(r"[A-Z]+_[A-Z_]+", line)[0] for line in ran.err.splitlines()) == [
        "PURECLOUD_CLIENT_ID",
        "PURECLOUD_CLIENT_SECRET",
    ]


async def test_a_secret_in_the_wrong_place_is_not_printed(shell: Shell) -> None:
    ran = await shell("serve", SLACK_BOT_TOKEN="xapp-swapped", SLACK_APP_TOKEN="xoxb-swapped", HTTP_PORT="x")

    assert ran.status == 2
    assert "SLACK_BOT_TOKEN must start with xoxb-." in ran.err
    assert "SLACK_APP_TOKEN must start with xapp-." in ran.err
    assert "swapped" not in ran.said


async def test_settings_come_from_a_file_too(shell: Shell) -> None:
    (shell.directory / ".env").write_text("DATABASE_URL=sqlite+aiosqlite:///elsewhere.db\n")

    ran = await shell("db", "upgrade")

    assert ran.status == 0
    assert (shell.directory / "elsewhere.db").exists()


async def test_the_manifest_is_the_one_in_the_repository(shell: Shell) -> None:
    ran = await shell("manifest")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == (ROOT / "manifest.yml").read_text()


async def test_the_database_is_brought_to_head(shell: Shell) -> None:
    before = await shell("db", "current")
    upgrade = await shell("db", "upgrade")
    after = await shell("db", "current")

    assert (before.status, before.out) == (1, "")
    assert "Run: record-bot db upgrade" in before.err
    assert (upgrade.status, after.status) == (0, 0)
    assert "the newest schema" in after.out
    assert shell.entries() == []


async def test_a_database_that_cannot_be_opened_is_said_in_one_sentence(shell: Shell) -> None:
    ran = await shell("db", "upgrade", DATABASE_URL=f"sqlite+aiosqlite:///{shell.directory}/no/such/place.db")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(
        f"Can't use the database {shell.directory}/no/such/place.db: unable to open database file."
    )
    assert len(ran.err.splitlines()) == 1


# Against Genesys


async def test_a_recording_from_start_to_stop(context: Shell, genesys: SimulatedGenesys) -> None:
    on_disk: list[tuple[str, ...]] = []

    async def look(request: SimulatedRequest) -> None:
        if request.is_write:
            on_disk.append((await asyncio.to_thread(context.entries))[-1])

    genesys.on_write(look)

    started = await context("recording", "start", "--reason", "quality check", "--json", TARGET_CONVERSATION_ID=INBOUND)
    assert (started.status, started.err) == (0, "")
    assert started.facts["conversation_id"] == INBOUND
    assert (started.facts["state"], started.facts["mechanism"]) == ("active", "adhoc")
    assert started.facts["started_by"] == ACTOR
    assert genesys.effective_recording(INBOUND) == "active"

    listed = await context("recording", "list")
    assert (listed.status, listed.err) == (0, "")
    assert listed.out.split() == [INBOUND, "active", ACTOR]

    stopped = await context("recording", "stop")
    assert (stopped.status, stopped.err) == (0, "")
    assert INBOUND in stopped.out
    assert genesys.effective_recording(INBOUND) == "none"

    assert on_disk == [("requested", "recording:start", ACTOR), ("requested", "recording:stop", ACTOR)]
    assert context.entries() == [
        ("requested", "recording:start", ACTOR),
        ("succeeded", "recording:start", ACTOR),
        ("succeeded", "recording:read", ACTOR),
        ("requested", "recording:stop", ACTOR),
        ("succeeded", "recording:stop", ACTOR),
    ]


async def test_a_call_that_nobody_knows(context: Shell, genesys: SimulatedGenesys) -> None:
    ran = await context("recording", "start", NO_CALL, "--json")

    assert (ran.status, ran.err) == (1, "")
    assert ran.facts["error"] == "call_not_found"
    assert context.entries() == [("requested", "recording:start", ACTOR), ("failed", "recording:start", ACTOR)]
    assert genesys.writes() == []


async def test_no_call_at_all(context: Shell) -> None:
    ran = await context("recording", "start")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("You didn't say which call. ")
    assert "record-bot recording start" in ran.err


async def test_genesys_refuses_the_login(context: Shell) -> None:
    ran = await context("recording", "start", OUTBOUND, PURECLOUD_CLIENT_SECRET="not-the-secret")

    assert (ran.status, ran.out) == (1, "")
    assert "PURECLOUD_CLIENT_SECRET" in ran.err
    assert "not-the-secret" not in ran.err
    assert context.entries("phase") == [("requested",), ("failed",)]


async def test_genesys_is_down(context: Shell, genesys: SimulatedGenesys) -> None:
    await genesys.stop()

    ran = await context("recording", "start", OUTBOUND)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("Genesys is not responding.")
    assert "Traceback" not in ran.err
    assert not any(secret in ran.said for secret in SECRETS)
    assert context.entries("phase") == [("requested",), ("failed",)]
