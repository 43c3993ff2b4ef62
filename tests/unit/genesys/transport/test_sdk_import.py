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
meta_path = list(sys.meta_path)
import bot.genesys
from bot.genesys.transport.sdk import JsonApiClient, sdk
models = [name for name in sys.modules if name.startswith("PureCloudPlatformClientV2.models.")]
apis = sorted(name for name in sys.modules if name.startswith("PureCloudPlatformClientV2.apis."))
configuration = sdk.Configuration()
print(json.dumps({
    "threads": [thread.name for thread in threading.enumerate()],
    "home": os.environ["HOME"],
    "opened": [path for path in opened if path.startswith(os.environ["HOME"])],
    "finders": sys.meta_path != meta_path,
    "host": configuration.host,
    "there": os.path.exists(configuration.config_file_path),
    "apis": apis,
    "few models": 0 < len(models) < 400,
}))
"""


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={"PATH": ""} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_starts_no_thread_and_reads_nothing_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / ".genesyscloudpython"
    folder.mkdir()
    (folder / "config").write_text("[general]\nhost = https://api.elsewhere.test\n")

    assert json.loads(run(SCRIPT, HOME=str(tmp_path))) == {
        "threads": ["MainThread"],
        "home": str(tmp_path),
        "opened": [],
        "finders": False,
        "host": "https://api.mypurecloud.com",
        "there": False,
        "apis": ["PureCloudPlatformClientV2.apis.conversations_api"],
        "few models": True,
    }
    assert [path.name for path in tmp_path.iterdir()] == [".genesyscloudpython"]


def test_the_lazy_package_has_all_of_the_sdk() -> None:
    """Other importers in the process get the vendor's own classes, and models that read answers."""
    run("""
import bot.genesys
import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2 import MediaParticipantRequest, models, apis
assert sdk.MediaParticipantRequest is models.MediaParticipantRequest is MediaParticipantRequest
assert sdk.TokensApi is apis.TokensApi
response = type("Response", (), {"data": '{"id": "c"}', "getheader": lambda *_: "application/json"})()
read = sdk.ApiClient(host="https://api.test").deserialize(response, "CallConversation")
assert type(read) is sdk.CallConversation and read.id == "c", read
assert not hasattr(sdk, "Telepathy")
""")
