"""The bot as a child process: started, stopped, killed, and never left behind. The child is a stand-in with the bot's
one promise to its surroundings, ``/readyz``."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox import process
from bot.sandbox.process import BotProcess, BotUnready, free_port, manifest

pytestmark = pytest.mark.measured

ROOT = Path(__file__).parents[3]
CHILD = """
import http.server, os, signal, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("ANSWER", "200")))
        self.end_headers()
        self.wfile.write(b'{"database": "ok"}')
    def log_message(self, *_):
        pass

def leave(*_):
    os.write(1, b"leaving\\n")  # print may be what the signal interrupts
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
print("serving", sys.argv[1:], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["HTTP_PORT"])), Ready).serve_forever()
"""


@dataclass
class Watched:
    """A process with what it said."""

    lines: list[str] = field(default_factory=list)
    changes: int = 0

    def changed(self) -> None:
        self.changes += 1


def child(directory: Path, watched: Watched, *, module: str = "stand_in", **environment: str) -> BotProcess:
    (directory / "stand_in.py").write_text(CHILD)
    (directory / "crashing.py").write_text("raise SystemExit('SLACK_BOT_TOKEN is missing')")
    port = free_port()
    return BotProcess(
        environment={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}{os.pathsep}{directory}",
            "HTTP_PORT": str(port),
            **environment,
        },
        directory=directory,
        port=port,
        transport="socket",
        log=watched.lines.append,
        on_change=watched.changed,
        command=(sys.executable, "-m", "bot.sandbox.parent_watchdog", module, "serve"),
    )


async def ready(bot: BotProcess) -> None:
    await bot.start()
    await bot.until_ready(120, lambda _: None)


def test_a_free_port_is_one_that_the_system_gives_to_nobody_else() -> None:
    with socket.socket() as any_other:
        any_other.bind(("127.0.0.1", 0))
        assert free_port() in process.BOT_PORTS
        assert any_other.getsockname()[1] not in process.BOT_PORTS


def test_a_port_that_is_taken_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", taken := free_port()))
        monkeypatch.setattr(process, "BOT_PORTS", [taken, free := free_port()])
        assert {free_port() for _ in range(8)} == {free}
        monkeypatch.setattr(process, "BOT_PORTS", [taken])
        with pytest.raises(OSError, match=f"No free port found from {taken} to {taken}"):
            free_port()


async def test_it_becomes_ready_and_stops_when_asked(tmp_path: Path) -> None:
    watched = Watched()
    bot = child(tmp_path, watched)
    await ready(bot)
    assert bot.snapshot()["ready"]
    assert bot.snapshot()["readyz"] == {"database": "ok"}
    await bot.stop()
    assert bot.state == "stopped"
    assert bot.snapshot()["exit_status"] == 0
    assert watched.lines == ["serving ['serve']", "leaving"]
    assert watched.changes


async def test_it_is_killed_without_a_last_word_and_starts_again(tmp_path: Path) -> None:
    watched = Watched()
    bot = child(tmp_path, watched)
    await ready(bot)
    first = bot.snapshot()["pid"]
    await bot.kill()
    assert bot.state == "killed"
    assert bot.snapshot()["exit_status"] == -signal.SIGKILL
    assert "leaving" not in watched.lines
    await ready(bot)
    assert bot.snapshot()["pid"] not in {first, None}
    await bot.stop()


async def test_starting_twice_starts_one(tmp_path: Path) -> None:
    bot = child(tmp_path, Watched())
    await asyncio.gather(ready(bot), ready(bot))
    pid = bot.snapshot()["pid"]
    await bot.start()
    assert bot.snapshot()["pid"] == pid
    await bot.stop()


async def test_one_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    bot = child(tmp_path, Watched(), module="crashing")
    with pytest.raises(BotUnready, match="SLACK_BOT_TOKEN is missing"):
        await ready(bot)
    assert bot.state == "exited"
    await bot.stop()


async def test_one_that_answers_but_is_not_ready_is_told_too(tmp_path: Path) -> None:
    bot = child(tmp_path, Watched(), ANSWER="503")
    await bot.start()
    async with asyncio.timeout(120), bot._moved:
        await bot._moved.wait_for(lambda: bot.state == "not_ready")
    with pytest.raises(BotUnready, match="not ready after 0 s"):
        await bot.until_ready(0, lambda _: None)
    assert bot.state == "not_ready"
    await bot.stop()


def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stand_in.py").write_text(CHILD)
    parent = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "bot.sandbox.parent_watchdog", "stand_in"], stdin=subprocess.PIPE)
sys.stdin.read()
"""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
        "HTTP_PORT": "0",
    }
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "serving" in process.stdout.readline()
        process.kill()
        # The child's child holds the other end of this pipe too: it closes when both are gone.
        rest, _ = process.communicate(timeout=120)
    assert "leaving" in rest


async def test_the_bot_gives_its_manifest_and_a_broken_one_gives_none(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    assert "/record" in await manifest(environment, tmp_path)
    (tmp_path / "bot.py").write_text("raise SystemExit(1)")
    assert await manifest(environment | {"PYTHONPATH": str(tmp_path)}, tmp_path) == ""
