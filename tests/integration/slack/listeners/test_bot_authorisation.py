"""Only configured supervisors act, checked on every command and click; everyone else leaves one entry."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, CLARA, FLOOR, GUEST, HELPER, MALLORY, OUTSIDE, ServingScenario

NEWCOMERS: dict[str, dict[str, Any]] = {
    "U0GONE": {"deleted": True},
    "U0MULTI": {"is_restricted": True},
    "U0SINGLE": {"is_ultra_restricted": True},
    "U0ROBOT": {"is_bot": True},
    "U0STRANGE": {"is_stranger": True},
    "U0FOREIGN": {"team_id": "T0OTHER"},
}
REFUSED = [
    (MALLORY, "not_listed"),
    (CLARA, "not_listed"),
    (GUEST, "guest"),
    (HELPER, "bot"),
    (OUTSIDE, "foreign_team"),
    ("U0GONE", "deleted"),
    ("U0MULTI", "guest"),
    ("U0SINGLE", "guest"),
    ("U0ROBOT", "bot"),
    ("U0STRANGE", "stranger"),
    ("U0FOREIGN", "foreign_team"),
]


@pytest.fixture
def crowd(scenario: ServingScenario) -> ServingScenario:
    """The world with people whom a careless administrator has put on the list of supervisors."""
    for user, kind in NEWCOMERS.items():
        scenario.slack.add_person(user, user, user.lower(), **kind)
    scenario.slack.workspace.channels[FLOOR].members.extend(NEWCOMERS)
    scenario.slack.add_group("S0SUPERS", "supervisors", [ADA, GUEST, HELPER, OUTSIDE, *NEWCOMERS])
    return scenario


NO = ("permission to control recordings.", "can't control recordings.", "has been deactivated.", "Only members of this")


async def test_nobody_else_may_command(crowd: ServingScenario) -> None:
    for user, cause in REFUSED:
        answer = await crowd.types(user, f"start {INBOUND}")
        assert any(words in answer for words in NO), answer
        denied = crowd.entries()[-1]
        assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", cause), user
        assert denied["actor"].endswith(f":{user}")
        assert denied["conversation_id"] == INBOUND
        assert f"(#{denied['seq']})" in answer
    assert len(crowd.entries("recording:%")) == len(REFUSED)
    await crowd.until_delivered()
    shown = crowd.published()[-len(REFUSED) :]
    assert [entry["cause"] for entry in shown] == [cause for _, cause in REFUSED]
    assert crowd.genesys.requests == []


async def test_nobody_else_may_click(crowd: ServingScenario) -> None:
    await crowd.records(INBOUND)
    for user, cause in REFUSED:
        await crowd.clicks(user, "stop")
        await crowd.until(partial(crowd.told, user))
        denied = crowd.entries()[-1]
        assert (denied["action"], denied["phase"]) == ("recording:stop", "denied")
        assert denied["outcome"]["cause"] == cause, user
        assert f"(#{denied['seq']})" in crowd.told(user)[-1]
    assert len(crowd.entries("recording:stop")) == len(REFUSED)
    assert crowd.genesys.effective_recording(INBOUND) == "active"


@pytest.mark.parametrize("text", ["list", "status", f"status {INBOUND}"])
async def test_a_stranger_may_not_look_either(scenario: ServingScenario, text: str) -> None:
    if "-" in text:
        await scenario.types(MALLORY, text)
        await scenario.until_told(MALLORY, "permission to control recordings")
    else:
        assert "permission to control recordings" in await scenario.types(MALLORY, text)
    assert [(one["phase"], one["outcome"]["cause"]) for one in scenario.entries("recording:read")] == [
        ("denied", "not_listed")
    ]
    assert scenario.genesys.requests == []


async def test_a_team_that_the_payload_names_is_believed_before_any_list(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    scenario.slack.add_person(ADA, "Somebody", "somebody", team_id="T0ELSEWHERE")
    await scenario.clicks(ADA, "stop", card)
    await scenario.until_told(ADA, "Only members of this workspace")
    denied = scenario.entries("recording:stop")
    assert [one["actor"] for one in denied] == [f"slack:T0ELSEWHERE:{ADA}"]


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "rate_limited", "missing_scope", "hang"])
async def test_without_an_answer_of_slacks_nobody_acts(scenario: ServingScenario, fault: str) -> None:
    for method in ("users.info", "usergroups.list"):
        scenario.clock.jump(61)  # what Slack said counts for a minute
        scenario.slack.faults.switch_on(fault, only=method)
        assert "couldn't confirm who you are" in await scenario.types(ADA, f"start {INBOUND}")
        denied = scenario.entries()[-1]
        assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "unconfirmed")
    assert scenario.genesys.requests == []
    scenario.slack.faults.switch_off(fault)
    await scenario.records(INBOUND)


async def test_who_loses_the_right_after_the_card_was_posted_can_not_click(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    scenario.slack.add_group("S0SUPERS", "supervisors", ["U0GRACE"])
    scenario.clock.jump(61)
    await scenario.clicks(ADA, "stop")
    await scenario.until_told(ADA, "You don't have permission to control recordings")
    assert scenario.entries("recording:stop")[-1]["phase"] == "denied"
    assert scenario.genesys.effective_recording(INBOUND) == "active"


async def test_who_is_deactivated_after_the_card_was_posted_can_not_click(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    scenario.slack.add_person(ADA, "Ada Byron", "ada", deleted=True)
    scenario.clock.jump(61)
    await scenario.clicks(ADA, "stop")
    await scenario.until_told(ADA, "deactivated")
    assert scenario.entries("recording:stop")[-1]["outcome"]["cause"] == "deleted"


@pytest.mark.parametrize("changes", [{"SLACK_SUPERVISORS": MALLORY}])
async def test_people_can_be_listed_one_by_one(scenario: ServingScenario, changes: dict[str, str]) -> None:
    del changes
    assert "You don't have permission to control recordings." in await scenario.types(ADA, f"start {INBOUND}")
    await scenario.records(INBOUND, user=MALLORY)


async def test_help_does_not_call_a_supervisor_a_stranger_because_slack_is_away(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("server_error", only="users.info")
    answer = await scenario.types(ADA, "help")
    assert "not one of record-bot's supervisors" not in answer
    assert "Slack couldn't confirm who you are just now" in answer
    scenario.slack.faults.switch_off("server_error")
    assert "not one of record-bot's supervisors" in await scenario.types(MALLORY, "help")


async def test_a_list_has_buttons_for_those_only_who_may_press_them(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    for user, buttons in ((CLARA, False), (ADA, True)):
        result = await scenario.slack.command(user, FLOOR, "list")
        assert INBOUND[:8] in result.body["text"]
        assert ("recording_stop" in str(result.body["blocks"])) is buttons
