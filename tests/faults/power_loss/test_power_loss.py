"""Only what was synced survives a power cut: at each write to Genesys, and after each acknowledgement, it is enough."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.integration.serve.conftest import ServedScene
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import ADA, simulators
from tests.support.skips import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.sandbox.genesys import SimulatedRequest

SOURCE = "tests/faults/power_loss/durable.c"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        missing("a C compiler is needed to model a power cut: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("disk") / "durable.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


class Survivor:
    """What a reader finds after a power cut at this moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cuts = 0

    def phases(self) -> list[tuple[str, str]]:
        """Cut the power, start the machine again, and read the trail."""
        self.cuts += 1
        after = self.folder.parent / f"after-{self.cuts}"
        shutil.copytree(self.folder, after, ignore=shutil.ignore_patterns("*.new"))
        with closing(sqlite3.connect(after / "record-bot.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            query = "SELECT phase, action FROM audit_entries ORDER BY seq"
            return [(phase, action) for phase, action in connection.execute(query)]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[ServedScene]:
    async with simulators(AcceleratedClock(speed=1)) as (slack, genesys):
        clock, launch = AcceleratedClock(speed=1), asyncio.create_subprocess_exec  # only a new program takes LD_PRELOAD
        scene = ServedScene(slack, genesys, clock, tmp_path / "record-bot.db", tmp_path, launch)
        yield scene
        await scene.kill()


async def test_no_call_without_its_entry_and_nothing_acknowledged_is_lost(
    scene: ServedScene, disk: Path, tmp_path: Path
) -> None:
    durable = tmp_path / "durable"
    durable.mkdir()
    survivor = Survivor(durable)
    at_writes: list[list[tuple[str, str]]] = []

    def cut(_request: SimulatedRequest) -> None:
        at_writes.append(survivor.phases())

    scene.genesys.on_write(cut)
    await scene.serve("http", LD_PRELOAD=str(disk), DURABLE_FOLDER=str(durable))
    for call in (INBOUND, OUTBOUND):
        await scene.types(ADA, f"start {call}")
        assert survivor.phases()[-1] == ("requested", "recording:start")  # acknowledged, so it is on the disk
        await scene.until(lambda: scene.shows("Recording"))
        assert survivor.phases()[-1] == ("succeeded", "recording:start")  # shown, so it is on the disk
        await scene.clicks(ADA, "stop")
        assert ("requested", "recording:stop") in survivor.phases()
        await scene.until(lambda: scene.shows("Stopped"))
        assert survivor.phases()[-1] == ("succeeded", "recording:stop")
    assert [phases[-1] for phases in at_writes] == [
        ("requested", "recording:start"),
        ("requested", "recording:stop"),
    ] * 2
