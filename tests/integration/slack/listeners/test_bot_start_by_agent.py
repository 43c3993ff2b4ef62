"""``/record start`` with an agent in place of a call: a mention, an e-mail address, or a name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, FLOOR, MALLORY, Scenario, ServingScenario

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

PRIYA, TOM, HANNA = (derived_id("user", name) for name in ("Priya Nair", "Tom Becker", "Hanna Virtanen"))


@pytest.fixture
def optional_scopes() -> set[str]:
    return {"users:read.email"}


def ephemeral(scenario: Scenario, words: str, user: str = ADA) -> SimulatedMessage:
    return next(
        one for one in reversed(scenario.slack.messages(FLOOR)) if one.ephemeral_to == user and words in one.text
    )


def buttons(message: SimulatedMessage) -> list[dict[str, str]]:
    elements = [element for block in message.blocks for element in block.get("elements", ())]
    elements += [block["accessory"] for block in message.blocks if "accessory" in block]
    return [one for one in elements if one.get("type") == "button"]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("@priya complaint about a bill", "about a bill"),
        ("priya.nair@example.com complaint", None),
        ("nair priya", None),
        ('"Priya Nair" tell @tom', "tell @tom"),
    ],
)
async def test_the_only_call_of_an_agent_is_recorded(scenario: ServingScenario, typed: str, reason: str | None) -> None:
    with capture_logs() as logged:
        assert "Looking for that agent" in await scenario.types(ADA, f"start {typed}")
        await scenario.until(lambda: scenario.shows("Recording · Priya Nair · Billing"))
    (recording,) = scenario.recordings()
    assert (recording["conversation_id"], recording["agent_user_id"]) == (INBOUND, PRIYA)
    assert recording["reason"] == reason
    looked = [(one["phase"], one["outcome"].get("read")) for one in scenario.entries("recording:read")]
    assert looked == [("requested", "agent"), ("succeeded", "agent")]
    written = json.dumps(scenario.entries(), default=str).lower()
    assert "nair" not in written
    assert "nair" not in json.dumps(logged, default=str).lower()
    assert any("looked up the calls of an agent" in line for line in await scenario.until_delivered())


async def test_several_calls_of_an_agent_are_a_choice(scenario: ServingScenario) -> None:
    other = scenario.genesys.add_call(agent="Priya Nair", queue="Sales")
    await scenario.types(ADA, "start priya.nair@example.com complaint")
    await scenario.until_told(ADA, "Priya Nair is on several calls")
    choice = ephemeral(scenario, "on several calls")
    assert scenario.recordings() == []
    offered = {one["value"].split()[1]: one for one in buttons(choice)}
    assert set(offered) == {INBOUND, other.id}
    assert "Sales" in choice.text
    assert "Billing" in choice.text
    block = next(one for one in choice.blocks if one.get("accessory", {}).get("value") == offered[other.id]["value"])
    result = await scenario.slack.click(ADA, FLOOR, choice.ts, "recording_start_call", block_id=block["block_id"])
    assert result.acked
    await scenario.until(lambda: scenario.shows("Recording · Priya Nair · Sales"))
    assert [(one["conversation_id"], one["reason_code"]) for one in scenario.recordings()] == [(other.id, "complaint")]


async def test_several_people_are_a_choice(scenario: ServingScenario) -> None:
    scenario.genesys.floor.directory.user_id("Tom Beckerman")
    await scenario.types(ADA, "start beck")
    await scenario.until_told(ADA, "Several agents fit")
    choice = ephemeral(scenario, "Several agents fit")
    actions = {one["value"].split()[0]: one["action_id"] for one in buttons(choice)}
    assert actions == {TOM: "recording_start_call", derived_id("user", "Tom Beckerman"): "recording_next"}
    assert scenario.recordings() == []


async def test_an_agent_without_a_call_can_be_recorded_later(scenario: ServingScenario) -> None:
    scenario.genesys.hang_up(INBOUND)
    await scenario.types(ADA, "start priya nair")
    await scenario.until_told(ADA, "Priya Nair isn't on a call right now")
    (button,) = buttons(ephemeral(scenario, "isn't on a call"))
    assert (button["action_id"], button["value"].split()[0]) == ("recording_next", PRIYA)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("@grace", "no active user in Genesys with the e-mail address"),
        ("nobody@example.com", "No active user in Genesys fits"),
        ("Priya Nair about a bill", "put the name in quotation marks"),
    ],
)
async def test_nobody_is_a_sentence(scenario: ServingScenario, typed: str, said: str) -> None:
    await scenario.types(ADA, f"start {typed}")
    await scenario.until_told(ADA, said)
    assert [one["phase"] for one in scenario.entries("recording:%")] == ["requested", "failed"]
    assert scenario.entries("recording:read")[-1]["outcome"]["error"] == "agent_not_found"
    assert scenario.recordings() == []


@pytest.mark.parametrize("optional_scopes", [set[str]()])
async def test_without_the_scope_a_mention_says_what_is_missing(scenario: ServingScenario) -> None:
    await scenario.types(ADA, "start @priya")
    await scenario.until_told(ADA, "users:read.email")
    assert scenario.recordings() == []


async def test_someone_without_the_right_finds_nobody(scenario: ServingScenario) -> None:
    assert "permission to control" in await scenario.types(MALLORY, "start Priya Nair")
    (denied,) = scenario.entries("recording:%")
    assert (denied["action"], denied["phase"]) == ("recording:start", "denied")
    assert not [one for one in scenario.genesys.requests if "users/search" in one.path]


async def test_a_typo_of_a_verb_is_no_name(scenario: ServingScenario) -> None:
    assert "Did you mean: `/record start Priya Nair`" in await scenario.types(ADA, "strat Priya Nair")


class TestScope:
    @pytest.fixture
    def changes(self, tmp_path: Path) -> dict[str, str]:
        sales = derived_id("queue", "Sales")
        (tmp_path / "policy.toml").write_text(
            f'[[grant]]\nlabel = "Sales"\nwho = ["S0SALES"]\nqueues = ["{sales}"]\nagents = ["{HANNA}"]\n'
        )
        return {}

    async def test_a_limited_person_finds_only_agents_whose_calls_they_may_control(
        self, scenario: ServingScenario
    ) -> None:
        scenario.slack.add_group("S0SALES", "sales", [MALLORY])
        await scenario.types(MALLORY, "start Priya Nair")
        await scenario.until_told(MALLORY, "outside your scope")
        denied = scenario.entries("recording:start")[-1]
        assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "out_of_scope")
        await scenario.types(MALLORY, "start tom.becker@example.com")
        await scenario.until(lambda: scenario.shows("Recording · Tom Becker · Sales"))
        scenario.genesys.add_call(agent="Hanna Becker", queue="Support")
        await scenario.types(MALLORY, "start becker")
        await scenario.until(lambda: len(scenario.recordings()) > 1 or len(scenario.entries("recording:start")) > 3)
        assert [one["agent_user_id"] for one in scenario.recordings()] == [TOM]
