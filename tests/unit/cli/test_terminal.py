"""Recording control from a terminal, below the command line: what it says, and what it leaves in the trail."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bot.cli.control.recording import Terminal
from bot.config.settings import ControlSettings
from bot.recording.control.request_log import SLACK_WRITE_SECONDS
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import CHAT, ENDED, INBOUND, OUTBOUND, WAITING
from tests.support.databases.sqlite import make_database
from tests.support.shell import Shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACTOR = "cli:ada"


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0.05)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def terminal(tmp_path: Path, genesys: SimulatedGenesys) -> Terminal:
    await make_database(tmp_path / "record-bot.db")
    settings = ControlSettings(
        purecloud_client_id=genesys.client_id,
        purecloud_client_secret=SecretStr(genesys.client_secret),
        genesys_api_url=genesys.url,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/record-bot.db",
    )
    return Terminal(settings, login="ada")


@pytest.fixture
def trail(tmp_path: Path) -> Shell:
    """An outside reader of the same database."""
    return Shell(tmp_path)


def facts(result: Any) -> Any:
    return json.loads(result.json())


async def test_pause_resume_and_status(terminal: Terminal, genesys: SimulatedGenesys, trail: Shell) -> None:
    started = await terminal.start(INBOUND, None)
    paused = await terminal.change("pause", None)
    seen = await terminal.status(INBOUND)
    resumed = await terminal.change("resume", INBOUND)

    assert [one.ok for one in (started, paused, seen, resumed)] == [True] * 4
    assert [facts(one)["state"] for one in (started, paused, resumed)] == ["active", "paused", "active"]
    assert facts(seen)["recording"]["state"] == "paused"
    assert facts(seen)["genesys"] == {"recording": "paused", "on_hold": False, "other_recorders": []}
    assert "record-bot: paused" in seen.text
    assert genesys.effective_recording(INBOUND) == "active"
    changes = [entry for entry in trail.entries() if entry[1] != "recording:read"]
    assert changes == [
        (phase, f"recording:{verb}", ACTOR)
        for verb in ("start", "pause", "resume")
        for phase in ("requested", "succeeded")
    ]


async def test_a_pause_with_a_length_says_until_when_and_can_be_extended(terminal: Terminal, trail: Shell) -> None:
    await terminal.start(INBOUND, None)
    paused = await terminal.change("pause", INBOUND, "90s")
    until = datetime.fromisoformat(facts(paused)["pause_until"])
    assert f"The recording is paused. Resumes by itself at {until:%Y-%m-%d %H:%M:%S} UTC." in paused.text
    extended = await terminal.extend(INBOUND)
    assert datetime.fromisoformat(facts(extended)["pause_until"]) - until == timedelta(seconds=90)
    assert "Resumes by itself at " in extended.text
    assert "note: Resumes by itself at " in (await terminal.status(INBOUND)).text
    assert "(note: Resumes by itself at " in (await terminal.live()).text
    assert ("succeeded", "recording:extend", ACTOR) in trail.entries()


@pytest.mark.parametrize("typed", ["90x", "0s", "10h"])
async def test_a_length_that_is_none_is_refused_with_what_can_be_typed(terminal: Terminal, typed: str) -> None:
    await terminal.start(INBOUND, None)
    refused = await terminal.change("pause", INBOUND, typed)
    assert not refused.ok
    assert facts(refused)["error"] == "malformed_length"
    assert "from 10s to 4h" in refused.text
    assert "record-bot recording pause <id> --for 90s" in refused.text


async def test_a_second_start_says_since_when_and_by_whom(terminal: Terminal, genesys: SimulatedGenesys) -> None:
    await terminal.start(INBOUND, None)
    again = await terminal.start(INBOUND, None)

    assert not again.ok
    assert facts(again)["error"] == "already_recording"
    assert again.text.startswith("cli:ada has been recording this call since ")
    assert " UTC. You don't need to do anything." in again.text
    assert len(genesys.writes(INBOUND)) == 1


async def test_with_several_live_recordings_one_has_to_be_named(terminal: Terminal) -> None:
    await terminal.start(INBOUND, None)
    await terminal.start(OUTBOUND, None)

    live = await terminal.live()
    stopped = await terminal.change("stop", None)

    assert [one["conversation_id"] for one in facts(live)] == [INBOUND, OUTBOUND]
    assert not stopped.ok
    assert facts(stopped)["error"] == "several_recordings"
    assert "record-bot recording list" in stopped.text


@pytest.mark.parametrize(
    ("call", "error", "phases"),
    [
        (ENDED, "call_ended", ["requested", "failed"]),
        (WAITING, "no_agent_connected", ["requested", "failed"]),
        (CHAT, "not_a_voice_call", ["requested", "failed"]),
        ("not-an-id", "malformed_id", ["failed"]),
        ("x" * 5000, "malformed_id", ["failed"]),
        (None, "malformed_id", ["failed"]),
    ],
    ids=["ended", "nobody connected", "chat", "malformed", "5,000 characters", "none"],
)
async def test_what_cannot_be_recorded_is_refused_and_in_the_trail(
    terminal: Terminal, genesys: SimulatedGenesys, trail: Shell, call: str | None, error: str, phases: list[str]
) -> None:
    refused = await terminal.start(call, None)

    assert not refused.ok
    assert facts(refused)["error"] == error
    assert trail.entries() == [(phase, "recording:start", ACTOR) for phase in phases]
    assert genesys.writes() == []


async def test_a_reason_that_is_too_long_is_refused(terminal: Terminal, genesys: SimulatedGenesys) -> None:
    refused = await terminal.start(INBOUND, "x" * 5000)

    assert not refused.ok
    assert facts(refused)["error"] == "reason_refused"
    assert "5,000 characters" in refused.text
    assert genesys.writes() == []


async def test_a_refusal_names_the_terminals_own_commands(terminal: Terminal) -> None:
    refused = await terminal.change("stop", None)

    assert not refused.ok
    assert "record-bot recording list" in refused.text
    assert "/record" not in refused.text


async def test_the_status_of_a_call_that_is_over_is_an_answer(terminal: Terminal) -> None:
    seen = await terminal.status(ENDED)

    assert seen.ok
    assert "The call has ended." in seen.text


async def test_a_stop_under_dual_control_takes_another_person(
    terminal: Terminal, genesys: SimulatedGenesys, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[dual_control]\nqueues = ["{derived_id("queue", "Billing")}"]')
    settings = terminal.settings.model_copy(update={"recording_policy_file": str(policy)})
    first, second = Terminal(settings, login="ada"), Terminal(settings, login="grace")
    await first.start(INBOUND, None)

    waits, again = await first.change("stop", INBOUND), await first.change("stop", INBOUND)

    assert "second supervisor has to confirm this stop" in waits.text
    assert "still waiting for a second supervisor" in again.text
    assert facts(waits)["approval"] == facts(again)["approval"]
    assert facts(waits)["approval"]["asked_by"] == ACTOR
    assert facts(waits)["state"] == "active"
    assert genesys.effective_recording(INBOUND) == "active"
    stopped = await second.change("stop", INBOUND)
    assert stopped.ok
    assert facts(stopped)["state"] == "stopped"
    assert genesys.effective_recording(INBOUND) == "none"


async def test_list_and_status_say_that_a_stop_waits(terminal: Terminal, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[dual_control]\nqueues = ["{derived_id("queue", "Billing")}"]')
    settings = terminal.settings.model_copy(update={"recording_policy_file": str(policy)})
    ada, grace = Terminal(settings, login="ada"), Terminal(settings, login="grace")
    await ada.start(INBOUND, None)
    await ada.start(OUTBOUND, None)
    nothing_yet = [await grace.live(), await grace.status(INBOUND)]
    asked = facts(await ada.change("stop", INBOUND))["approval"]

    live, seen, other = await grace.live(), await grace.status(INBOUND), await grace.status(OUTBOUND)

    until = f"{datetime.fromisoformat(asked['expires_at']):%Y-%m-%d %H:%M:%S} UTC"
    waits = f"{ACTOR} asked to stop; a second supervisor must confirm by {until}"
    assert not any("second supervisor" in one.text for one in (*nothing_yet, other))
    assert waits in next(line for line in live.text.splitlines() if line.startswith(INBOUND))
    assert live.text.count(waits) == 1
    assert [line for line in seen.text.splitlines() if waits in line]
    assert [one["approval"] for one in facts(live)] == [asked, None]
    assert (facts(seen)["approval"], facts(other)["approval"]) == (asked, None)

    with closing(sqlite3.connect(tmp_path / "record-bot.db")) as outside, outside:
        outside.execute("UPDATE approvals SET expires_at = asked_at")  # its time is up, and no bot has closed it yet
    assert "second supervisor" not in (await grace.live()).text + (await grace.status(INBOUND)).text


async def test_a_command_waits_longer_for_the_database_than_slack_allows(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.live()  # makes the database
    with closing(sqlite3.connect(tmp_path / "record-bot.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        stopping = asyncio.ensure_future(terminal.change("stop", None))
        await asyncio.wait({stopping}, timeout=SLACK_WRITE_SECONDS + 0.5)
        assert not stopping.done()
        lock.execute("ROLLBACK")
        refused = await stopping

    assert facts(refused)["error"] == "nothing_to_stop"
