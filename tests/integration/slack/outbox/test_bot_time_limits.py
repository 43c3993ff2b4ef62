"""Pauses and recordings that end by themselves, in a running bot: announced, extended, ended, and shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.integration.slack.outbox.test_bot_notices import Reader, buttons
from tests.support.scenario import ADA, CLARA, GRACE, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

EXTEND, RESUME, STOP = "recording_extend", "recording_resume", "recording_stop"
KEEP = "recording_keep"
PAUSED = [RESUME, EXTEND, STOP, KEEP]


@pytest.fixture
def transport() -> str:
    """By socket: what Slack signs is looked at by the machine's clock, which doesn't jump."""
    return "socket"


@pytest.fixture
def changes(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(
        f"""
        [[grant]]
        label = "Sales"
        who = ["{CLARA}"]
        queues = ["{derived_id("queue", "Sales")}"]

        [dual_control]
        queues = ["{derived_id("queue", "Claims")}"]
        within = "1h"
        pause_longer_than = "5m"
        """
    )
    return {"RECORDING_AT_MOST": "2h"}


async def paused(scenario: ServingScenario, call: str, length: str = "") -> str:
    """Have a call recorded and paused, and return what the acknowledgement said."""
    await scenario.records(call)
    said = await scenario.types(ADA, f"pause {call} {length}".rstrip())
    await scenario.until(lambda: scenario.shows("Paused"))
    return said


async def jump_to(scenario: ServingScenario, end: str, seconds: float) -> None:
    """Let time pass at once until so many seconds before an end.

    A worker that is about to sleep at the jump would sleep as long as it has worked out before, but a write wakes it.
    """
    left = datetime.fromisoformat(scenario.recordings()[0][end]) - scenario.clock.now()
    scenario.clock.jump(left.total_seconds() - seconds)
    await scenario.types(ADA, "list")


async def announced(scenario: ServingScenario, reader: Reader, end: str, words: str) -> SimulatedMessage:
    """Let time pass until 14 s before the end, and then as it does; return the message that announces the end."""
    scenario.clock.real_time()
    await jump_to(scenario, end, 14)
    await scenario.until(lambda: any(words in one.text for one in reader.notices()))
    return reader.notices()[-1]


async def test_a_pause_is_announced_extended_by_a_click_and_ends_by_itself(scenario: ServingScenario) -> None:
    ada = Reader(scenario)
    said = await paused(scenario, INBOUND, "10m")
    assert "Recording resumes by itself after 10 min 00 s." in said
    assert buttons(scenario.card()) == PAUSED
    assert "Resumes by itself at <!date^" in scenario.card().text

    message = await announced(scenario, ada, "pause_until", "This pause ends by itself at ")
    assert buttons(message) == [EXTEND, RESUME]
    click = await scenario.slack.click(ADA, message.channel, message.ts, EXTEND)
    assert click.acked
    await ada.until_told("Extended by <@U0ADA>")
    assert buttons(message) == []
    assert len(scenario.entries("recording:extend")) == 1
    assert scenario.genesys.effective_recording(INBOUND) == "paused"

    await jump_to(scenario, "pause_until", 0)
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    lines = await scenario.until_delivered()
    assert any("record-bot resumed recording" in line and "the pause was over" in line for line in lines), lines
    assert [(one["phase"], one["actor"]) for one in scenario.entries("recording:resume")] == [
        ("requested", "bot:guard"),
        ("succeeded", "bot:guard"),
    ]


@pytest.mark.parametrize("nonsense", ["90x", "0s", "-5s", "10h"])
async def test_nonsense_gets_a_sentence_with_what_can_be_typed(scenario: ServingScenario, nonsense: str) -> None:
    await scenario.records(INBOUND)
    said = await scenario.types(ADA, f"pause {INBOUND} {nonsense}")
    assert "That isn't a length that a pause can have. Nothing was changed." in said
    assert "from 10s to 4h" in said
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_who_may_not_control_the_call_may_not_extend(scenario: ServingScenario) -> None:
    await paused(scenario, INBOUND, "10m")
    until = scenario.recordings()[0]["pause_until"]
    await scenario.clicks(CLARA, "extend")
    await scenario.until(lambda: scenario.phases("recording:extend") == ["denied"])
    assert scenario.recordings()[0]["pause_until"] == until


async def test_a_choice_between_recordings_keeps_the_length(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.records(OUTBOUND)
    said = await scenario.slack.command(ADA, scenario.card().channel, "pause 90s")
    rows = [block["accessory"] for block in said.body["blocks"] if "accessory" in block]
    assert all(row["value"].endswith(" 90s") for row in rows)
    choice = [one for one in scenario.slack.messages(scenario.card().channel) if one.ephemeral_to == ADA][-1]
    await scenario.slack.click(ADA, choice.channel, choice.ts, "recording_pause")
    await scenario.until(lambda: any(one["pause_seconds"] == 90 for one in scenario.recordings()))


async def test_a_recording_started_by_hand_stops_by_itself(scenario: ServingScenario) -> None:
    ada = Reader(scenario)
    await scenario.records(INBOUND)
    assert "Stops by itself at <!date^" in scenario.card().text
    message = await announced(scenario, ada, "run_until", "This recording stops by itself at ")
    assert buttons(message) == [EXTEND, STOP]
    await jump_to(scenario, "run_until", 0)
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert scenario.genesys.effective_recording(INBOUND) == "none"
    await ada.until_told("Stopped by record-bot")


async def test_a_pause_left_on_is_said_when_the_agent_wraps_up_and_when_the_call_ends(
    scenario: ServingScenario,
) -> None:
    ada = Reader(scenario)
    await paused(scenario, POLICY_RECORDED, "5m")
    scenario.genesys.agent_wraps_up(POLICY_RECORDED)
    await scenario.until_later(lambda: any("The agent is wrapping up" in one.text for one in ada.notices()))
    assert scenario.recordings()[0]["state"] == "paused"
    scenario.genesys.hang_up(POLICY_RECORDED)
    await ada.until_told("The call has ended with the recording still paused")
    assert len(ada.notices()) == 2


async def test_a_longer_pause_is_bounded_at_once_and_a_second_supervisor_confirms_it(
    scenario: ServingScenario,
) -> None:
    said = await paused(scenario, POLICY_RECORDED)
    assert "Recording resumes by itself after 5 min 00 s: a longer pause needs a second supervisor" in said
    await scenario.until(lambda: "recording_confirm_pause" in buttons(scenario.card()))
    assert scenario.genesys.effective_recording(POLICY_RECORDED) == "paused"
    await scenario.clicks(ADA, "confirm_pause")
    await scenario.until_told(ADA, "someone else has to confirm it")
    await scenario.clicks(GRACE, "confirm_pause")
    await scenario.until_told(GRACE, "lasts longer")
    await scenario.until(lambda: "Longer pause confirmed (without an end)" in scenario.card().text)
    assert buttons(scenario.card()) == [RESUME, STOP, KEEP]
    assert scenario.recordings()[0]["pause_until"] is None
