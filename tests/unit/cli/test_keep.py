"""Keeping and releasing recordings from a terminal: what it says, and what it leaves in the trail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.cli.control.keep import KeepTerminal
from bot.config.settings import ControlSettings
from bot.recording.keeping.keep import KeepVerb
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.seed import INBOUND, POLICY_RECORDED
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACTOR = "cli:ada"


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def settings(tmp_path: Path, genesys: SimulatedGenesys) -> ControlSettings:
    return ControlSettings(
        purecloud_client_id=genesys.client_id,
        purecloud_client_secret=SecretStr(genesys.client_secret),
        genesys_api_url=genesys.url,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/record-bot.db",
    )


async def test_keep_and_release(settings: ControlSettings, genesys: SimulatedGenesys, tmp_path: Path) -> None:
    terminal = KeepTerminal(settings, "ada")
    genesys.hang_up(POLICY_RECORDED)
    kept = await terminal.ask(KeepVerb.KEEP, POLICY_RECORDED, "threat")
    assert (kept.ok, kept.facts["state"], kept.facts["annotation"]) == (True, "done", "added")
    assert kept.sentence.startswith(f"Call {POLICY_RECORDED}: Kept ")
    assert ":lock:" not in kept.sentence
    assert "cli:ada" in kept.sentence
    assert genesys.recordings.protected == {POLICY_RECORDED}

    released = await terminal.ask(KeepVerb.RELEASE, POLICY_RECORDED, None)
    again = await terminal.ask(KeepVerb.RELEASE, POLICY_RECORDED, None)
    assert (released.ok, again.ok, again.facts["error"]) == (True, False, "not_kept")
    assert "nothing to release" in json.loads(again.text(as_json=True))["sentence"]
    assert Shell(tmp_path).entries() == [
        ("requested", "recording:keep", ACTOR),
        ("succeeded", "recording:keep", ACTOR),
        ("requested", "recording:release", ACTOR),
        ("succeeded", "recording:release", ACTOR),
        ("requested", "recording:release", ACTOR),
        ("failed", "recording:release", ACTOR),
    ]


async def test_what_has_to_wait_is_left_to_serve(settings: ControlSettings) -> None:
    terminal = KeepTerminal(settings, "ada")
    waiting = await terminal.ask(KeepVerb.KEEP, INBOUND, None)
    assert (waiting.ok, waiting.facts["state"]) == (True, "waiting")
    assert waiting.sentence.endswith("record-bot serve does this.")
    assert waiting.facts["next_try_at"]
    second = await terminal.ask(KeepVerb.KEEP, INBOUND, None)
    assert (second.ok, second.facts["error"]) == (False, "already_kept")
    refused = await terminal.ask(KeepVerb.KEEP, "nonsense", None)
    assert "record-bot recording start" not in refused.sentence
