"""The same request twice, or two people at the same moment: one action."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, FLOOR, GRACE, ServingScenario

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])
ROUNDS = 8


@BOTH_WAYS
async def test_a_command_delivered_twice_counts_once(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("duplicate_delivery", times=1)
    result = await scenario.slack.command(ADA, FLOOR, f"start {INBOUND}")
    assert result.again is not None
    answers = sorted([result.body["text"], result.again.body["text"]])
    assert "delivered this request twice" in answers[1]
    assert "Starting the recording" in answers[0]
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.phases() == ["requested", "succeeded"]
    assert len(scenario.rows("SELECT id FROM attempts")) == 1
    assert scenario.genesys.recording_starts(INBOUND) == 1
    assert len(scenario.genesys.writes()) == 1


@BOTH_WAYS
async def test_a_click_delivered_twice_counts_once(scenario: ServingScenario) -> None:
    scenario.clock.real_time()  # the bot says nothing about a slow answer of Genesys either
    await scenario.records(INBOUND)
    scenario.slack.faults.switch_on("duplicate_delivery", times=1)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    await scenario.slack.redeliver()
    assert scenario.phases("recording:stop") == ["requested", "succeeded"]
    assert len(scenario.genesys.writes()) == 2
    assert scenario.told(ADA)[-1].startswith(":hourglass_flowing_sand: Starting")  # nobody is bothered with it


async def test_a_refused_command_delivered_again_leaves_one_entry(scenario: ServingScenario) -> None:
    await scenario.types(ADA, "start 12345")
    again = await scenario.slack.redeliver()
    assert "only carried out once" in again.body["text"]
    assert len(scenario.entries("recording:%")) == 1


async def test_a_start_that_is_redelivered_after_the_stop_starts_nothing(scenario: ServingScenario) -> None:
    first = await scenario.slack.command(ADA, FLOOR, f"start {INBOUND}")
    await scenario.until(lambda: scenario.shows("Recording"))
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    again = await scenario.slack.redeliver(first)
    assert "record-bot is not recording this call" in again.body["text"]
    assert scenario.genesys.recording_starts(INBOUND) == 1


async def test_two_supervisors_at_once_make_one_start_and_one_stop(scenario: ServingScenario) -> None:
    for _ in range(ROUNDS):
        call = scenario.genesys.add_call(agent="Ines Duarte").conversation_id
        answers = await asyncio.gather(*(scenario.types(user, f"start {call}") for user in (ADA, GRACE)))
        assert sorted("Starting the recording" in answer for answer in answers) == [False, True]
        first = ADA if "Starting" in answers[0] else GRACE
        late = next(answer for answer in answers if "Starting the recording" not in answer)
        assert f"<@{first}> asked to record" in late or f"<@{first}> has been recording" in late

        await scenario.until(lambda: scenario.shows("Recording"))
        await asyncio.gather(*(scenario.clicks(user, "stop") for user in (ADA, GRACE)))
        await scenario.until(lambda: scenario.shows("Stopped"))
        assert [request.body for request in scenario.genesys.writes(call)] == [
            {"recording": True},
            {"recording": False},
        ]
    assert scenario.phases("recording:stop").count("requested") == ROUNDS
    assert scenario.phases("recording:stop").count("failed") == ROUNDS
