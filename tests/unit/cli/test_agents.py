"""Agents in place of calls, from a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.cli.control.agents import AgentTerminal
from bot.cli.control.recording import Terminal
from bot.config.settings import ControlSettings
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.databases.sqlite import make_database
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0)
    simulated.seed()
    simulated.floor.directory.user_id("Wanda Noll")
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def terminal(tmp_path: Path, genesys: SimulatedGenesys) -> AgentTerminal:
    await make_database(tmp_path / "record-bot.db")
    settings = ControlSettings(
        purecloud_client_id=genesys.client_id,
        purecloud_client_secret=SecretStr(genesys.client_secret),
        genesys_api_url=genesys.url,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/record-bot.db",
    )
    return AgentTerminal(Terminal(settings, login="ada"))


async def test_the_call_of_an_agent_is_recorded(terminal: AgentTerminal, genesys: SimulatedGenesys) -> None:
    result = await terminal.start("priya.nair@example.com", "complaint")
    assert result.ok, result.text
    assert INBOUND in result.text
    assert genesys.recording_starts(INBOUND) == 1


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Wanda Noll", "not_on_a_call"),
        ("a", "several_calls"),
        ("Nobody Else", "agent_not_found"),
        (INBOUND, "agent_not_found"),
    ],
)
async def test_what_names_no_single_call_is_refused(terminal: AgentTerminal, agent: str, kind: str) -> None:
    result = await terminal.start(agent, None)
    assert not result.ok
    assert json.loads(result.json())["error"] == kind


async def test_a_wait_is_begun_listed_and_ended(terminal: AgentTerminal, tmp_path: Path) -> None:
    begun = await terminal.next_call("wanda noll", "coaching", cancel=False)
    assert begun.ok, begun.text
    assert json.loads(begun.json())["agent_user_id"] == derived_id("user", "Wanda Noll")
    assert "next call of Wanda Noll  cli:ada" in (await terminal.terminal.live()).text
    again = await terminal.next_call("wanda noll", None, cancel=False)
    assert json.loads(again.json())["error"] == "already_waiting_for_call"
    assert (await terminal.next_call("wanda.noll@example.com", None, cancel=True)).ok
    assert not (await terminal.next_call("wanda noll", None, cancel=True)).ok
    entries = [(phase, action) for phase, action, _ in Shell(tmp_path).entries() if action.startswith("next:")]
    assert entries == [
        ("succeeded", "next:armed"),
        ("failed", "next:armed"),
        ("succeeded", "next:cancelled"),
        ("failed", "next:cancelled"),
    ]
