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
try:
    main()
except SystemExit as end:
    print(json.dumps({"status": end.code, "modules": sorted(sys.modules)}))
"""


async def loaded(shell: Shell, *arguments: str) -> set[str]:
    ran = await shell(*arguments, code=LOADED)
    facts = json.loads(ran.out.splitlines()[-1])
    assert facts["status"] == 0, ran.said
    return {name for name in facts["modules"] if "coverage" not in name}  # what measures the tests doesn't count


@pytest.fixture
def shell(tmp_path: Path, migrated: Path) -> Shell:
    shutil.copy(migrated, tmp_path)
    return Shell(tmp_path)


@pytest.mark.parametrize(
    "command",
    ["db upgrade", "db backup copy.db", "audit export", "audit hold status", "privacy retention", "manifest"],
)
async def test_commands_that_need_no_genesys_do_not_load_its_sdk(shell: Shell, command: str) -> None:
    assert GENESYS not in await loaded(shell, *command.split())


@pytest.mark.parametrize("command", ["db current", "audit verify"])
async def test_commands_of_the_trail_load_nothing_of_genesys_and_slack(shell: Shell, command: str) -> None:
    assert not (await loaded(shell, *command.split())).intersection({GENESYS, *SLACK})


async def test_help_loads_no_more_than_it_did(tmp_path: Path) -> None:
    modules = await loaded(Shell(tmp_path), "--help")

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
