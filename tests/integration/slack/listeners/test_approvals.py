"""A stop that takes two people, as they see it in Slack: card, message, buttons, and result."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.cli.control.recording import Terminal
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, CLARA, FLOOR, GRACE, MALLORY, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

BILLING, SALES = derived_id("queue", "Billing"), derived_id("queue", "Sales")
HEIDI = "U0HEIDI"
APPROVAL = "recording:stop_approval"
DECIDE = ["recording_confirm_stop", "recording_withdraw_stop"]
WAITING = ["recording_pause", *DECIDE, "recording_keep"]
USUAL = ["recording_pause", "recording_stop", "recording_keep"]


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
        queues = ["{SALES}"]

        [dual_control]
        queues = ["{BILLING}"]
        within = "1h"
        """
    )
    return {}


def buttons(message: SimulatedMessage) -> list[str]:
    elements: list[dict[str, Any]] = [one for block in message.blocks for one in block.get("elements", [])]
    return [one["action_id"] for one in elements if one["type"] == "button"]


def notices(scenario: ServingScenario) -> list[SimulatedMessage]:
    """Return the messages on the floor about stops that wait, or waited."""
    found = [one for one in scenario.slack.messages(FLOOR) if one.metadata]
    return [one for one in found if one.metadata and one.metadata["event_type"] == "recording_notice"]


async def waiting(scenario: ServingScenario, *, user: str = ADA) -> SimulatedMessage:
    """Have one supervisor press Stop, and return the message that asks for another one."""
    await scenario.records(INBOUND, user=user)
    await scenario.clicks(user, "stop")
    await scenario.until(lambda: "recording_confirm_stop" in buttons(scenario.card()) and notices(scenario))
    return notices(scenario)[-1]


async def until_usual(scenario: ServingScenario, words: str) -> None:
    """Wait until the card has its usual buttons and shows the stop's result, and the message does without buttons."""
    await scenario.until_later(lambda: buttons(scenario.card()) == USUAL and words in scenario.card().text)
    await scenario.until_later(lambda: words in notices(scenario)[-1].text)
    assert buttons(notices(scenario)[-1]) == []


async def restarted(scenario: ServingScenario) -> ServingScenario:
    """Return the world with a new bot on the same database."""
    await scenario.end()
    old = scenario.serving
    serving = Serving(old.settings, clock=old.clock, genesys_patience=old.genesys_patience)
    anew = replace(scenario, serving=serving)
    await anew.begin()
    return anew


async def test_a_second_supervisor_confirms_on_the_card(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    told = await scenario.until_told(ADA, "second supervisor has to confirm this stop")
    assert f"/record stop {INBOUND}" in told
    card = scenario.card()
    assert buttons(card) == WAITING
    assert buttons(notice) == DECIDE
    for said in (card.text, notice.text):
        assert f"<@{ADA}> asked to stop this recording at <!date^" in said
        assert "Another supervisor has to confirm by" in said
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    await scenario.clicks(GRACE, "confirm_stop", card)
    await scenario.until(lambda: scenario.shows("Stopped"))
    await scenario.until_told(GRACE, f"You confirmed <@{ADA}>'s request, so the recording of call")
    assert f", <@{GRACE}> confirmed at <!date^" in scenario.card().text
    assert "recording_confirm_stop" not in buttons(scenario.card())
    await scenario.until_later(lambda: f", <@{GRACE}> confirmed at <!date^" in notices(scenario)[0].text)
    assert buttons(notices(scenario)[0]) == []
    assert len(notices(scenario)) == 1
    assert scenario.genesys.effective_recording(INBOUND) == "none"


async def test_the_audit_channel_tells_who_asked_who_confirmed_and_until_when(scenario: ServingScenario) -> None:
    await waiting(scenario)
    await scenario.until_delivered()  # or the request and its confirmation, which follow each other, share a line
    await scenario.clicks(GRACE, "confirm_stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    lines = [line for line in await scenario.until_delivered() if re.search("stop.* recording", line)]
    asked, confirmed, *stopped = lines
    assert "Ada Byron requested to stop recording" in asked
    assert "a second supervisor must confirm by <!date^" in asked
    assert "Grace Murray confirmed the stop of recording" in confirmed
    assert "requested by Ada Byron" in confirmed
    # the stop's result has a line of its own if its request was posted before
    assert "requested by Ada Byron · confirmed by Grace Murray" in stopped[0]
    assert "Grace Murray stopped recording" in stopped[-1]
    assert "<@" not in "".join(lines)


async def test_it_is_confirmed_from_the_message_in_the_channel(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    await scenario.clicks(GRACE, "confirm_stop", notice)
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_nobody_confirms_their_own(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    await scenario.clicks(ADA, "confirm_stop", notice)
    told = await scenario.until_told(ADA, "You asked for this, so someone else has to confirm it.")
    assert f"(#{scenario.entries(APPROVAL)[-1]['seq']})" in told
    denied = scenario.entries(APPROVAL)[-1]
    assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "own_request")
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_clicks_at_the_same_moment_are_one_stop(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    card = scenario.card()
    people = [GRACE, HEIDI, GRACE]
    await asyncio.gather(
        *(scenario.clicks(user, "confirm_stop", one) for user in people for one in (card, notice)),
    )
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert scenario.phases("recording:stop") == ["requested", "succeeded"]
    writes = [one for one in scenario.genesys.writes() if INBOUND in one.path]
    assert len(writes) == 2  # the start, and one stop
    refused = scenario.entries(APPROVAL)[2:]
    assert {one["outcome"]["error"] for one in refused} == {"approval_closed"}
    await scenario.until_told(GRACE, "It has already been confirmed.")


async def test_who_asked_withdraws_and_nobody_else(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    await scenario.clicks(GRACE, "withdraw_stop", notice)
    await scenario.until_told(GRACE, "Only the person who asked for this can withdraw it")
    await scenario.clicks(ADA, "withdraw_stop", notice)
    assert ". Nothing was stopped. (#" in await scenario.until_told(ADA, "You withdrew the request to stop call")
    await until_usual(scenario, "and withdrew the request at <!date^")
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_what_nobody_confirms_lapses_and_the_usual_buttons_return(scenario: ServingScenario) -> None:
    await waiting(scenario)
    scenario.clock.jump(3601)
    await until_usual(scenario, "so the request expired")
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_a_call_that_ends_meanwhile_says_so(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    scenario.genesys.hang_up(INBOUND)
    await scenario.until_later(lambda: scenario.shows("Call ended"))
    await scenario.until_later(lambda: buttons(notice) == [])
    assert "but it ended before anyone confirmed" in notice.text


async def test_it_waits_on_over_a_restart_and_is_told_once(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    anew = await restarted(scenario)
    await anew.types(ADA, "list")
    await anew.until_delivered()
    assert len(notices(anew)) == 1
    await anew.clicks(GRACE, "confirm_stop", notice)
    await anew.until(lambda: anew.shows("Stopped"))
    await anew.until_later(lambda: buttons(notice) == [])
    await anew.end()


async def test_one_that_lapsed_while_the_bot_was_away_is_closed_at_the_start(scenario: ServingScenario) -> None:
    await waiting(scenario)
    await scenario.end()
    scenario.clock.jump(3601)
    anew = replace(scenario, serving=Serving(scenario.serving.settings, clock=scenario.clock))
    await anew.begin()
    await until_usual(anew, "so the request expired")
    await anew.end()


async def test_a_strangers_click_is_refused_and_in_the_trail(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    for verb in ("confirm_stop", "withdraw_stop"):
        await scenario.clicks(MALLORY, verb, notice)
    await scenario.until_told(MALLORY, "You don't have permission to control recordings")
    denied = scenario.entries(APPROVAL)[1:]
    assert [(one["phase"], one["outcome"]["cause"]) for one in denied] == [("denied", "not_listed")] * 2
    assert {one["conversation_id"] for one in denied} == {INBOUND}
    assert buttons(scenario.card()) == WAITING


async def test_a_supervisor_of_another_queue_cannot_confirm(scenario: ServingScenario) -> None:
    notice = await waiting(scenario)
    await scenario.clicks(CLARA, "confirm_stop", notice)
    told = await scenario.until_told(CLARA, "outside your scope")
    assert "You can control calls in: Sales." in told
    assert scenario.entries(APPROVAL)[-1]["outcome"]["cause"] == "out_of_scope"
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_lists_and_status_show_what_waits(scenario: ServingScenario) -> None:
    await waiting(scenario)
    assert f"<@{ADA}> asked to stop it; confirm by <!date^" in await scenario.types(GRACE, "list")
    await scenario.types(GRACE, f"status {INBOUND}")
    await scenario.until_told(GRACE, f"<@{ADA}> asked to stop it; confirm by <!date^")


async def test_a_pause_in_between_is_possible_and_the_stop_waits_on(scenario: ServingScenario) -> None:
    await waiting(scenario)
    await scenario.clicks(GRACE, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert buttons(scenario.card()) == ["recording_resume", *WAITING[1:]]
    await scenario.clicks(GRACE, "confirm_stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_a_terminal_that_finds_no_policy_file_wants_the_second_supervisor_too(
    scenario: ServingScenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scenario.records(INBOUND)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = scenario.serving.settings.model_copy(update={"database_url": f"sqlite+aiosqlite:///{scenario.database}"})
    waits = await Terminal(settings, login="root").change("stop", INBOUND)
    assert "second supervisor has to confirm this stop" in waits.text
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    await scenario.until(lambda: "Another supervisor has to confirm by" in scenario.card().text)
    await scenario.clicks(GRACE, "confirm_stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_in_german(scenario: ServingScenario) -> None:
    await scenario.types(HEIDI, f"start {INBOUND}")
    await scenario.until(lambda: scenario.phases() == ["requested", "succeeded"] and scenario.cards())
    assert "Ein zweiter Supervisor muss dieses Stoppen bestätigen" in await scenario.types(HEIDI, "stop")
    await scenario.until(lambda: notices(scenario) and "Ein anderer Supervisor muss es bis" in scenario.card().text)
    notice = notices(scenario)[0]
    assert "Zum Bestätigen auf Stoppen bestätigen klicken" in notice.text
    assert "Stoppen bestätigen" in str(notice.blocks)
    await scenario.clicks(HEIDI, "confirm_stop", notice)
    await scenario.until(lambda: scenario.entries(APPROVAL)[-1]["phase"] == "denied")
    await scenario.clicks(GRACE, "confirm_stop", notice)
    await scenario.until_later(lambda: f"bestätigt von <@{GRACE}> um <!date^" in notices(scenario)[0].text)


async def test_where_only_one_person_sees_the_card_the_channel_in_which_it_was_asked_is_told(
    scenario: ServingScenario,
) -> None:
    channel = "C0PRIVATE"
    scenario.slack.add_channel(channel, "private", [ADA, GRACE])
    await scenario.types(ADA, f"start {INBOUND}", channel)
    await scenario.until(lambda: scenario.slack.direct_messages(ADA))
    await scenario.until(lambda: scenario.phases() == ["requested", "succeeded"])
    await scenario.types(ADA, f"stop {INBOUND}", FLOOR)
    await scenario.until(lambda: notices(scenario))
    await scenario.types(GRACE, f"stop {INBOUND}", channel)
    await scenario.until_later(lambda: f", <@{GRACE}> confirmed at <!date^" in notices(scenario)[0].text)
