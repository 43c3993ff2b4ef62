"""A call changes hands, and the person who had it recorded is asked: the whole bot between the two simulators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.world import ADA, GRACE

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedCall
    from bot.sandbox.slack import SimulatedMessage
    from tests.support.world import World


async def asked_about(world: World, user: str = ADA) -> SimulatedMessage:
    """Wait for the message about a call that changed hands."""
    await world.until_later(lambda: any("Genesys: `" in one.text for one in world.slack.direct_messages(user)))
    return world.slack.direct_messages(user)[-1]


async def transferred(world: World, to: str = "Tom Becker") -> SimulatedCall:
    call = world.genesys.add_call()
    await world.records(call.id, reason="complaint")
    world.genesys.transfers.blind(call, to)
    return call


async def test_one_click_goes_on_recording_after_a_transfer(world: World) -> None:
    call = await transferred(world)
    message = await asked_about(world)
    await world.until(lambda: world.card().text.startswith("Stopped after"))
    first = world.card()
    assert "Stopped by a transfer" in first.text.replace("stopped by", "Stopped by")
    assert "The call was transferred (Genesys: `transfer`)" in first.text
    assert "Tom Becker has taken over. The bot is not recording this call." in message.text
    button = next(one for block in message.blocks if block["type"] == "actions" for one in block["elements"])
    assert (button["action_id"], button["value"]) == ("recording_follow", world.recordings()[0]["id"])
    assert "Tom Becker" in button["text"]["text"]

    await world.clicks(ADA, "follow", message)
    await world.until(lambda: len(world.cards()) == 2 and world.shows("Recording since"))
    assert "agent Tom Becker" in world.card().text
    assert "reason complaint" in world.card().text.replace("reason Complaint", "reason complaint")
    assert [agent.adhoc for agent in call.agents] == [True]
    await world.until_later(lambda: "recorded again" in world.slack.direct_messages(ADA)[-1].text)
    assert [entry["phase"] for entry in world.entries("recording:follow")] == ["requested", "succeeded"]
    stop = world.entries("recording:stop")[-1]
    assert (stop["phase"], stop["outcome"]["by"], stop["outcome"]["disconnect_type"]) == (
        "observed",
        "transfer",
        "transfer",
    )
    lines = await world.until_delivered()
    assert any("`recording:stop`" in line and "by a transfer `transfer`" in line for line in lines)


async def test_two_clicks_by_two_people_start_one_recording(world: World) -> None:
    call = await transferred(world)
    message = await asked_about(world)
    first = world.card()
    await world.clicks(ADA, "follow", message)
    await world.clicks(GRACE, "follow", first)
    await world.until_told(GRACE, "This call")
    await world.until(lambda: world.shows("Recording since"))
    assert world.genesys.recording_starts(call.id) == 2
    assert len(world.recordings()) == 2


@pytest.mark.parametrize("changes", [{"RECORDING_FOLLOW_TRANSFERS": "always"}])
async def test_always_goes_on_by_itself_and_asks_nobody(world: World) -> None:
    call = await transferred(world)
    await world.until_later(lambda: len(world.cards()) == 2 and world.shows("Recording since"))
    assert "agent Tom Becker" in world.card().text
    assert "started by <@U0ADA>" in world.card().text
    assert world.genesys.recording_starts(call.id) == 2
    assert world.slack.direct_messages(ADA) == []


async def test_a_second_transfer_is_asked_about_too(world: World) -> None:
    call = await transferred(world)
    await world.clicks(ADA, "follow", await asked_about(world))
    await world.until(lambda: world.shows("Recording since"))
    world.genesys.transfers.consult(call, "Lucia Romano")
    world.genesys.transfers.complete(call)
    await world.until_later(
        lambda: any("Lucia Romano has taken over" in one.text for one in world.slack.direct_messages(ADA))
    )


async def test_a_start_that_adopts_both_recorders_says_what_a_stop_leaves(world: World) -> None:
    call = world.genesys.add_call(recording=True)
    world.genesys.policy_takes_hold(call.id)
    world.genesys.snippet(call.id)
    await world.records(call.id)
    card = world.card()
    assert "its recording goes on after Stop" in card.text
    assert "A snippet of this call is being recorded" in card.text
    assert "taken over by <@U0ADA>" in card.text
    assert "started by" not in card.text
    await world.types(ADA, f"status {call.id}")
    await world.until_told(ADA, "a recording policy records it as well")
    assert "a snippet is being recorded" in world.told(ADA)[-1]

    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    assert "The recording policy's recording of this call goes on" in world.card().text
    assert (call.adhoc, call.policy, call.agents[0].snippet) == (False, True, True)
