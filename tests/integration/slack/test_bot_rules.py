"""Rules of the policy file, in a whole bot: calls that are recorded, or kept, without anyone asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import derived_id
from tests.support.scenario import ADA, FLOOR, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

SALES = derived_id("queue", "Sales")
TOM = derived_id("user", "Tom Becker")
STARTS = f"""
[[always]]
label = "Sales"
queues = ["{SALES}"]
do = "start"
reason = "Every call"
"""
KEEPS = f"""
[[always]]
label = "Tom's calls"
agents = ["{TOM}"]
do = "keep"
reason = "Legal"
"""
ROUTES = f"""
[[route]]
queues = ["{SALES}"]
channel = "{FLOOR}"
"""
RULE = "bot:rule:Sales"


@pytest.fixture
def policy() -> str:
    return STARTS + ROUTES


@pytest.fixture
def changes(tmp_path: Path, policy: str) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(policy)
    return {}


async def told_of(scenario: ServingScenario, *sources: str) -> None:
    """Wait until Genesys tells of the calls of these agents and queues."""
    news = scenario.serving.readiness.news
    assert news is not None
    await scenario.until_later(lambda: news.flowing >= set(sources), step=0.5)


def requested(scenario: ServingScenario) -> list[tuple[str, str]]:
    return [(one["action"], one["actor"]) for one in scenario.entries("recording:%") if one["phase"] == "requested"]


async def test_a_call_of_the_queue_is_recorded_when_it_connects(scenario: ServingScenario) -> None:
    await told_of(scenario, f"queue:{SALES}")
    scenario.genesys.add_call(agent="Tom Becker", queue="Support")
    call = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
    await scenario.until(lambda: scenario.shows("Recording · Priya Nair · Sales"))
    assert requested(scenario) == [("recording:start", RULE)]
    card = scenario.card()
    assert "started by rule Sales" in card.text
    assert "Every call" in card.text
    lines = await scenario.until_delivered()
    assert any("Rule Sales started recording Priya Nair" in one for one in lines)
    assert "rule Sales" in await scenario.types(ADA, "list")
    assert "rule Sales" in await scenario.types(ADA, f"start {call.id}")
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    scenario.genesys.hold(call.id)  # another event about the call, whose recording a person stopped
    later = scenario.genesys.add_call(agent="Hanna Virtanen", queue="Sales")
    await scenario.until(lambda: scenario.genesys.recording_starts(later.id) == 1)
    assert scenario.genesys.recording_starts(call.id) == 1
    assert requested(scenario)[-1] == ("recording:start", RULE)
    assert scenario.phases("recording:start").count("failed") == 1  # Ada's


async def test_a_call_that_connects_while_no_notifications_come_is_found(scenario: ServingScenario) -> None:
    await told_of(scenario, f"queue:{SALES}")
    scenario.genesys.faults.switch_on("events_lost")
    call = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
    await scenario.genesys.notifications.drop_sockets()
    await scenario.until_later(lambda: scenario.genesys.recording_starts(call.id) == 1, step=1.0)
    assert requested(scenario) == [("recording:start", RULE)]


async def test_notifications_that_are_not_permitted_are_named_and_the_list_finds_the_calls(
    scenario: ServingScenario,
) -> None:
    scenario.genesys.access.granted.discard("routing:queue:view")
    await scenario.genesys.notifications.drop_sockets()
    news = scenario.serving.readiness.news
    assert news is not None
    await scenario.until_later(lambda: "routing:queue:view" in str(news.problem))
    assert "1 of 1 queues (grant routing:queue:view)" in (await scenario.readiness())["genesys"]["notifications"]
    call = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
    await scenario.until_later(lambda: scenario.genesys.recording_starts(call.id) == 1, step=10.0)
    await scenario.until(lambda: scenario.phases("recording:start") == ["requested", "succeeded"])
    (asked, _) = scenario.entries("recording:start")
    assert asked["origin"]["late_seconds"] >= 10
    assert any("late: asked for" in one for one in await scenario.until_delivered())


class TestKeep:
    @pytest.fixture
    def policy(self) -> str:
        return KEEPS

    async def test_a_call_of_the_agent_is_kept_once_it_is_over(self, scenario: ServingScenario) -> None:
        await told_of(scenario, TOM)
        call = scenario.genesys.add_call(agent="Tom Becker", queue="Sales", policy_recording="active")
        await scenario.until(lambda: requested(scenario) == [("recording:keep", "bot:rule:Tom's calls")])
        scenario.genesys.hang_up(call.id)
        await scenario.until_later(lambda: scenario.phases("recording:keep") == ["requested", "succeeded"])
        assert scenario.genesys.recordings.protected == {call.id}
        lines = await scenario.until_delivered()
        assert any("Rule Tom's calls kept the recordings of" in one for one in lines)
        assert scenario.recordings() == []
        assert scenario.cards() == []


class TestWithoutRoute:
    @pytest.fixture
    def policy(self) -> str:
        return STARTS

    async def test_there_is_a_line_in_the_audit_channel_and_no_card(self, scenario: ServingScenario) -> None:
        await told_of(scenario, f"queue:{SALES}")
        scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
        await scenario.until(lambda: scenario.phases("recording:start") == ["requested", "succeeded"])
        lines = await scenario.until_delivered()
        assert any("Rule Sales started recording Priya Nair" in one for one in lines)
        assert scenario.cards() == []
        homes = scenario.slack.views.homes
        await scenario.slack.open_home(ADA)
        await scenario.until_later(lambda: "rule Sales" in str(getattr(homes.get(ADA), "body", "")), step=0.5)


class TestFollowed:
    @pytest.fixture
    def changes(self, tmp_path: Path, policy: str) -> dict[str, str]:
        (tmp_path / "policy.toml").write_text(policy)
        return {"RECORDING_FOLLOW_TRANSFERS": "always"}

    async def test_a_transfer_is_the_same_call_and_followed_where_the_setting_says_so(
        self, scenario: ServingScenario
    ) -> None:
        await told_of(scenario, f"queue:{SALES}")
        call = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
        await scenario.until(lambda: scenario.shows("Recording · Priya Nair · Sales"))
        scenario.genesys.transfers.blind(call, "Hanna Virtanen")
        await scenario.until_later(lambda: scenario.phases("recording:follow") == ["requested", "succeeded"])
        assert scenario.phases("recording:start") == ["requested", "succeeded"]
        assert [one["started_by"] for one in scenario.recordings()] == [RULE, RULE]
        assert scenario.genesys.recording_starts(call.id) == 2
