"""``record-bot init`` in a terminal: what it asks, checks with both simulators, and writes."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from bot.config.env_file import AlreadyThere, write_new
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack
from tests.support.shell import SECRETS, Shell
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, TerminalSession, in_terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.measured  # what is tested runs in processes of its own


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A shell whose environment leads to both simulators, and sets nothing else."""
    slack, genesys = SimulatedSlack(), SimulatedGenesys()
    for simulated in (slack, genesys):
        simulated.seed()
        await simulated.start()
    yield Shell(tmp_path, {"SLACK_API_URL": slack.api_url, "GENESYS_API_URL": genesys.url})
    for simulated in (slack, genesys):
        await simulated.stop()


async def answer_slack(session: TerminalSession) -> None:
    await session.answer("SLACK_BOT_TOKEN: ", "xoxb-sandbox")
    await session.answer("Transport [socket]: ", "")
    await session.answer("SLACK_APP_TOKEN: ", "xapp-sandbox")
    await session.answer("SLACK_AUDIT_CHANNEL: ", "C0AUDIT")
    await session.answer("SLACK_SUPERVISORS: ", "S0SUPERS")
    await session.answer("SLACK_COMPLIANCE: ", "U0COMPL")


async def test_it_asks_checks_and_writes_what_serve_needs(shell: Shell) -> None:
    async with in_terminal("init", directory=shell.directory, environment=shell.environment) as session:
        await session.answer("SLACK_BOT_TOKEN: ", "xapp-sandbox")
        said = await session.answer("SLACK_BOT_TOKEN: ", "xoxb-wrong")
        assert "must start with xoxb-. This is an app-level token; it belongs in SLACK_APP_TOKEN." in said
        said = await session.answer("SLACK_BOT_TOKEN: ", "xoxb-sandbox")
        assert "PROBLEM: Slack rejected the bot token (invalid_auth). Copy it again into SLACK_BOT_TOKEN." in said
        said = await session.answer("Transport [socket]: ", "pigeon")
        assert "ok: Connected to the workspace" in said
        said = await session.answer("Transport [socket]: ", "")
        assert "Type socket or http." in said
        await session.answer("SLACK_APP_TOKEN: ", "xapp-sandbox")
        await session.answer("SLACK_AUDIT_CHANNEL: ", "#recording-audit")
        said = await session.answer("SLACK_AUDIT_CHANNEL: ", "C0NOWHERE")
        assert "'#recording-audit' is a name; use the channel id, which starts with C." in said
        said = await session.answer("SLACK_AUDIT_CHANNEL [C0NOWHERE]: ", "C0AUDIT")
        assert "PROBLEM: Slack can't find the channel (channel_not_found)." in said
        await session.answer("SLACK_SUPERVISORS: ", "S0SUPERS,U0NOBODY")
        said = await session.answer("SLACK_SUPERVISORS [S0SUPERS,U0NOBODY]: ", "S0SUPERS")
        assert "user U0NOBODY: There is no such user in this workspace (user_not_found)." in said
        await session.answer("SLACK_COMPLIANCE: ", "")
        await session.answer("PURECLOUD_ENVIRONMENT [mypurecloud.com]: ", "")
        await session.answer("PURECLOUD_CLIENT_ID: ", "sandbox-client")
        await session.answer("PURECLOUD_CLIENT_SECRET: ", "not-the-secret")
        said = await session.answer("PURECLOUD_ENVIRONMENT [mypurecloud.com]: ", "")
        assert "PROBLEM: Genesys rejected the login" in said
        await session.answer("PURECLOUD_CLIENT_ID [sandbox-client]: ", "")
        await session.answer("PURECLOUD_CLIENT_SECRET: ", "sandbox-secret")
        said = await session.answer("DATABASE_URL [sqlite+aiosqlite:///record-bot.db]: ", "")
        assert "ok: The OAuth client is logged in." in said
        status = await session.end()

    assert status == 0
    assert not [one for one in (*SECRETS, "xoxb-wrong", "not-the-secret") if one in session.printed]
    file = shell.directory / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dotenv_values(file) == shell.settings | {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_AUDIT_CHANNEL": "C0AUDIT",
        "SLACK_SUPERVISORS": "S0SUPERS",
        "PURECLOUD_ENVIRONMENT": "mypurecloud.com",
        "PURECLOUD_CLIENT_ID": "sandbox-client",
        "PURECLOUD_CLIENT_SECRET": "sandbox-secret",
        "DATABASE_URL": "sqlite+aiosqlite:///record-bot.db",
    }
    checked = await Shell(shell.directory)("check", HTTP_PORT="0")
    assert (checked.status, "PROBLEM" in checked.said) == (0, False), checked.said


async def test_it_takes_secrets_from_their_files_and_writes_only_the_paths(shell: Shell) -> None:
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "PURECLOUD_CLIENT_SECRET", "DATABASE_URL")
    files = {name: shell.directory / name.lower() for name in names}
    files["SLACK_APP_TOKEN"].write_text("xapp-sandbox\n")
    files["PURECLOUD_CLIENT_SECRET"].write_text("sandbox-secret\n")
    files["DATABASE_URL"].write_text(f"sqlite+aiosqlite:///{shell.directory}/other.db\n")
    named = {f"{name}_FILE": str(file) for name, file in files.items()}
    environment = shell.environment | named
    again = "Fix the file, then press Enter: "

    async with in_terminal("init", directory=shell.directory, environment=environment) as session:
        said = await session.wait_for(again)
        assert f"SLACK_BOT_TOKEN is read from {files['SLACK_BOT_TOKEN']} (SLACK_BOT_TOKEN_FILE)." in said
        assert "SLACK_BOT_TOKEN_FILE names a file that doesn't exist" in said
        files["SLACK_BOT_TOKEN"].write_text("xoxb-wrong\n")
        session.type(ENTER)
        said = await session.wait_for(again)
        assert "PROBLEM: Slack rejected the bot token (invalid_auth)." in said
        files["SLACK_BOT_TOKEN"].write_text("xoxb-sandbox\n")
        session.type(ENTER)
        await session.answer("Transport [socket]: ", "")
        await session.answer("SLACK_AUDIT_CHANNEL: ", "C0AUDIT")
        await session.answer("SLACK_SUPERVISORS: ", "S0SUPERS")
        await session.answer("SLACK_COMPLIANCE: ", "")
        await session.answer("PURECLOUD_ENVIRONMENT [mypurecloud.com]: ", "")
        await session.answer("PURECLOUD_CLIENT_ID: ", "sandbox-client")
        status = await session.end()

    assert (status, session.printed.count("PROBLEM")) == (0, 1), session.printed
    assert not [one for one in (*SECRETS, "xoxb-wrong") if one in session.printed]
    written = dotenv_values(shell.directory / ".env")
    assert {name: value for name, value in written.items() if name in named} == named
    assert not set(names) & set(written)
    checked = await Shell(shell.directory)("check", HTTP_PORT="0")
    assert (checked.status, "PROBLEM" in checked.said) == (0, False), checked.said


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "end of input"])
@pytest.mark.parametrize("secret", [True, False], ids=["at a secret", "at another question"])
async def test_stopping_writes_nothing(shell: Shell, keys: str, *, secret: bool) -> None:
    async with in_terminal("init", directory=shell.directory, environment=shell.environment) as session:
        await session.wait_for("SLACK_BOT_TOKEN: ")
        if not secret:
            session.type("xoxb-sandbox" + ENTER)
            await session.wait_for("Transport [socket]: ")
        status = await session.stop(keys)

    assert status == 1
    assert session.printed.endswith("\nStopped. Nothing was written.\n")
    assert "Traceback" not in session.printed
    assert list(shell.directory.iterdir()) == []


async def test_it_replaces_nothing(shell: Shell) -> None:
    (shell.directory / ".env").write_text("LOG_LEVEL=info\n")

    ran = await shell("init")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == ".env already exists and is never replaced. Edit it, or use another name: --output FILE.\n"
    assert (shell.directory / ".env").read_text() == "LOG_LEVEL=info\n"


async def test_it_needs_a_terminal(shell: Shell) -> None:
    ran = await shell("init")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("record-bot init asks questions, so it needs a terminal. ")


@pytest.mark.parametrize("value", ["plain", "a#b", "a #b", "it's", 'say "x"', "$HOME", "a=b", "back\\slash", " x "])
def test_what_is_written_is_read_back(tmp_path: Path, value: str) -> None:
    write_new(tmp_path / "settings", {"NAME": value})

    assert dotenv_values(tmp_path / "settings") == {"NAME": value}


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("mine")

    with pytest.raises(AlreadyThere, match="never replaced"):
        write_new(tmp_path / ".env", {"NAME": "x"})

    assert [one.name for one in tmp_path.iterdir()] == [".env"]
    assert (tmp_path / ".env").read_text() == "mine"


def test_a_value_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlreadyThere, match="NAME has characters that a settings file can't hold"):
        write_new(tmp_path / ".env", {"NAME": "${HOME}"})

    assert list(tmp_path.iterdir()) == []
