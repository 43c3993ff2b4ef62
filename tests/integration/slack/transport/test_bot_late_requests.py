"""A request that reaches the bot long after Slack told the person that it failed: the process was frozen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, FLOOR

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

FROZEN_SECONDS = 200


async def types_long_ago(scenario: ServingScenario, text: str) -> None:
    """Deliver a command that waited for minutes in the socket of a frozen process; Slack has given up on it."""
    scenario.slack.faults.switch_on("late_delivery", times=1, value=FROZEN_SECONDS)
    result = await scenario.slack.command(ADA, FLOOR, text)
    assert not result.acked


async def test_a_start_is_not_carried_out_late(scenario: ServingScenario) -> None:
    await types_long_ago(scenario, f"start {INBOUND}")

    told = await scenario.until_told(ADA, "too late")
    assert "s old" in told
    assert "not recording this call" in told
    assert scenario.genesys.writes() == []
    assert scenario.phases() == ["requested", "failed"]
    outcome = scenario.entries("recording:start")[-1]["outcome"]
    assert outcome["error"] == "too_late"
    assert outcome["age_seconds"] >= FROZEN_SECONDS
    await scenario.records(INBOUND)  # asking again works


async def test_a_resume_is_not_carried_out_late_but_a_stop_is(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    written = len(scenario.genesys.writes())

    await types_long_ago(scenario, f"resume {INBOUND}")
    await scenario.until_told(ADA, "too late")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert len(scenario.genesys.writes()) == written

    await types_long_ago(scenario, f"stop {INBOUND}")
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_a_pause_is_carried_out_late(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await types_long_ago(scenario, f"pause {INBOUND}")
    await scenario.until(lambda: scenario.shows("Paused"))


@pytest.mark.parametrize("transport", ["socket"])
async def test_over_the_socket_a_click_says_when_it_was_made(scenario: ServingScenario, transport: str) -> None:
    del transport
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    written, card = len(scenario.genesys.writes()), scenario.card()
    scenario.clock.real_time()  # the simulated Slack's timestamps must not be ahead of the machine's clock
    scenario.slack.faults.switch_on(
        "late_delivery", times=1, value=FROZEN_SECONDS + scenario.clock.time() - time.time()
    )

    await scenario.slack.click(ADA, FLOOR, card.ts, "recording_resume")

    await scenario.until_told(ADA, "too late")
    assert len(scenario.genesys.writes()) == written
