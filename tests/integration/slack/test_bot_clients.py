"""The bot with several OAuth clients: one that Genesys refuses takes no other down, and comes back by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import DIVISION_ID
from bot.sandbox.genesys.state.seed import INBOUND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scenario import ServingScenario

SOUTH, SECRET = "22222222-2222-4222-8222-222222222222", "secret-of-the-south"


@pytest.fixture
def changes(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "clients.toml"
    file.write_text(
        f'[[client]]\nlabel = "home"\nid = "sandbox-client"\nsecret = "sandbox-secret"\ndivisions = ["{DIVISION_ID}"]\n'
        f'[[client]]\nlabel = "south"\nid = "south-client"\nsecret = "{SECRET}"\ndivisions = ["{SOUTH}"]\n'
    )
    return {"PURECLOUD_CLIENTS": str(file), "PURECLOUD_CLIENT_ID": "", "PURECLOUD_CLIENT_SECRET": ""}


async def test_calls_of_one_client_go_on_while_genesys_refuses_the_other(
    scenario: ServingScenario, caplog: pytest.LogCaptureFixture
) -> None:
    refused = (await scenario.readiness())["genesys"]
    await scenario.records(INBOUND)
    south = scenario.genesys.add_call(agent="Tom Becker", division=SOUTH)
    await scenario.types("U0ADA", f"start {south.conversation_id}")
    await scenario.until(lambda: scenario.phases("recording:start")[-1] == "failed")
    outcome = scenario.entries("recording:start")[-1]["outcome"]

    assert not refused["ok"]
    assert refused["problem"] == "OAuth client south: login_refused"
    assert {label: one["ok"] for label, one in refused["clients"].items()} == {"home": True, "south": False}
    assert outcome["error"] == "login_refused"

    scenario.genesys.add_client("south-client", SECRET, {SOUTH})
    health = scenario.serving.readiness.control
    assert health is not None
    await scenario.until_later(lambda: health.genesys.health().usable)
    await scenario.records(south.conversation_id)
    _, metrics = await scenario.page("/metrics")

    assert [one.client.client_id for one in scenario.genesys.writes(south.conversation_id) if one.client] == [
        "south-client"
    ]
    assert (await scenario.readiness())["genesys"]["ok"]
    assert 'record_bot_genesys_client_up{client="south"} 1.0' in metrics
    assert 'record_bot_genesys_client_requests_total{answer="200",client="south"}' in metrics
    assert SECRET not in metrics + caplog.text
