"""A forked command ends, writes, and is killed as any process; nothing of it stays in the tests' own process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.forked import run_command


def test_it_has_its_own_directory_environment_and_streams(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (Path.cwd(), dict(os.environ), list(sys.argv))

    done = run_command(
        ("db", "upgrade"),
        directory=tmp_path,
        environment={"DATABASE_URL": "sqlite+aiosqlite:///here.db"},
        seconds=120,
    )

    assert (done[0], done[2]) == (0, b"")
    assert b"the newest schema" in done[1]
    assert [one.name for one in tmp_path.iterdir()] == ["here.db"]
    assert (Path.cwd(), dict(os.environ), list(sys.argv)) == before
    assert capfd.readouterr() == ("", "")


def test_wrong_usage_has_its_status_and_its_errors(tmp_path: Path) -> None:
    status, output, errors = run_command(("frobnicate",), directory=tmp_path, environment={}, seconds=120)

    assert (status, output) == (2, b"")
    assert b"Error: " in errors


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="takes longer than"):
        run_command(("sandbox", "--port", "0"), directory=tmp_path, environment={"TMPDIR": str(tmp_path)}, seconds=0.2)
