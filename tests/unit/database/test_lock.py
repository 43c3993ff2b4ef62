from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bot.database.identity.file_lock import serving_alone
from bot.errors import DatabaseUnusable

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from bot.database.identity.file_lock import serving_alone
with serving_alone(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_which_one_serves(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DatabaseUnusable, match=f"process {other.pid}"), serving_alone(url):
            pass
        other.kill()
        other.wait()
        with serving_alone(url):
            assert (tmp_path / "bot.db.lock").read_text() == f"{os.getpid()}\n"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUnusable, match="No such file"),
        serving_alone(f"sqlite+aiosqlite:///{tmp_path}/nowhere/bot.db"),
    ):
        pass
