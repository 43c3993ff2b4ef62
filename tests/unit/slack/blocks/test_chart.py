"""The picture of a day, drawn for real by a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from bot.slack.blocks import chart
from bot.slack.blocks.chart import NotDrawn, drawn, png
from tests.support.shell import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HOURS = {"started": [0] * 9 + [3] + [0] * 14, "denied": [0] * 24, "failed": [0] * 23 + [1]}
PNG = b"\x89PNG\r\n\x1a\n"


async def test_it_is_a_picture() -> None:
    picture = await drawn("Sunday, 1 March 2026", HOURS)
    assert picture.startswith(PNG)
    assert picture.rstrip().endswith(b"IEND\xaeB`\x82")


def test_other_figures_make_another_picture() -> None:
    assert png("day", HOURS) != png("day", HOURS | {"denied": [1] * 24})


def test_the_bot_itself_never_loads_the_plotting_library() -> None:
    code = textwrap.dedent("""
        import asyncio, json, sys
        import bot.runtime.serve
        from bot.slack.blocks.chart import drawn
        picture = asyncio.run(drawn("day", json.loads(sys.argv[1])))
        print(len(picture) > 1000, "matplotlib" in sys.modules, "numpy" in sys.modules)
    """)
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(HOURS)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True", "False", "False"]


async def test_the_drawing_process_is_given_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spy = tmp_path / "spy.py"
    spy.write_text("import os, sys\nsys.stdout.write(' '.join(os.environ))")
    monkeypatch.setattr(chart, "__file__", str(spy))
    for name in ("SLACK_BOT_TOKEN", "PURECLOUD_CLIENT_SECRET", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    names = (await drawn("day", HOURS)).decode().split()
    assert "PATH" in names
    assert not [name for name in names if name.startswith(("SLACK_", "PURECLOUD_", "DATABASE_"))]


async def test_a_process_that_fails_is_named_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no fonts here')")
    monkeypatch.setattr(chart, "__file__", str(broken))
    with pytest.raises(NotDrawn, match="no fonts here"):
        await drawn("day", HOURS)


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)")
    monkeypatch.setattr(chart, "__file__", str(slow))
    started, really_start = list[int](), asyncio.create_subprocess_exec

    async def start(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await really_start(*command, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(chart, "SECONDS", 0.1)
    with pytest.raises(NotDrawn, match="not done"):
        await drawn("day", HOURS)
    (pid,) = started
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_without_an_interpreter_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NotDrawn, match="No such file"):
        await drawn("day", HOURS)
