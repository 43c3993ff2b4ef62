"""``record-bot check --call``: a real start and stop on a test call, what Genesys answered, and what the trail has."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.cli.control.call_check import CallCheck
from bot.config.settings import ControlSettings
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.seed import CHAT, ENDED, INBOUND, POLICY_RECORDED
from tests.support.shell import Shell, genesys_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.cli.control.call_check import CallChecked


@asynccontextmanager
async def organization() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0.05)
    simulated.seed()
    await simulated.start()
    try:
        yield simulated
    finally:
        await simulated.stop()


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    async with organization() as simulated:
        yield simulated


@pytest.fixture
def trail(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


async def checked(tmp_path: Path, genesys: SimulatedGenesys, call: str) -> CallChecked:
    settings = ControlSettings(
        purecloud_client_id=genesys.client_id,
        purecloud_client_secret=SecretStr(genesys.client_secret),
        genesys_api_url=genesys.url,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/record-bot.db",
    )
    return await CallCheck(settings, "ada").run(call)


async def test_a_start_and_a_stop_with_each_answer_and_their_entries(
    tmp_path: Path, genesys: SimulatedGenesys, trail: Shell
) -> None:
    result = await checked(tmp_path, genesys, INBOUND)

    assert result.ok
    assert [step.name for step in result.steps] == ["start", "stop"]
    assert genesys.recording_starts(INBOUND) == 1
    assert genesys.effective_recording(INBOUND) == "none"
    assert [(seen.method, seen.status) for seen in result.steps[0].answers if seen.method == "PATCH"] == [
        ("PATCH", 202)
    ]
    shown = {seen.correlation_id for step in result.steps for seen in step.answers if seen.operation != "login"}
    assert shown == {request.correlation_id for request in genesys.requests}
    assert "PATCH stop ad-hoc recording: HTTP 202" in result.text()
    assert "inbox" in result.conclusion
    assert trail.entries() == [
        ("requested", "recording:start", "cli:ada"),
        ("succeeded", "recording:start", "cli:ada"),
        ("requested", "recording:stop", "cli:ada"),
        ("succeeded", "recording:stop", "cli:ada"),
    ]


async def test_a_policys_recording_goes_on_afterwards(tmp_path: Path, genesys: SimulatedGenesys) -> None:
    result = await checked(tmp_path, genesys, POLICY_RECORDED)

    assert result.ok
    assert [step.name for step in result.steps] == ["start", "stop", "start again"]
    assert genesys.effective_recording(POLICY_RECORDED) == "active"
    assert "ad-hoc recording was not tried" in result.conclusion


async def test_somebody_elses_recording_proves_nothing_and_is_not_stopped(
    tmp_path: Path, genesys: SimulatedGenesys
) -> None:
    genesys.set_recording(INBOUND, on=True)

    result = await checked(tmp_path, genesys, INBOUND)

    assert not result.ok
    assert [step.name for step in result.steps] == ["start"]
    assert genesys.writes() == []
    assert genesys.effective_recording(INBOUND) == "active"
    assert "no start was sent" in result.conclusion


@pytest.mark.parametrize(
    ("fault", "status", "code", "kind"),
    [
        ("not_a_user", 400, "not.a.user", "user_context_needed"),
        ("forbidden", 403, "missing.permissions", "permission_missing"),
    ],
)
async def test_a_start_that_genesys_refuses_is_shown_with_its_code(
    tmp_path: Path, genesys: SimulatedGenesys, trail: Shell, fault: str, status: int, code: str, kind: str
) -> None:
    genesys.faults.switch_on(fault, only="PATCH")

    result = await checked(tmp_path, genesys, INBOUND)

    assert not result.ok
    (start,) = result.steps
    assert (start.answers[-1].status, start.answers[-1].code) == (status, code)
    assert f"HTTP {status}, {code}" in result.text()
    assert start.facts()["result"]["error"] == kind
    assert trail.entries()[-1] == ("failed", "recording:start", "cli:ada")
    assert genesys.effective_recording(INBOUND) == "none"


@pytest.mark.parametrize("call", ["not-an-id", ENDED, CHAT])
async def test_a_call_that_can_not_be_recorded_is_a_problem_and_nothing_is_stopped(
    tmp_path: Path, genesys: SimulatedGenesys, call: str
) -> None:
    result = await checked(tmp_path, genesys, call)

    assert not result.ok
    assert [step.name for step in result.steps] == ["start"]
    assert genesys.writes() == []


async def test_a_stop_that_fails_says_that_the_recording_may_run(tmp_path: Path, genesys: SimulatedGenesys) -> None:
    def refuse_the_stop(_: object) -> None:
        genesys.faults.switch_on("forbidden", only="PATCH")

    genesys.on_write(lambda request: refuse_the_stop(request) if request.body == {"recording": False} else None)

    result = await checked(tmp_path, genesys, INBOUND)

    assert not result.ok
    assert [step.result.ok for step in result.steps] == [True, False]
    assert "may still run" in result.conclusion


# --- the command ------------------------------------------------------------------------------------------------------


async def test_without_a_terminal_and_without_yes_nothing_is_done(
    tmp_path: Path, genesys: SimulatedGenesys, trail: Shell
) -> None:
    ran = await trail("check", "--call", INBOUND, **genesys_settings(genesys))

    assert ran.status == 2
    assert "--yes" in ran.err
    assert ran.out == ""
    assert genesys.requests == []
    assert not (tmp_path / "record-bot.db").exists()


async def test_with_yes_and_json(genesys: SimulatedGenesys, trail: Shell) -> None:
    ran = await trail("check", "--call", INBOUND, "--yes", "--json", **genesys_settings(genesys))

    assert ran.status == 0
    assert ran.facts["ok"] is True
    assert [step["step"] for step in ran.facts["steps"]] == ["start", "stop"]
    assert all(answer["status"] < 300 for step in ran.facts["steps"] for answer in step["answers"])


async def test_a_bad_id_is_1_with_a_sentence(genesys: SimulatedGenesys, trail: Shell) -> None:
    ran = await trail("check", "--call", "nonsense", "--yes", **genesys_settings(genesys))

    assert ran.status == 1
    assert "PROBLEM" in ran.out
    assert "Traceback" not in ran.err
