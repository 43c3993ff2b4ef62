"""``serve`` refuses to give up the rules of a policy file without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.database.queries.policy import SqlRules
from bot.recording.policy import DualControl
from tests.support.recording.service import open_harness
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
