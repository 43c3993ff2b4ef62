"""Importing the SDK leaves no thread behind and the user's home alone; seen from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import json, os, sys, threading
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import bot.genesys
from bot.genesys.transport.sdk import ApiClient, Configuration
print(json.dumps({
    "threads": [thread.name for thread in threading.enumerate()],
    "home": os.environ["HOME"],
    "opened": [path for path in opened if path.startswith(os.environ["HOME"])],
    "finders": [type(finder).__name__ for finder in sys.meta_path if type(finder).__module__.startswith("bot")],
    "host": Configuration().host,
    "there": os.path.exists(Configuration().config_file_path),
    "models": [name for name in vars(ApiClient.call_api.__globals__["models"]) if not name.startswith("_")],
}))
"""


def test_the_import_starts_no_thread_and_reads_nothing_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / ".genesyscloudpython"
    folder.mkdir()
    (folder / "config").write_text("[general]\nhost = https://api.elsewhere.test\n")

    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "threads": ["MainThread"],
        "home": str(tmp_path),
        "opened": [],
        "finders": [],
        "host": "https://api.mypurecloud.com",
        "there": False,
        "models": [],
    }
    assert [path.name for path in tmp_path.iterdir()] == [".genesyscloudpython"]


def test_whoever_imports_the_sdk_otherwise_gets_all_of_it() -> None:
    script = """
import bot.genesys.transport.sdk, sys
assert not [name for name in sys.modules if name.startswith("PureCloudPlatformClientV2")]
import PureCloudPlatformClientV2 as whole
assert whole.MediaParticipantRequest and whole.ConversationsApi
assert whole.ApiClient is not bot.genesys.transport.sdk.ApiClient
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=False)

    assert run.returncode == 0, run.stderr
