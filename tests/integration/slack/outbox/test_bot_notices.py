"""What the whole bot tells people by direct message, and what they do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, GRACE, ServingScenario

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

LONG, PAUSE = 31 * 60, 4 * 60


@pytest.fixture
def transport() -> str:
    """By socket: what Slack signs is looked at by the machine's clock, which doesn't jump."""
    return "socket"


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at the direct messages from the bot."""

    scenario: ServingScenario
    user: str = ADA

    def notices(self) -> list[SimulatedMessage]:
        return [
            one
            for one in self.scenario.slack.direct_messages(self.user)
            if one.metadata and one.metadata["event_type"] == "recording_notice"
        ]

    async def until_told(self, words: str) -> SimulatedMessage:
        await self.scenario.until_later(lambda: any(words in one.text for one in self.notices()))
        return next(one for one in self.notices() if words in one.text)


def buttons(message: SimulatedMessage) -> list[str]:
    elements: list[dict[str, Any]] = [one for block in message.blocks for one in block.get("elements", [])]
    return [one["action_id"] for one in elements if one["type"] == "button"]


async def restarted(scenario: ServingScenario) -> ServingScenario:
    """Return the world with a new bot on the same database."""
    await scenario.end()
    old = scenario.serving
    serving = Serving(old.settings, clock=old.clock, genesys_patience=old.genesys_patience)
    anew = replace(scenario, serving=serving)
    await anew.begin()
    return anew


async def test_a_long_recording_is_stopped_from_its_reminder(scenario: ServingScenario) -> None:
    ada = Reader(scenario)
    await scenario.records(INBOUND)
    scenario.clock.jump(LONG)
    reminder = await ada.until_told("Still recording")
    assert buttons(reminder) == ["recording_still_needed", "recording_stop"]
    await scenario.clicks(ADA, "stop", reminder)
    await ada.until_told("Stopped by <@U0ADA>")
    assert buttons(reminder) == []
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert len(ada.notices()) == 1
    assert Reader(scenario, GRACE).notices() == []


async def test_a_forgotten_pause_is_ended_from_its_reminder(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(GRACE, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    scenario.clock.jump(PAUSE)
    reminders = [await Reader(scenario, user).until_told("This recording was paused") for user in (ADA, GRACE)]
    await scenario.clicks(GRACE, "resume", reminders[1])
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    for user in (ADA, GRACE):
        await Reader(scenario, user).until_told("Resumed by <@U0GRACE>")
    assert [buttons(one) for one in reminders] == [[], []]
    assert scenario.recordings()[0]["paused_seconds"] >= PAUSE


async def test_a_click_of_somebody_without_rights_does_nothing(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    scenario.clock.jump(LONG)
    reminder = await Reader(scenario).until_told("Still recording")
    scenario.slack.workspace.people[ADA] = replace(scenario.slack.workspace.people[ADA], deleted=True)
    scenario.clock.jump(120)  # what Slack said of her is no longer counted on
    result = await scenario.slack.click(ADA, reminder.channel, reminder.ts, "recording_stop")
    assert result.acked
    await scenario.until(lambda: scenario.phases("recording:stop") == ["denied"])
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_the_end_of_a_call_is_told_once_also_after_a_restart(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    scenario.genesys.hang_up(INBOUND)
    await Reader(scenario).until_told("The call has ended")
    anew = await restarted(scenario)
    anew.clock.jump(60)
    await anew.types(ADA, "list")
    await anew.until_delivered()
    assert len(Reader(anew).notices()) == 1
    await anew.end()


async def test_a_recording_that_goes_on_over_a_restart_is_asked_about_once(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    anew = await restarted(scenario)
    anew.clock.jump(LONG)
    await Reader(anew).until_told("Still recording")
    again = await restarted(anew)
    again.clock.jump(LONG)
    await again.types(ADA, "list")
    await again.until_delivered()
    assert len(Reader(again).notices()) == 1
    await again.end()


@pytest.mark.parametrize("changes", [{"RECORDING_REMIND_AFTER": "0", "RECORDING_PAUSE_REMIND_AFTER": "1m"}])
async def test_the_settings_decide(scenario: ServingScenario) -> None:
    ada = Reader(scenario)
    await scenario.records(INBOUND)
    scenario.clock.jump(86400)
    await scenario.clicks(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    scenario.clock.jump(61)
    await ada.until_told("This recording was paused")
    assert len(ada.notices()) == 1


async def test_a_supervisor_reads_it_in_her_own_language(scenario: ServingScenario) -> None:
    await scenario.types("U0HEIDI", f"start {INBOUND}")
    await scenario.until(lambda: scenario.phases() == ["requested", "succeeded"])
    scenario.clock.jump(LONG)
    await Reader(scenario, "U0HEIDI").until_told("Wird sie noch gebraucht?")
