"""The bot in Slack as organizations have it: several workspaces, disabled groups, channels that take no card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import SettingsError
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from bot.sandbox.slack import Enterprise
from tests.support.world import ADA, FLOOR, GRACE, World

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

HEIDI = "U0HEIDI"
BILLING = derived_id("queue", "Billing")
TRANSPORTS = pytest.mark.parametrize("transport", ["http", "socket"])


async def again(world: World) -> None:
    """Restart the bot: it reads the workspace from Slack at the start."""
    await world.end()
    world.serving = Serving(world.serving.settings, clock=world.clock, socket_ping=600.0)
    await world.begin()


# Enterprise Grid


@TRANSPORTS
async def test_a_supervisor_of_another_workspace_starts_by_command_and_stops_by_button(
    world: World, transport: str
) -> None:
    del transport
    world.slack.faults.switch_on("enterprise_grid")
    await again(world)
    await world.records(INBOUND, user=GRACE)
    await world.clicks(GRACE, "stop")
    await world.until(lambda: world.shows("Stopped"))
    world.slack.join_enterprise(Enterprise(told="none"))
    world.clock.jump(61)
    await world.clicks(GRACE, "start_again")
    await world.until(lambda: world.shows("Recording"))

    assert {one["actor"] for one in world.entries("recording:%")} == {f"slack:T0SANDBOX:{GRACE}"}
    assert set(world.phases()) == {"requested", "succeeded"}


async def test_someone_of_the_organization_who_is_no_member_here_is_refused(world: World) -> None:
    world.slack.faults.switch_on("enterprise_grid")
    world.slack.add_person(HEIDI, "Heidi", "heidi", team_id="T0FARAWAY", teams=["T0FARAWAY"])
    await again(world)
    card = await world.records(INBOUND)
    await world.clicks(HEIDI, "stop", card)
    await world.until_told(HEIDI, "Only members of this workspace")
    assert world.entries("recording:stop")[-1]["outcome"]["cause"] == "foreign_team"


async def test_serve_refuses_the_token_of_a_whole_organization(world: World) -> None:
    world.slack.join_enterprise(Enterprise(org_wide=True))
    await world.end()
    serving = Serving(world.serving.settings, clock=world.clock)
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is for the whole organization"):
        await serving.run()
    world.slack.join_enterprise(None)
    await again_from(world)


async def again_from(world: World) -> None:
    world.serving = Serving(world.serving.settings, clock=world.clock, socket_ping=600.0)
    await world.begin()


# User groups


@TRANSPORTS
@pytest.mark.parametrize("changes", [{"SLACK_SUPERVISORS": "S0SUPERS,S0NIGHT", "SLACK_COMPLIANCE": "S0GONE"}])
async def test_a_disabled_group_takes_nothing_from_the_others(
    world: World, transport: str, changes: dict[str, str]
) -> None:
    del transport, changes
    world.slack.faults.switch_on("disabled_group")
    world.clock.jump(61)
    await world.records(INBOUND, user=ADA)
    await world.types(HEIDI, f"start {OUTBOUND}")
    denied = world.entries("recording:start")[-1]
    assert (denied["actor"], denied["outcome"]["cause"]) == (f"slack:T0SANDBOX:{HEIDI}", "not_listed")

    status, _ = await world.page("/readyz")
    part = (await world.readiness())["user_groups"]
    assert (status, part["ok"]) == (200, False)
    assert "S0NIGHT is disabled" in part["problem"]
    assert "S0GONE is not a user group" in part["problem"]
    assert 'record_bot_component_up{component="user_groups"} 0.0' in (await world.page("/metrics"))[1]


async def test_who_comes_into_the_supervisors_group_is_in_the_trail(world: World) -> None:
    await world.until(lambda: world.rows("SELECT * FROM user_groups"))
    world.slack.add_group("S0SUPERS", "supervisors", [ADA, "U0MALLORY"])
    await world.until_later(lambda: world.entries("supervisors:changed"), step=30)
    (entry,) = world.entries("supervisors:changed")
    assert (entry["phase"], entry["actor"]) == ("observed", "bot")
    assert entry["outcome"] == {
        "group": "S0SUPERS", "came": ["U0MALLORY"], "left": [GRACE], "members": 2,
    }  # fmt: skip
    line = next(one for one in await world.until_delivered() if "supervisors:changed" in one)
    assert "user group `S0SUPERS` of 2 · came: <@U0MALLORY> · left: <@U0GRACE>" in line

    await world.end()
    world.slack.add_group("S0SUPERS", "supervisors", [ADA])  # while no bot runs
    await again_from(world)
    await world.until(lambda: len(world.entries("supervisors:changed")) > 1)
    assert world.entries("supervisors:changed")[-1]["outcome"]["left"] == ["U0MALLORY"]


# A card that Slack takes nowhere


@TRANSPORTS
async def test_in_a_read_only_channel_the_person_gets_the_card_and_nobody_waits(world: World, transport: str) -> None:
    del transport
    world.slack.faults.switch_on("read_only_channel")
    await world.types(ADA, f"start {INBOUND}")
    await world.until(lambda: world.slack.direct_messages(ADA))
    direct = world.slack.direct_messages(ADA)[0]
    await world.until(lambda: direct.text.startswith("Recording"))
    assert (await world.page("/readyz"))[0] == 200
    assert (await world.readiness())["cards"]["ok"] is True
    await world.clicks(ADA, "stop", direct)
    await world.until(lambda: direct.text.startswith("Stopped"))
    assert world.cards() == []


@pytest.mark.parametrize(
    "error",
    ["restricted_action_thread_only_channel", "ekm_access_denied", "access_denied", "team_not_found", "msg_too_long"],
)
async def test_every_final_answer_ends_with_a_direct_message(world: World, error: str) -> None:
    world.slack.refuse_posts(FLOOR, error)
    await world.types(ADA, f"start {INBOUND}")
    await world.until(lambda: world.slack.direct_messages(ADA))
    direct = world.slack.direct_messages(ADA)[0]
    await world.until(lambda: direct.text.startswith("Recording"))
    assert len([one for one in world.slack.requests if one.error == error]) <= 2  # whole, and then the text alone


async def test_a_card_that_slack_refuses_again_and_again_delays_no_other(world: World) -> None:
    world.slack.add_channel("C0QUIET", "quiet", [ADA])
    world.slack.invite_bot("C0QUIET")
    world.slack.refuse_posts("C0QUIET", "some_new_error")
    await world.types(ADA, f"start {INBOUND}", channel="C0QUIET")
    await world.until_later(lambda: _refusals(world) >= 4, step=1)
    part = (await world.readiness())["cards"]
    assert (part["ok"], part["problem"]) == (False, "Slack says: some_new_error")

    before = _refusals(world)
    await world.records(OUTBOUND, user=GRACE)
    assert _refusals(world) <= before + 2  # it waits by itself, and nobody for it
    assert (await world.page("/readyz"))[0] == 200
    world.slack.refuse_posts("C0QUIET", "")
    await world.until_later(lambda: world.shows("Recording", "C0QUIET"))
    assert (await world.readiness())["cards"]["ok"] is True


def _refusals(world: World) -> int:
    return sum(one.error == "some_new_error" for one in world.slack.requests)


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


async def with_policy(world: World) -> None:
    world.database.with_name("policy.toml").write_text(POLICY)
    world.slack.add_channel("C0BILLING", "billing", [ADA, GRACE])
    world.slack.invite_bot("C0BILLING")
    await again(world)


@TRANSPORTS
async def test_a_route_gets_a_second_card_and_both_are_kept_up_to_date_and_work(world: World, transport: str) -> None:
    del transport
    await with_policy(world)
    await world.records(INBOUND)
    await world.until(lambda: world.shows("Recording", "C0BILLING"))
    await world.clicks(GRACE, "pause", world.card("C0BILLING"))
    for channel in (FLOOR, "C0BILLING"):
        await world.until(lambda channel=channel: world.shows("Paused", channel))  # type: ignore[misc]
    await world.clicks(ADA, "resume", world.card())
    for channel in (FLOOR, "C0BILLING"):
        await world.until(lambda channel=channel: world.shows("Recording", channel))  # type: ignore[misc]
    assert [len(world.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [1, 1]


async def test_a_route_to_where_the_recording_was_asked_for_is_one_card(world: World) -> None:
    await with_policy(world)
    await world.types(ADA, f"start {INBOUND}", channel="C0BILLING")
    await world.until(lambda: world.shows("Recording", "C0BILLING"))
    assert [len(world.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [0, 1]


@pytest.mark.parametrize("optional_scopes", [{"channels:read"}])
@pytest.mark.parametrize("shared", [FLOOR, "C0BILLING"])
async def test_of_two_cards_the_one_in_a_shared_channel_says_so(world: World, shared: str) -> None:
    await with_policy(world)
    world.slack.share(shared)
    await world.records(INBOUND)
    for channel in (FLOOR, "C0BILLING"):
        await world.until(lambda channel=channel: world.shows("Recording", channel))  # type: ignore[misc]
        says = "another organization" in str(world.card(channel).blocks)
        assert says == (channel == shared)


async def test_a_route_whose_channel_takes_no_card_delays_nobody_and_is_named(world: World) -> None:
    await with_policy(world)
    world.slack.remove_bot("C0BILLING")
    await world.records(INBOUND)
    await world.until_later(lambda: any(one.error == "not_in_channel" for one in world.slack.requests))
    await world.records(OUTBOUND, user=GRACE)
    problem = (await world.readiness())["cards"]["problem"]
    assert problem == "Slack says: not_in_channel in the route's channel C0BILLING"
    assert world.slack.direct_messages(ADA) == []
    world.slack.invite_bot("C0BILLING")
    await world.types(ADA, "pause")
    await world.until(lambda: world.shows("Paused", "C0BILLING"))
    assert (await world.readiness())["cards"]["ok"] is True


async def test_both_cards_are_there_after_the_bot_was_ended_before_slack_had_them(world: World) -> None:
    await with_policy(world)
    world.slack.faults.switch_on("down", only="chat.")
    await world.types(ADA, f"start {INBOUND}")
    await world.until(lambda: world.genesys.effective_recording(INBOUND) == "active")
    await world.until(lambda: len(world.rows("SELECT * FROM cards")) == 2)
    await world.end()
    world.slack.faults.switch_off("down")
    await again_from(world)
    for channel in (FLOOR, "C0BILLING"):
        await world.until_later(lambda channel=channel: world.shows("Recording", channel))  # type: ignore[misc]
    assert [len(world.cards(channel)) for channel in (FLOOR, "C0BILLING")] == [1, 1]


# A stop that waits


@pytest.mark.parametrize("transport", ["socket"])  # what Slack signs is looked at by a clock that doesn't jump
async def test_a_stop_that_waits_is_said_again_with_back_off_and_names_the_group(world: World, transport: str) -> None:
    del transport
    await with_policy(world)
    await world.records(INBOUND)
    await world.clicks(ADA, "stop")
    for number in range(1, 4):
        await world.until_later(lambda number=number: len(_waiting(world)) >= number, step=15)  # type: ignore[misc]
    first, second, third = _waiting(world)[:3]
    assert "<!subteam^S0NIGHT>" not in first.text
    assert second.text.startswith("<!subteam^S0NIGHT> Nobody has confirmed this stop yet.")
    assert float(third.ts) - float(second.ts) > 1.5 * (float(second.ts) - float(first.ts))
    await world.clicks(GRACE, "confirm_stop", second)
    await world.until_later(lambda: world.shows("Stopped"), step=1)
    await world.until_later(lambda: not any(_has_buttons(one) for one in _waiting(world)), step=1)
    await world.until(lambda: world.shows("Stopped", "C0BILLING"))


def _waiting(world: World) -> list[SimulatedMessage]:
    found = [one for one in world.slack.messages(FLOOR) if one.metadata]
    return [one for one in found if one.metadata and one.metadata["event_type"] == "recording_notice"]


def _has_buttons(message: SimulatedMessage) -> bool:
    return any(block["type"] == "actions" for block in message.blocks)
