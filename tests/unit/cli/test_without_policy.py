"""``serve`` refuses to give up the rules of a policy file without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.database.queries.policy import SqlRules
from bot.recording.policy import DualControl
from bot.runtime.serve import Serving
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.recording.service import open_harness
from tests.support.scenario import GENESYS_PATIENCE, SOCKET_PING, ServingScenario, settings_for, simulators
from tests.support.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_AUDIT_CHANNEL": "C0AUDIT",
    "SLACK_SUPERVISORS": "U0ADA",
    "PURECLOUD_CLIENT_ID": "client",
    "PURECLOUD_CLIENT_SECRET": "secret",
    "PURECLOUD_ENVIRONMENT": "mypurecloud.com",
}
NOWHERE = {
    "SLACK_API_URL": "http://127.0.0.1:9/api/",
    "GENESYS_API_URL": "http://127.0.0.1:9",
    "HTTP_PORT": "0",
}
SAID = "without the policy file that it had before"


@pytest.mark.parametrize("named", [{}, {"RECORDING_POLICY_FILE": "gone.toml"}])
async def test_a_missing_policy_file_stops_the_start(tmp_path: Path, named: dict[str, str]) -> None:
    shell = Shell(tmp_path, SETTINGS | named)
    async with open_harness(shell.database) as harness:
        await SqlRules(harness.store).note(DualControl(), harness.clock.now(), digest="ab" * 32)

    ran = await shell("serve")

    assert (ran.status, ran.out) == (2, "")
    assert (
        f"The policy file {named.get('RECORDING_POLICY_FILE', 'policy.toml')} (RECORDING_POLICY_FILE) doesn't exist"
        in (ran.err)
    )
    assert named or "--without-policy" in ran.err
    assert shell.entries() == []

    checked = await shell("check", "--json", **NOWHERE)
    lines = [one for one in checked.facts["checks"] if one["what"] == "policy file"]
    assert checked.status == 2, "as serve"
    assert [(one["ok"], one["problem"]) for one in lines] == [(False, ran.err.strip())]


async def test_check_says_nothing_of_rules_that_were_given_up(tmp_path: Path) -> None:
    shell = Shell(tmp_path, SETTINGS)
    async with open_harness(shell.database) as harness:
        await SqlRules(harness.store).note(DualControl(frozenset({"q"})), harness.clock.now(), digest=None)

    checked = await shell("check", "--json", **NOWHERE)

    assert "policy file" not in {one["what"] for one in checked.facts["checks"]}


async def test_giving_up_the_rules_is_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real run between the simulators: it starts, says so in its first entry and in the audit channel, and once."""
    clock = AcceleratedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="socket", directory=tmp_path, changes={})
        database = tmp_path / "record-bot.db"
        async with open_harness(database) as harness:
            await SqlRules(harness.store).note(DualControl(), harness.clock.now(), digest="ab" * 32)
        for without in (True, False):
            serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE, socket_ping=SOCKET_PING,
                              without_policy=without)  # fmt: skip
            scenario = ServingScenario(slack, genesys, clock, database, serving)
            await scenario.begin()
            lines = await scenario.until_delivered()
            await scenario.end()
        outcomes = [one["outcome"] for one in scenario.entries("bot:start")]

    assert outcomes == [{"without_policy": True}, {}], "the next start needs no option, and says nothing"
    assert len([line for line in lines if SAID in line]) == 1, lines
