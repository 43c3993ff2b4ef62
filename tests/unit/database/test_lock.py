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


def refuses(url: str, words: str = "already running") -> None:
    with pytest.raises(DatabaseUnusable, match=words), serving_alone(url):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system mixes up both kinds of locks")
def test_neither_another_name_nor_a_removed_lock_file_lets_a_second_process_serve(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    (tmp_path / "elsewhere").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        (tmp_path / "elsewhere/symbolic.db").symlink_to(tmp_path / "bot.db")
        (tmp_path / "elsewhere/hard.db").hardlink_to(tmp_path / "bot.db")
        (tmp_path / "folder").symlink_to(tmp_path)

        refuses(f"sqlite+aiosqlite:///{tmp_path}/elsewhere/symbolic.db", f"process {other.pid}")
        refuses(f"sqlite+aiosqlite:///{tmp_path}/folder/bot.db", f"process {other.pid}")
        refuses(f"sqlite+aiosqlite:///{tmp_path}/elsewhere/hard.db")
        (tmp_path / "bot.db.lock").unlink()
        refuses(url)
        other.kill()
        other.wait()
    with serving_alone(url):
        pass


def test_the_database_and_its_log_are_for_this_user_only(tmp_path: Path) -> None:
    with serving_alone(f"sqlite+aiosqlite:///{tmp_path}/bot.db"):
        assert (tmp_path / "bot.db").stat().st_mode & 0o777 == 0o600
