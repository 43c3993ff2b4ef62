"""The command line's words: complete help texts, and a sentence for each thing that can't be done."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import typer.testing
from sqlalchemy import text

from bot.admin.audit import verify_database
from bot.audit.actions import ACTIONS
from bot.audit.verification import Verifier
from bot.cli import usage
from bot.cli.main import app
from bot.config.settings import DatabaseSettings
from tests.support.commands import command_at, record_bot
from tests.support.recording.service import ADA, CALL, asked, open_harness
from tests.support.shell import Shell
from tests.unit.test_published_values import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What is tested runs in processes of its own, but for the help.
pytestmark = [pytest.mark.measured, pytest.mark.usefixtures("logs_as_before")]

SCOPES = {"bot:guard", "channels:read", "chat:write", "files:write", "groups:read", "usergroups:read", "users:read"}
"""Slack's scopes, and an actor, which are written like actions."""
ANY_SHELL = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
"""Lets a test name the shell; otherwise Typer asks the system in which shell it runs."""
NO_HASH = "0" * 63 + "1"


def groups_and_commands() -> Iterator[tuple[str, ...]]:
    yield ()
    for name, command in record_bot().commands.items():
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", {}))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
async def recorded(tmp_path: Path) -> Shell:
    """A database with a recording's entries in it."""
    async with open_harness(tmp_path / "record-bot.db") as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(ADA), CALL, None))
    return Shell(tmp_path)


@pytest.mark.parametrize("command", [*groups_and_commands()], ids=" ".join)
def test_a_help_text_is_complete_and_has_examples(command: tuple[str, ...]) -> None:
    shown = typer.testing.CliRunner().invoke(app, [*command, "--help"]).output
    group = hasattr(command_at(command), "commands")

    assert "..." not in re.sub(r"(ARGS|COMMAND)\S*|\[OPTIONS\].*", "", shown)
    assert "As above" not in shown
    assert ("Examples:" in shown) or (group and command)
    words = " ".join(shown.split())
    for parameter in command_at(command).params:
        said = getattr(parameter, "help", None) or ""
        assert " ".join(said.split()) in words
        assert said.endswith("."), parameter.name
    for inner in getattr(command_at(command), "commands", {}).values():
        assert f"{inner.short_help}\n" in shown
        assert inner.short_help.endswith(".")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
async def test_completion_can_be_shown(shell: Shell, name: str) -> None:
    ran = await shell("--show-completion", name, **ANY_SHELL)

    assert (ran.status, ran.err) == (0, "")
    assert "RECORD_BOT_COMPLETE" in ran.out


async def test_completion_can_be_installed(shell: Shell) -> None:
    ran = await shell("--install-completion", "bash", HOME=str(shell.directory), **ANY_SHELL)

    assert ran.status == 0
    assert "record-bot" in (shell.directory / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--phase", "banana"), "must be requested, succeeded, failed, denied, unknown or observed"),
        (("--action", "recording:strat"), "must be audit:archive, "),
        (("--actor", "Ada Byron"), "must be slack:TEAM:USER, cli:LOGIN, bot, or bot:rule:LABEL"),
        (("--conversation", "banana"), "must be a conversation id"),
        (("--since", "lastweek"), "use 2026-01-31 or 2026-01-31T08:00"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "must be later than --since"),
        (("--format", "xml"), "must be jsonl or csv"),
    ],
    ids=lambda one: one[0][2:] if isinstance(one, tuple) else "",
)
async def test_an_export_of_what_cannot_exist_is_wrong_usage(
    recorded: Shell, arguments: tuple[str, ...], sentence: str
) -> None:
    before = recorded.entries()

    ran = await recorded("audit", "export", *arguments)

    assert (ran.status, ran.out) == (2, "")
    assert sentence in " ".join(ran.err.split())
    assert recorded.entries() == before


@pytest.mark.parametrize(
    "typed", ["slack:T0123:U0123", "cli:ada", "bot", "bot:guard", "bot:rule:Sales", "bot:rule:Tom's calls"]
)
def test_an_actor_of_the_trail_can_be_named(typed: str) -> None:
    assert usage.actor(typed, "--actor") == typed


def test_the_known_actions_are_all_that_are_written() -> None:
    assert set(ACTIONS) == set(EXPECTED["audit_actions"]) - SCOPES


async def test_a_csv_export_cannot_be_verified_and_is_not_called_broken(recorded: Shell) -> None:
    exported = await recorded("audit", "export", "--format", "csv", "--output", "trail.csv")
    ran = await recorded("audit", "verify", "trail.csv")

    assert exported.out == "Exported 2 entries to trail.csv (SHA-256 in trail.csv.sha256).\n"
    assert (ran.status, ran.out) == (2, "")
    assert "CSV exports can't be verified" in " ".join(ran.err.split())
    assert "--format jsonl" in " ".join(ran.err.split())
    assert "BROKEN" not in ran.err


async def test_intact_says_what_was_not_checked(recorded: Shell) -> None:
    (head,) = recorded.entries("hash")[-1]

    plain = await recorded("audit", "verify")
    headed = await recorded("audit", "verify", "--head", head)
    broken = await recorded("audit", "verify", "--head", NO_HASH)

    assert (plain.status, plain.err) == (0, "")
    assert plain.out.startswith("Intact: 2 entries, #1 to #2.\n")
    assert "This can't show whether entries were removed at the end." in plain.out
    assert (headed.status, "can't show" in headed.out) == (0, False)
    assert broken.status == 1
    assert f"The trail ends at entry 2, but the hash {NO_HASH} isn't in it." in broken.err


async def test_missing_guards_are_not_plain_intact(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    async with open_harness(file) as harness:
        await harness.service.carry_out(await harness.service.intake.start(asked(ADA), CALL, None))
        await harness.engines.writer.transaction(
            lambda connection: connection.execute(text("DROP TRIGGER audit_entries_no_delete"))
        )
    settings = DatabaseSettings(database_url=f"sqlite+aiosqlite:///{file}")

    verdict = await verify_database(settings, Verifier(), lambda _done, _total: None)

    assert (verdict.ok, verdict.status) == (True, 3)
    assert "Not checked: " in verdict.text
    assert "audit_entries_no_delete" in verdict.text


async def test_one_entry_is_one_entry(tmp_path: Path, shell: Shell, recorded: Shell) -> None:
    await recorded("audit", "export", "--output", "trail.jsonl")
    first, second = (tmp_path / "trail.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "one.jsonl").write_text(first)
    (tmp_path / "changed.jsonl").write_text(first + second.replace("succeeded", "failed"))

    one, changed = await shell("audit", "verify", "one.jsonl"), await shell("audit", "verify", "changed.jsonl")

    assert one.out.startswith("Intact: 1 entry, #1 to #1.\n")
    assert (changed.status, changed.out) == (1, "")
    assert changed.err.startswith("BROKEN: Entry 2 was changed")
    assert "The 1 entry before it is intact." in changed.err


async def test_an_error_in_json_has_its_sentence(shell: Shell) -> None:
    unset = await shell("recording", "list", "--json")
    unopened = await shell(
        *("recording", "list", "--json"),
        DATABASE_URL=f"sqlite+aiosqlite:///{shell.directory}/none/bot.db",
        PURECLOUD_CLIENT_ID="x",
        PURECLOUD_CLIENT_SECRET="x",
    )

    assert (unset.status, unset.err, unopened.status, unopened.err) == (2, "", 1, "")
    assert "PURECLOUD_CLIENT_ID is missing." in json.loads(unset.out)["sentence"]
    assert json.loads(unset.out)["error"] == "settings"
    assert json.loads(unopened.out)["error"] == "database_unusable"
    assert f"{shell.directory}/none/bot.db" in json.loads(unopened.out)["sentence"]


async def test_check_and_serve_agree_about_a_wrong_setting(shell: Shell) -> None:
    checked, served = await shell("check"), await shell("serve")

    assert (checked.status, served.status) == (2, 2)
    for line in served.err.splitlines():
        assert line in checked.out
