"""Reminders of long recordings in the whole bot: signed clicks on *Still needed* and *Stop*, several in one message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.integration.slack.outbox.test_bot_notices import Reader, buttons, restarted
from tests.support.scenario import ADA, ServingScenario
from tests.support.slack.start_modal import AtTheModal

SOON = 61
"""Seconds until a reminder here. What Slack signs holds for five minutes by the machine's clock, which doesn't jump."""
ALMOST = 55
"""Seconds after which nothing is due yet; the bot may look only 30 seconds after it is."""
STILL_NEEDED, STOP = "recording_still_needed", "recording_stop"
ACTION = "recording:still_needed"


@pytest.fixture
def changes() -> dict[str, str]:
    return {"RECORDING_REMIND_AFTER": "1m"}


async def test_of_several_in_one_message_one_is_still_needed_and_one_is_stopped(scenario: ServingScenario) -> None:
    ada = Reader(scenario)
    for names in ("Priya Nair · Billing", "Tom Becker · Sales"):
        await AtTheModal(scenario).looks_until(names)
    scenario.clock.real_time()  # the reminder comes before the second minute is over
    await scenario.records(INBOUND)
    await scenario.records(OUTBOUND)
    scenario.clock.jump(ALMOST)
    reminder = await ada.until_told("2 recordings are waiting for your answer")
    assert buttons(reminder) == [STILL_NEEDED, STOP] * 2
    assert "Priya Nair · Billing · Running for 1 min" in reminder.text
    assert "Tom Becker · Sales · Running for 1 min" in reminder.text

    click = await scenario.slack.click(ADA, reminder.channel, reminder.ts, STILL_NEEDED, block_id="notice_controls_2")
    assert click.acked
    await ada.until_told("Still needed, says <@U0ADA>. Next reminder: ")
    assert buttons(reminder) == [STILL_NEEDED, STOP]
    await scenario.clicks(ADA, "stop", reminder)
    await ada.until_told("Stopped by <@U0ADA>")
    assert buttons(reminder) == []
    assert len(ada.notices()) == 1
    assert scenario.genesys.effective_recording(OUTBOUND) == "active"

    (entry,) = scenario.entries(ACTION)
    assert (entry["phase"], entry["conversation_id"], entry["origin"]["source"]) == ("succeeded", OUTBOUND, "button")
    lines = await scenario.until_delivered()
    (line,) = [one for one in lines if f"*#{entry['seq']}*" in one]
    assert "said that the recording of Tom Becker (Sales) is still needed · next reminder " in line

    scenario.clock.jump(SOON)
    await scenario.until_later(lambda: len(ada.notices()) == 2)
    assert ada.notices()[-1].text.startswith("Still recording · Tom Becker · Sales · Running for ")


async def test_a_person_without_rights_is_told_so_and_the_reminder_stays(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    scenario.clock.jump(SOON)
    reminder = await Reader(scenario).until_told("Still recording")
    scenario.slack.workspace.people[ADA] = replace(scenario.slack.workspace.people[ADA], deleted=True)
    scenario.clock.jump(SOON)  # what Slack said of her is no longer counted on
    click = await scenario.slack.click(ADA, reminder.channel, reminder.ts, STILL_NEEDED)
    assert click.acked
    await scenario.until(lambda: scenario.phases(ACTION) == ["denied"])
    await scenario.until_told(ADA, "deactivated", reminder.channel)
    assert buttons(reminder) == [STILL_NEEDED, STOP]


async def test_clicks_that_come_too_late_are_answered_by_what_is_so_also_after_a_restart(
    scenario: ServingScenario,
) -> None:
    ada = Reader(scenario)
    await scenario.records(INBOUND)
    scenario.clock.jump(SOON)
    reminder = await ada.until_told("Still recording")
    scenario.slack.faults.switch_on("server_error", only="chat.update")  # so that the buttons stay
    anew = await restarted(scenario)
    await anew.clicks(ADA, "still_needed", reminder)
    await anew.until(lambda: anew.phases(ACTION) == ["succeeded"])
    await anew.clicks(ADA, "still_needed", reminder)
    await anew.until_told(
        ADA, "has already said that this recording is still needed. Next reminder: ", reminder.channel
    )
    anew.genesys.hang_up(INBOUND)
    await anew.until(lambda: anew.recordings()[0]["state"] == "ended")
    await anew.clicks(ADA, "still_needed", reminder)
    await anew.until_told(ADA, "This recording ended when the call did", reminder.channel)
    assert anew.phases(ACTION) == ["succeeded", "failed", "failed"]
    anew.slack.faults.switch_all_off()
    await anew.until_later(lambda: buttons(reminder) == [])
    await anew.end()
