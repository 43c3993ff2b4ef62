"""``/record next``: an agent's next call is recorded when it connects, once, and the person who asked is told."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, FLOOR, GRACE, MALLORY, Scenario, ServingScenario
from tests.support.slack.start_modal import AtTheModal

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

WANDA = "Wanda Noll"
WANDA_ID = derived_id("user", WANDA)


@pytest.fixture
def scenario(scenario: ServingScenario) -> ServingScenario:
    """The usual one, with an agent who is on no call."""
    scenario.genesys.floor.directory.user_id(WANDA)
    return scenario


def waits(scenario: Scenario) -> list[tuple[str, str | None]]:
    return [
        (one["asked_by"].rpartition(":")[2], one["outcome"])
        for one in scenario.rows("SELECT asked_by, outcome FROM next_calls ORDER BY audit_seq")
    ]


async def armed(scenario: ServingScenario, typed: str, user: str = ADA) -> SimulatedMessage:
    """Have a person wait for a call, and return the answer once Genesys tells of the agent's calls."""
    before = len(waits(scenario))
    await scenario.types(user, f"next {typed}")
    await scenario.until(lambda: len(waits(scenario)) > before)
    await scenario.until_told(user, "as soon as it connects")
    agents = {one["agent_user_id"] for one in scenario.rows("SELECT agent_user_id FROM next_calls")}
    news = scenario.serving.readiness.news
    assert news is not None
    await scenario.until_later(lambda: agents <= news.flowing, step=0.5)
    shown = [one for one in scenario.slack.messages(FLOOR) if one.ephemeral_to == user and "connects" in one.text]
    return shown[-1]


def direct(scenario: Scenario, user: str = ADA) -> list[str]:
    return [one.text for one in scenario.slack.direct_messages(user)]


def told(scenario: Scenario, user: str) -> bool:
    return any("next call" in one for one in direct(scenario, user))


async def test_the_next_call_is_recorded_and_the_person_is_told(scenario: ServingScenario) -> None:
    old = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
    message = await armed(scenario, '"Priya Nair" complaint about a bill')
    assert "The call that the agent is on now isn't meant" in message.text
    scenario.genesys.secure_pause(old.id)  # news of a call that is not the next one
    scenario.genesys.hang_up(old.id)
    call = scenario.genesys.add_call(agent="Priya Nair", queue="Support")
    await scenario.until(lambda: scenario.shows("Recording · Priya Nair · Support"))
    (recording,) = scenario.recordings()
    assert (recording["conversation_id"], recording["started_by"].rpartition(":")[2]) == (call.id, ADA)
    assert (recording["reason_code"], recording["reason"]) == ("complaint", "about a bill")
    await scenario.until_later(lambda: any("next call" in one for one in direct(scenario)))
    assert "Priya Nair's next call" in direct(scenario)[-1]
    assert "The call is being recorded." in direct(scenario)[-1]
    assert waits(scenario) == [(ADA, "started")]
    actions = [(one["action"], one["phase"]) for one in scenario.entries("next:%")]
    assert actions == [("next:armed", "succeeded"), ("next:started", "succeeded")]
    lines = await scenario.until_delivered()
    assert any("Ada Byron asked to have the next call of Priya Nair recorded, reason Complaint" in one for one in lines)
    assert any("The call of Priya Nair that Ada Byron waited for connected" in one for one in lines)
    assert "nair" not in json.dumps(scenario.entries(), default=str).lower()
    await armed(scenario, WANDA, GRACE)
    scenario.genesys.hang_up(call.id)
    other = scenario.genesys.add_call(agent="Priya Nair")
    later = scenario.genesys.add_call(agent=WANDA)  # once the bot has seen this one, it has seen the other
    await scenario.until(lambda: scenario.genesys.recording_starts(later.id) == 1)
    assert scenario.genesys.recording_starts(other.id) == 0


async def test_two_people_who_wait_for_the_same_call_get_one_recording(scenario: ServingScenario) -> None:
    await armed(scenario, WANDA)
    await armed(scenario, "wanda.noll@example.com", GRACE)
    call = scenario.genesys.add_call(agent=WANDA, queue="Billing")
    await scenario.until(lambda: scenario.shows(f"Recording · {WANDA} · Billing"))
    for user in (ADA, GRACE):
        await scenario.until_later(partial(told, scenario, user))
    assert f"<@{ADA}> had asked for its recording first" in direct(scenario, GRACE)[-1]
    assert scenario.genesys.recording_starts(call.id) == 1
    assert waits(scenario) == [(ADA, "started"), (GRACE, "started")]


async def test_a_wait_can_be_ended_by_its_button_and_by_command(scenario: ServingScenario) -> None:
    message = await armed(scenario, WANDA)
    assert WANDA in await scenario.types(ADA, "list")
    assert "already wait" in await refused(scenario, f"next {WANDA}")
    result = await scenario.slack.click(ADA, FLOOR, message.ts, "recording_next_cancel")
    assert result.acked
    await scenario.until_told(ADA, "You no longer wait")
    await armed(scenario, WANDA)
    await scenario.types(ADA, f"next cancel {WANDA}")
    await scenario.until(lambda: waits(scenario) == [(ADA, "cancelled"), (ADA, "cancelled")])
    await armed(scenario, '"Priya Nair"', GRACE)
    scenario.genesys.add_call(agent=WANDA)
    later = scenario.genesys.add_call(agent="Priya Nair")  # once the bot has seen this one, it has seen Wanda's
    await scenario.until(lambda: scenario.shows("Recording · Priya Nair"))
    assert "aren't waiting" in await refused(scenario, f"next cancel {WANDA}")
    assert [one["conversation_id"] for one in scenario.recordings()] == [later.id]
    assert WANDA not in await scenario.types(ADA, "list")


async def refused(scenario: ServingScenario, typed: str) -> str:
    """Type something that is refused after the search, and return the sentence."""
    before = len(scenario.told(ADA))
    await scenario.types(ADA, typed)
    await scenario.until(lambda: len(scenario.told(ADA)) > before + 1)
    return scenario.told(ADA)[-1]


async def test_a_wait_expires_and_the_person_is_told(scenario: ServingScenario) -> None:
    await armed(scenario, WANDA)
    await scenario.until_later(lambda: waits(scenario) == [(ADA, "expired")], step=4 * 3600.0)
    await scenario.until_later(lambda: any("took no call" in one for one in direct(scenario)))
    (entry,) = scenario.entries("next:expired")
    assert (entry["phase"], entry["actor"]) == ("observed", "bot")


async def test_the_person_is_told_that_the_agent_logs_out(scenario: ServingScenario) -> None:
    await armed(scenario, WANDA)
    scenario.genesys.floor.directory.offline.add(WANDA_ID)
    await scenario.until_later(lambda: any("has logged out" in one for one in direct(scenario)), step=30.0)
    assert waits(scenario) == [(ADA, None)]


async def test_an_agent_whose_events_are_refused_is_not_waited_for(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("topics_refused", value=1)  # Priya Nair's
    await scenario.types(ADA, "next Priya Nair")
    await scenario.until_later(lambda: waits(scenario) == [(ADA, "unavailable")], step=0.5)
    await scenario.until_later(lambda: any("can't wait for" in one for one in direct(scenario)))
    assert "doesn't tell record-bot" in await refused(scenario, "next Priya Nair")
    assert scenario.entries("next:armed")[-1]["outcome"] == {"error": "no_call_events"}


async def test_the_start_window_offers_the_next_call_of_who_is_on_none(scenario: ServingScenario) -> None:
    ada = AtTheModal(scenario)
    await ada.types_start()
    await scenario.until(lambda: ada.open)
    for _ in range(40):  # the search has a second of real time; a busy machine may need another look-up
        shown = await ada.looks_up("wanda")
        if shown:
            break
    assert shown == [f"{WANDA} · next call"]
    await scenario.slack.act_in_view(ADA, "call", f"next:{WANDA_ID}")
    ada.fills(note="for coaching")
    await ada.submits()
    await scenario.until(lambda: waits(scenario) == [(ADA, None)])
    await scenario.until_later(lambda: any("as soon as it connects" in one for one in direct(scenario)), step=0.5)
    (waiting,) = scenario.rows("SELECT agent_user_id, channel FROM next_calls")
    assert waiting == {"agent_user_id": WANDA_ID, "channel": FLOOR}


async def test_home_shows_who_is_waited_for(scenario: ServingScenario) -> None:
    await armed(scenario, WANDA)
    homes = scenario.slack.views.homes
    await scenario.slack.open_home(ADA)
    await scenario.until_later(lambda: WANDA in str(getattr(homes.get(ADA), "body", "")), step=0.5)


class TestScope:
    @pytest.fixture
    def changes(self, tmp_path: Path) -> dict[str, str]:
        (tmp_path / "policy.toml").write_text(
            f'[[grant]]\nlabel = "Sales"\nwho = ["S0SALES"]\nqueues = ["{derived_id("queue", "Sales")}"]\n'
        )
        return {}

    async def test_the_rights_of_the_moment_decide(self, scenario: ServingScenario) -> None:
        scenario.slack.add_group("S0SALES", "sales", [MALLORY])
        await armed(scenario, WANDA, MALLORY)
        scenario.genesys.add_call(agent=WANDA, queue="Billing")
        await scenario.until(lambda: waits(scenario) == [(MALLORY, "denied")])
        denied = scenario.entries("next:started")[-1]
        assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "out_of_scope")
        await scenario.until_later(lambda: any("was not recorded" in one for one in direct(scenario, MALLORY)))
        assert scenario.recordings() == []
        assert INBOUND not in json.dumps(scenario.entries("next:%"))
