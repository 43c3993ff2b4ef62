"""The bot in Slack as organizations have it: several workspaces, disabled groups, channels that take no card."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.errors import SettingsError
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from bot.sandbox.slack import Enterprise
from tests.support.scenario import ADA, FLOOR, GRACE, ServingScenario

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

HEIDI = "U0HEIDI"
BILLING = derived_id("queue", "Billing")
TRANSPORTS = pytest.mark.parametrize("transport", ["http", "socket"])


async def again(scenario: ServingScenario) -> None:
    """Restart the bot: it reads the workspace from Slack at the start."""
    await scenario.end()
    scenario.serving = Serving(scenario.serving.settings, clock=scenario.clock, socket_ping=600.0)
    await scenario.begin()


# Enterprise Grid


@TRANSPORTS
async def test_a_supervisor_of_another_workspace_starts_by_command_and_stops_by_button(
    scenario: ServingScenario, transport: str
) -> None:
    del transport
    scenario.slack.faults.switch_on("enterprise_grid")
    await again(scenario)
    await scenario.records(INBOUND, user=GRACE)
    await scenario.clicks(GRACE, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    scenario.slack.join_enterprise(Enterprise(told="none"))
    scenario.clock.jump(61)
    await scenario.clicks(GRACE, "start_again")
    await scenario.until(lambda: scenario.shows("Recording"))

    assert {one["actor"] for one in scenario.entries("recording:%")} == {f"slack:T0SANDBOX:{GRACE}"}
    assert set(scenario.phases()) == {"requested", "succeeded"}


async def test_someone_of_the_organization_who_is_no_member_here_is_refused(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("enterprise_grid")
    scenario.slack.add_person(HEIDI, "Heidi", "heidi", team_id="T0FARAWAY", teams=["T0FARAWAY"])
    await again(scenario)
    card = await scenario.records(INBOUND)
    await scenario.clicks(HEIDI, "stop", card)
    await scenario.until_told(HEIDI, "Only members of this workspace")
    assert scenario.entries("recording:stop")[-1]["outcome"]["cause"] == "foreign_team"


async def test_serve_refuses_the_token_of_a_whole_organization(scenario: ServingScenario) -> None:
    scenario.slack.join_enterprise(Enterprise(org_wide=True))
    await scenario.end()
    serving = Serving(scenario.serving.settings, clock=scenario.clock)
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is for the whole organization"):
        await serving.run()
    scenario.slack.join_enterprise(None)
    await again_from(scenario)


async def again_from(scenario: ServingScenario) -> None:
    scenario.serving = Serving(scenario.serving.settings, clock=scenario.clock, socket_ping=600.0)
    await scenario.begin()


# User groups


@TRANSPORTS
@pytest.mark.parametrize("changes", [{"SLACK_SUPERVISORS": "S0SUPERS,S0NIGHT", "SLACK_COMPLIANCE": "S0GONE"}])
async def test_a_disabled_group_takes_nothing_from_the_others(
    scenario: ServingScenario, transport: str, changes: dict[str, str]
) -> None:
    del transport, changes
    scenario.slack.faults.switch_on("disabled_group")
    scenario.clock.jump(61)
    await scenario.records(INBOUND, user=ADA)
    await scenario.types(HEIDI, f"start {OUTBOUND}")
    denied = scenario.entries("recording:start")[-1]
    assert (denied["actor"], denied["outcome"]["cause"]) == (f"slack:T0SANDBOX:{HEIDI}", "not_listed")

    status, _ = await scenario.page("/readyz")
    part = (await scenario.readiness())["user_groups"]
    assert (status, part["ok"]) == (200, False)
    assert "S0NIGHT is disabled" in part["problem"]
    assert "S0GONE is not a user group" in part["problem"]
    assert 'record_bot_component_up{component="user_groups"} 0.0' in (await scenario.page("/metrics"))[1]


async def test_who_comes_into_the_supervisors_group_is_in_the_trail(scenario: ServingScenario) -> None:
    await scenario.until(lambda: scenario.rows("SELECT * FROM user_groups"))
    scenario.slack.add_group("S0SUPERS", "supervisors", [ADA, "U0MALLORY"])
    await scenario.until_later(lambda: scenario.entries("supervisors:changed"), step=30)
    (entry,) = scenario.entries("supervisors:changed")
    assert (entry["phase"], entry["actor"]) == ("observed", "bot")
    assert entry["outcome"] == {
        "group": "S0SUPERS", "came": ["U0MALLORY"], "left": [GRACE], "members": 2,
    }  # fmt: skip
    lines = await scenario.until_delivered()
    line = next(one for one in lines if f"*#{entry['seq']}*" in one)
    assert "user group `S0SUPERS` of 2 members" in line
    assert "came: U0MALLORY · left: U0GRACE" in line  # nobody is mentioned, and nobody has asked Slack for their names

    await scenario.end()
    scenario.slack.add_group("S0SUPERS", "supervisors", [ADA])  # while no bot runs
    await again_from(scenario)
    await scenario.until(lambda: len(scenario.entries("supervisors:changed")) > 1)
    assert scenario.entries("supervisors:changed")[-1]["outcome"]["left"] == ["U0MALLORY"]


# A card that Slack takes nowhere


@TRANSPORTS
async def test_in_a_read_only_channel_the_person_gets_the_card_and_nobody_waits(
    scenario: ServingScenario, transport: str
) -> None:
    del transport
    scenario.slack.faults.switch_on("read_only_channel")
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.slack.direct_messages(ADA))
    direct = scenario.slack.direct_messages(ADA)[0]
    await scenario.until(lambda: direct.text.startswith("Recording ·"))
    assert (await scenario.page("/readyz"))[0] == 200
    assert (await scenario.readiness())["cards"]["ok"] is True
    await scenario.clicks(ADA, "stop", direct)
    await scenario.until(lambda: direct.text.startswith("Stopped"))
    assert scenario.cards() == []


@pytest.mark.parametrize(
    "error",
    ["restricted_action_thread_only_channel", "ekm_access_denied", "access_denied", "team_not_found", "msg_too_long"],
)
async def test_every_final_answer_ends_with_a_direct_message(scenario: ServingScenario, error: str) -> None:
    scenario.slack.refuse_posts(FLOOR, error)
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.slack.direct_messages(ADA))
    direct = scenario.slack.direct_messages(ADA)[0]
    await scenario.until(lambda: direct.text.startswith("Recording ·"))
    assert len([one for one in scenario.slack.requests if one.error == error]) <= 2  # whole, and then the text alone


async def test_a_card_that_slack_refuses_again_and_again_delays_no_other(scenario: ServingScenario) -> None:
    scenario.slack.add_channel("C0QUIET", "quiet", [ADA])
    scenario.slack.invite_bot("C0QUIET")
    scenario.slack.refuse_posts("C0QUIET", "some_new_error")
    await scenario.types(ADA, f"start {INBOUND}", channel="C0QUIET")
    await scenario.until_later(lambda: _refusals(scenario) >= 4, step=1)
    part = (await scenario.readiness())["cards"]
    assert (part["ok"], part["problem"]) == (False, "Slack says: some_new_error")

    before = _refusals(scenario)
    await scenario.records(OUTBOUND, user=GRACE)
    assert _refusals(scenario) <= before + 2  # it waits by itself, and nobody for it
    assert (await scenario.page("/readyz"))[0] == 200
    scenario.slack.refuse_posts("C0QUIET", "")
    await scenario.until_later(lambda: scenario.shows("Recording", "C0QUIET"))
    assert (await scenario.readiness())["cards"]["ok"] is True


def _refusals(scenario: ServingScenario) -> int:
    return sum(one.error == "some_new_error" for one in scenario.slack.requests)


# Routes


POLICY = f"""
[dual_control]
queues = ["{BILLING}"]
within = "1h"
escalate = "S0NIGHT"

[[route]]
queues = ["{BILLING}"]
channel = "C0BILLING"
"""


async def with_policy(scenario: ServingScenario) -> None:
    scenario.database.with_name("policy.toml").write_text(POLICY)
    scenario.slack.add_channel("C0BILLING", "billing", [ADA, GRACE])
    scenario.slack.invite_bot("C0BILLING")
    await again(scenario)


@TRANSPORTS
async def test_a_route_gets_a_second_card_and_both_are_kept_up_to_date_and_work(
    scenario: ServingScenario, transport: str
) -> None:
    del transport
    await with_policy(scenario)
    await scenario.records(INBOUND)
    await scenario.until(lambda: scenario.shows("Recording", "C0BILLING"))
    await scenario.clicks(GRACE, "pause", scenario.card("C0BILLING"))
    for channel in (FLOOR, "C0BILLING"):
        await scenario.until(lambda channel=channel: scenario.shows("Paused", channel))  # type: ignore[misc]
    await scenario.clicks(ADA, "resume", scenario.card())
    for channel in (FLOOR, "C0BILLING"):
        await scenario.until(lambda channel=channel: scenario.shows("Recording", channel))  # type: ignore[misc]
    assert [len(scenario.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [1, 1]


async def test_a_route_to_where_the_recording_was_asked_for_is_one_card(scenario: ServingScenario) -> None:
    await with_policy(scenario)
    await scenario.types(ADA, f"start {INBOUND}", channel="C0BILLING")
    await scenario.until(lambda: scenario.shows("Recording", "C0BILLING"))
    assert [len(scenario.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [0, 1]


@pytest.mark.parametrize("optional_scopes", [{"channels:read"}])
@pytest.mark.parametrize("shared", [FLOOR, "C0BILLING"])
async def test_of_two_cards_the_one_in_a_shared_channel_says_so(scenario: ServingScenario, shared: str) -> None:
    await with_policy(scenario)
    scenario.slack.share(shared)
    await scenario.records(INBOUND)
    for channel in (FLOOR, "C0BILLING"):
        await scenario.until(lambda channel=channel: scenario.shows("Recording", channel))  # type: ignore[misc]
        says = "another organization" in str(scenario.card(channel).blocks)
        assert says == (channel == shared)


async def test_a_route_whose_channel_takes_no_card_delays_nobody_and_is_named(scenario: ServingScenario) -> None:
    await with_policy(scenario)
    scenario.slack.remove_bot("C0BILLING")
    await scenario.records(INBOUND)
    await scenario.until_later(lambda: any(one.error == "not_in_channel" for one in scenario.slack.requests))
    await scenario.records(OUTBOUND, user=GRACE)
    problem = (await scenario.readiness())["cards"]["problem"]
    assert problem == "Slack says: not_in_channel in the route's channel C0BILLING"
    assert scenario.slack.direct_messages(ADA) == []
    scenario.slack.invite_bot("C0BILLING")
    await scenario.types(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused", "C0BILLING"))
    assert (await scenario.readiness())["cards"]["ok"] is True


async def test_both_cards_are_there_after_the_bot_was_ended_before_slack_had_them(scenario: ServingScenario) -> None:
    await with_policy(scenario)
    scenario.slack.faults.switch_on("down", only="chat.")
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.genesys.effective_recording(INBOUND) == "active")
    await scenario.until(lambda: len(scenario.rows("SELECT * FROM cards")) == 2)
    await scenario.end()
    scenario.slack.faults.switch_off("down")
    await again_from(scenario)
    for channel in (FLOOR, "C0BILLING"):
        await scenario.until_later(lambda channel=channel: scenario.shows("Recording", channel), step=20)  # type: ignore[misc]
    assert [len(scenario.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [1, 1]


# A stop that waits


@pytest.mark.parametrize("transport", ["socket"])  # what Slack signs is looked at by a clock that doesn't jump
async def test_a_stop_that_waits_is_said_again_with_back_off_and_names_the_group(
    scenario: ServingScenario, transport: str
) -> None:
    del transport
    await with_policy(scenario)
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "stop")
    for number in range(1, 4):
        await scenario.until_later(lambda number=number: len(_waiting(scenario)) >= number, step=15)  # type: ignore[misc]
    first, second, third = _waiting(scenario)[:3]
    assert "<!subteam^S0NIGHT>" not in first.text
    assert second.text.startswith("Priya Nair · ")
    assert " · <!subteam^S0NIGHT> Nobody has confirmed this stop yet. <@" in second.text
    (approval,) = scenario.rows("SELECT asked_at FROM approvals")
    asked_at = datetime.fromisoformat(approval["asked_at"]).replace(tzinfo=UTC).timestamp()
    assert float(second.ts) >= asked_at + 30  # how long after is the machine's affair
    assert float(third.ts) >= asked_at + 90
    await scenario.clicks(GRACE, "confirm_stop", second)
    await scenario.until_later(lambda: scenario.shows("Stopped"), step=1)
    await scenario.until_later(lambda: not any(_has_buttons(one) for one in _waiting(scenario)), step=1)
    await scenario.until(lambda: scenario.shows("Stopped", "C0BILLING"))


def _waiting(scenario: ServingScenario) -> list[SimulatedMessage]:
    found = [one for one in scenario.slack.messages(FLOOR) if one.metadata]
    return [one for one in found if one.metadata and one.metadata["event_type"] == "recording_notice"]


def _has_buttons(message: SimulatedMessage) -> bool:
    return any(block["type"] == "actions" for block in message.blocks)
