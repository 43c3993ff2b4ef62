"""The wheel as someone without the repository installs it: built from a clean tree into an environment of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.support.shell import BOT_SETTINGS, ROOT, SECONDS_TO_ANSWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.long

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ADDRESS = "http://127.0.0.1:"


@dataclass(frozen=True)
class Installed:
    """A wheel and the environment that it was installed into."""

    wheel: Path
    bin: Path

    @staticmethod
    def environment() -> dict[str, str]:
        """Return this process's environment without what would lead the bot back to the repository."""
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((*BOT_SETTINGS, "PYTHON", "COV", "VIRTUAL_ENV"))
        }

    def run(self, directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / "record-bot", *arguments],
            cwd=directory,
            env=self.environment() | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_TO_ANSWER,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("wheel")
    built = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place / "dist"), str(ROOT)]
    subprocess.run(built, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("*.whl")
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    for wanted in (["--require-hashes", "-r", str(ROOT / "requirements.txt")], ["--no-deps", str(wheel)]):
        subprocess.run([*installer(python), "--quiet", *wanted], check=True)
    return Installed(wheel, environment / "bin")


def installer(python: Path) -> list[str]:
    """Return the command that installs into another environment: uv if `make` could bring it, else pip."""
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        return [str(uv), "pip", "install", "--python", str(python)]
    return [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile"]


def test_the_wheel_holds_the_bot_and_nothing_else(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    shipped = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bot").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert shipped <= names
    assert {name.split("/")[0] for name in names} == {"bot", f"record_bot-{VERSION}.dist-info"}
    migrations = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert migrations <= {Path(name).name for name in names if name.startswith("bot/database/migrations/versions/")}


def test_it_says_its_version(installed: Installed, tmp_path: Path) -> None:
    ran = installed.run(tmp_path, "--version")

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"record-bot {VERSION}\n", "")


def test_it_makes_a_database_and_knows_its_version(installed: Installed, tmp_path: Path) -> None:
    upgraded = installed.run(tmp_path, "db", "upgrade")
    current = installed.run(tmp_path, "db", "current")

    assert (upgraded.returncode, upgraded.stderr) == (0, "")
    assert (tmp_path / "record-bot.db").exists()
    assert (current.returncode, current.stderr) == (0, "")
    newest = max(path.stem.split("_")[0] for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert newest in current.stdout


@pytest.fixture
async def sandbox(installed: Installed, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        installed.bin / "record-bot", "sandbox", "--port", "0",
        cwd=tmp_path,
        env=installed.environment(),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_its_sandbox_shows_the_page_and_ends_cleanly(sandbox: asyncio.subprocess.Process) -> None:
    assert sandbox.stdout is not None
    said = ""
    async with asyncio.timeout(SECONDS_TO_ANSWER):
        while ADDRESS not in said:
            line = (await sandbox.stdout.readline()).decode()
            assert line, f"it ended, and had said: {said}"
            said += line
        address = ADDRESS + said.partition(ADDRESS)[2].split()[0].rstrip(".")
        page = await asyncio.to_thread(lambda: urlopen(address).read().decode())  # noqa: S310  our own page
        sandbox.send_signal(signal.SIGINT)
        rest = await sandbox.stdout.read()
        status = await sandbox.wait()

    assert "<title>" in page
    assert status == 0, rest.decode()
