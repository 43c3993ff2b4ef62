"""A call changes hands, and the person who had it recorded is asked: the whole bot between the two simulators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.scenario import ADA, GRACE

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedCall
    from bot.sandbox.slack import SimulatedMessage
    from tests.support.scenario import ServingScenario


async def asked_about(scenario: ServingScenario, user: str = ADA) -> SimulatedMessage:
    """Wait for the message about a call that changed hands."""
    await scenario.until_later(lambda: any("Genesys: `" in one.text for one in scenario.slack.direct_messages(user)))
    return next(one for one in reversed(scenario.slack.direct_messages(user)) if "Genesys: `" in one.text)


async def transferred(scenario: ServingScenario, to: str = "Tom Becker") -> SimulatedCall:
    call = scenario.genesys.add_call()
    await scenario.records(call.id, reason="complaint")
    scenario.genesys.transfers.blind(call, to)
    return call


async def test_one_click_goes_on_recording_after_a_transfer(scenario: ServingScenario) -> None:
    call = await transferred(scenario)
    message = await asked_about(scenario)
    await scenario.until(lambda: scenario.shows("Stopped · Priya Nair · "))
    first = scenario.card()
    assert re.search(r"Stopped <!date[^>]+> by a transfer after \d", first.text)
    assert "The call was transferred (Genesys: `transfer`)" in first.text
    assert "Tom Becker has taken over. record-bot is not recording this call." in message.text
    button = next(one for block in message.blocks if block["type"] == "actions" for one in block["elements"])
    assert (button["action_id"], button["value"]) == ("recording_follow", scenario.recordings()[0]["id"])
    assert "Tom Becker" in button["text"]["text"]

    await scenario.clicks(ADA, "follow", message)
    await scenario.until(lambda: len(scenario.cards()) == 2 and scenario.shows("Recording · Tom Becker · "))
    assert "· Reason: Complaint ·" in scenario.card().text
    assert [agent.adhoc for agent in call.agents] == [True]
    await scenario.until_later(lambda: any("recorded again" in one.text for one in scenario.slack.direct_messages(ADA)))
    assert [entry["phase"] for entry in scenario.entries("recording:follow")] == ["requested", "succeeded"]
    stop = scenario.entries("recording:stop")[-1]
    assert (stop["phase"], stop["outcome"]["by"], stop["outcome"]["disconnect_type"]) == (
        "observed",
        "transfer",
        "transfer",
    )
    lines = await scenario.until_delivered()
    assert any("ended after a transfer, now with Tom Becker" in line for line in lines)
    (ended,) = [entry for entry in scenario.published() if entry["action"] == "recording:stop"]
    assert (ended["by"], ended["disconnect_type"]) == ("transfer", "transfer")


async def test_two_clicks_by_two_people_start_one_recording(scenario: ServingScenario) -> None:
    call = await transferred(scenario)
    message = await asked_about(scenario)
    first = scenario.card()
    await scenario.until(lambda: "recording_follow" in str(first.blocks))
    scenario.slack.faults.switch_on("server_error", only="chat.update")  # so that the button stays
    await scenario.clicks(ADA, "follow", message)
    await scenario.clicks(GRACE, "follow", first)
    refused = re.compile(f"<@{ADA}> (asked to record|has been recording) this call (at|since) <!date")
    await scenario.until(lambda: any(refused.search(one) for one in scenario.told(GRACE)))
    scenario.slack.faults.switch_all_off()
    await scenario.until(lambda: scenario.shows("Recording · Tom Becker · "))
    assert scenario.genesys.recording_starts(call.id) == 2
    assert len(scenario.recordings()) == 2


@pytest.mark.parametrize("changes", [{"RECORDING_FOLLOW_TRANSFERS": "always"}])
async def test_always_goes_on_by_itself_and_asks_nobody(scenario: ServingScenario) -> None:
    call = await transferred(scenario)
    await scenario.until_later(lambda: len(scenario.cards()) == 2 and scenario.shows("Recording · Tom Becker · "))
    assert "started by <@U0ADA>" in scenario.card().text
    assert scenario.genesys.recording_starts(call.id) == 2
    assert scenario.slack.direct_messages(ADA) == []


async def test_a_second_transfer_is_asked_about_too(scenario: ServingScenario) -> None:
    call = await transferred(scenario)
    await scenario.clicks(ADA, "follow", await asked_about(scenario))
    await scenario.until(lambda: scenario.shows("Recording · Tom Becker · "))
    scenario.genesys.transfers.consult(call, "Lucia Romano")
    scenario.genesys.transfers.complete(call)
    await scenario.until_later(
        lambda: any("Lucia Romano has taken over" in one.text for one in scenario.slack.direct_messages(ADA))
    )


async def test_a_start_that_adopts_both_recorders_says_what_a_stop_leaves(scenario: ServingScenario) -> None:
    call = scenario.genesys.add_call(recording=True)
    scenario.genesys.policy_takes_hold(call.id)
    scenario.genesys.snippet(call.id)
    await scenario.records(call.id)
    card = scenario.card()
    assert "that recording continues after Stop" in card.text
    assert "A snippet of this call is also being recorded" in card.text
    assert re.search("Taken over <!date[^>]+> by <@U0ADA>", card.text)
    assert "started" not in card.text.lower()
    await scenario.types(ADA, f"status {call.id}")
    await scenario.until_told(ADA, "a recording policy also records this call")
    assert "a snippet is being recorded" in scenario.told(ADA)[-1]

    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert "The policy's recording of this call continues" in scenario.card().text
    assert (call.adhoc, call.policy, call.agents[0].snippet) == (False, True, True)
