"""What a command loads: only what talks to Genesys imports the SDK, and of the SDK only its client."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

GENESYS = "bot.genesys"
SLACK = ("slack_bolt", "slack_sdk")
MODULES_OF_HELP = 500
"""What `--help` loads today, libraries included, and a little room. Another heavy library would be hundreds more."""
LOADED = """
import json, sys
from bot.cli.main import main
loaded = {}
for command in json.loads(sys.argv[1]):
    sys.argv[1:] = command.split()
    try:
        main()
    except SystemExit as end:
        loaded[command] = {"status": end.code, "modules": sorted(sys.modules)}
print(json.dumps(loaded))
"""
"""Runs one command after another: the modules of each are its own and those of the commands before it."""


async def loaded(shell: Shell, *commands: str) -> dict[str, set[str]]:
    """Run commands in a new interpreter, and return which modules had been loaded at the end of each."""
    ran = await shell(json.dumps(commands), code=LOADED)
    found = json.loads(ran.out.splitlines()[-1])
    assert {command: facts["status"] for command, facts in found.items()} == dict.fromkeys(commands, 0), ran.said
    return {
        command: {name for name in facts["modules"] if "coverage" not in name}  # what measures the tests doesn't count
        for command, facts in found.items()
    }


@pytest.fixture
def shell(tmp_path: Path, migrated: Path) -> Shell:
    shutil.copy(migrated, tmp_path)
    return Shell(tmp_path)


async def test_commands_that_need_no_genesys_do_not_load_its_sdk(shell: Shell) -> None:
    found = await loaded(
        shell,
        *("db upgrade", "db backup copy.db", "audit export", "audit hold status", "privacy retention", "manifest"),
    )

    assert [command for command, modules in found.items() if GENESYS in modules] == []


async def test_commands_of_the_trail_load_nothing_of_genesys_and_slack(shell: Shell) -> None:
    found = await loaded(shell, "db current", "audit verify")

    assert [command for command, modules in found.items() if modules.intersection({GENESYS, *SLACK})] == []


async def test_help_loads_no_more_than_it_did(tmp_path: Path) -> None:
    modules = (await loaded(Shell(tmp_path), "--help"))["--help"]

    assert len(modules) <= MODULES_OF_HELP, len(modules)
    assert not {name for name in modules if name.startswith("bot.")} - {
        "bot.cli",
        "bot.cli.main",
        "bot.cli.audit",
        "bot.cli.control",
        "bot.cli.data",
        "bot.cli.event_loop",
        "bot.cli.failure",
        "bot.cli.control.keep",
        "bot.cli.schema",
        "bot.config",
        "bot.config.database_url",
        "bot.config.secret_files",
        "bot.config.settings",
        "bot.config.tokens",
        "bot.errors",
        "bot.errors.genesys",
        "bot.errors.keeping",
        "bot.errors.refusals",
        "bot.errors.root",
        "bot.observability",
        "bot.observability.logging",
        "bot.cli.login",
        "bot.cli.usage",
        "bot.config.regions",
        "bot.config.env_file",
        "bot.recording",
        "bot.recording.handover",
        "bot.recording.time_limits.lengths",
        "bot.recording.keeping",
        "bot.recording.keeping.keep_mode",
        "bot.recording.time_limits",
    }
