"""Several live recordings, several agents, and starting again after a stop."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, TWO_AGENTS
from tests.support.scenario import ADA, CLARA, FLOOR, GRACE, MALLORY, ServingScenario

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])


async def asks(scenario: ServingScenario, user: str, text: str) -> SimulatedMessage:
    """Type ``/record …`` and return the answer as the person sees it."""
    result = await scenario.slack.command(user, FLOOR, text)
    assert result.acked, result.error
    assert scenario.slack.warnings == []
    return result.shown[-1]


def offered(message: SimulatedMessage) -> list[tuple[str, str]]:
    """Return the buttons beside the rows of a message: what they do, and with what."""
    found = [block["accessory"] for block in message.blocks if "accessory" in block]
    return [(button["action_id"], button["value"]) for button in found]


def recording_of(scenario: ServingScenario, call: str) -> str:
    return str(
        scenario.rows("SELECT id FROM recordings WHERE conversation_id = ? ORDER BY requested_seq DESC", call)[0]["id"]
    )


@pytest.fixture
async def two(scenario: ServingScenario) -> ServingScenario:
    """The world with two recordings of Ada's."""
    for call in (INBOUND, OUTBOUND):
        await scenario.records(call)
    # the queues are looked up after the start
    await scenario.until(
        lambda: all(any(queue in card.text for card in scenario.cards()) for queue in ("Billing", "Sales"))
    )
    return scenario


async def test_a_bare_verb_with_several_recordings_offers_each(two: ServingScenario) -> None:
    answer = await asks(two, ADA, "pause")

    assert "Which one do you want to pause?" in answer.text
    assert {value for action, value in offered(answer) if action == "recording_pause"} == {
        recording_of(two, INBOUND),
        recording_of(two, OUTBOUND),
    }
    for words in ("Priya Nair", "Billing", "Tom Becker", "Sales", "Recording since"):
        assert words in answer.text
    await two.slack.click(ADA, FLOOR, answer.ts, "recording_pause")
    await two.until(lambda: [card for card in two.cards() if card.text.startswith("Paused")])
    told = await two.until_told(ADA, "Pausing the recording of call")  # only the card changes, and may be elsewhere
    assert f"(#{two.entries('recording:pause')[-2]['seq']})" in told


async def test_only_what_the_verb_allows_is_offered(two: ServingScenario) -> None:
    await two.types(ADA, f"pause {OUTBOUND}")
    await two.until(lambda: two.shows("Paused"))

    assert offered(await asks(two, ADA, "resume")) == [("recording_resume", recording_of(two, OUTBOUND))]
    assert offered(await asks(two, ADA, "pause")) == [("recording_pause", recording_of(two, INBOUND))]
    stop = await asks(two, ADA, "stop")
    assert len(offered(stop)) == 2
    paused = next(one for one in two.recordings() if one["state"] == "paused")
    at = int(datetime.fromisoformat(paused["paused_at"]).replace(tzinfo=UTC).timestamp())
    assert f"*Tom Becker* · Sales · Paused since <!date^{at}^" in stop.text
    titles = {block["accessory"]["confirm"]["title"]["text"] for block in stop.blocks if "accessory" in block}
    assert titles == {"Stop recording Priya Nair, Billing?", "Stop recording Tom Becker, Sales?"}


async def test_where_none_allows_it_that_is_said(two: ServingScenario) -> None:
    answer = await asks(two, ADA, "resume")

    assert "there is nothing to resume" in answer.text
    assert offered(answer) == []
    assert "Recording since" in answer.text
    assert f"(#{two.entries('recording:resume')[0]['seq']})" in answer.text


async def test_the_others_recordings_are_offered_where_none_is_ones_own(two: ServingScenario) -> None:
    answer = await asks(two, GRACE, "stop")

    assert "None of the active recordings is yours" in answer.text
    assert len(offered(answer)) == 2
    assert two.entries("recording:read")[-1]["origin"]["source"] == "choice"
    await two.slack.click(GRACE, FLOOR, answer.ts, "recording_stop")
    await two.until(lambda: [card for card in two.cards() if card.text.startswith("Stopped")])


async def test_without_any_live_recording_the_refusal_stays(scenario: ServingScenario) -> None:
    answer = await asks(scenario, ADA, "stop")

    assert "There is no active recording" in answer.text
    assert offered(answer) == []


@pytest.mark.parametrize("user", [MALLORY, CLARA])
async def test_who_may_not_control_is_offered_nothing(two: ServingScenario, user: str) -> None:
    answer = await asks(two, user, "stop")

    assert "permission to control recordings" in answer.text
    assert offered(answer) == []
    assert INBOUND[:8] not in answer.text


async def test_of_more_than_twenty_the_rest_is_counted(scenario: ServingScenario) -> None:
    for number in range(23):
        await scenario.types(ADA, f"start {scenario.genesys.add_call(agent=f'Agent {number}').conversation_id}")
    await scenario.until(lambda: len([one for one in scenario.recordings() if one["state"] == "active"]) == 23)
    answer = await asks(scenario, ADA, "stop")

    assert len(offered(answer)) == 20
    assert "… and 3 more" in answer.text


@BOTH_WAYS
async def test_start_again_is_a_recording_of_its_own(scenario: ServingScenario) -> None:
    first = await scenario.records(INBOUND, reason="quality check twice")
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: first.text.startswith("Stopped"))
    await scenario.clicks(GRACE, "start_again", first)
    await scenario.until(lambda: len(scenario.cards()) == 2 and scenario.shows("Recording"))

    old, new = scenario.recordings()
    assert (old["state"], new["state"]) == ("stopped", "active")
    assert (new["reason_code"], new["reason"]) == (old["reason_code"], old["reason"]) == ("quality", "twice")
    assert new["agent_user_id"] == old["agent_user_id"]
    requested = scenario.entries("recording:start")[2]
    assert (requested["phase"], requested["actor"].rpartition(":")[2]) == ("requested", GRACE)
    await scenario.until(lambda: "recording_start_again" not in str(first.blocks))
    assert first.text.startswith("Stopped")


async def test_a_late_click_on_start_again_is_told_how_it_stands(scenario: ServingScenario) -> None:
    first = await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: "recording_start_again" in str(first.blocks))
    click = await scenario.slack.click(ADA, FLOOR, first.ts, "recording_start_again")
    await scenario.until(lambda: len(scenario.cards()) == 2 and scenario.shows("Recording"))

    body = dict(click.payload.body)
    await scenario.slack.deliver("interactive", body | {"trigger_id": "another.one.1"})
    await scenario.until_told(ADA, "has been recording this call since")
    await scenario.types(GRACE, f"stop {INBOUND}")
    await scenario.until(lambda: scenario.shows("Stopped"))
    await scenario.slack.deliver("interactive", body | {"trigger_id": "another.one.2"})
    await scenario.until_told(ADA, f"<@{GRACE}> already stopped")
    assert scenario.genesys.recording_starts(INBOUND) == 2


async def test_start_again_on_a_call_that_has_ended_says_so_once(scenario: ServingScenario) -> None:
    first = await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: "recording_start_again" in str(first.blocks))
    scenario.genesys.hang_up(INBOUND)
    await scenario.clicks(ADA, "start_again", first)

    await scenario.until_told(ADA, "The call has ended.")
    await scenario.until(lambda: "recording_start_again" not in str(first.blocks))


async def test_no_start_again_where_the_call_ended_by_itself(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    scenario.genesys.hang_up(INBOUND)
    await scenario.until_later(lambda: card.text.startswith("Call ended"))

    assert "recording_start_again" not in str(card.blocks)


async def test_who_may_not_cannot_start_again(scenario: ServingScenario) -> None:
    first = await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: "recording_start_again" in str(first.blocks))
    await scenario.clicks(MALLORY, "start_again", first)

    await scenario.until_told(MALLORY, "You don't have permission to control recordings.")
    assert scenario.entries("recording:start")[-1]["phase"] == "denied"
    assert len(scenario.recordings()) == 1


async def test_start_again_delivered_twice_counts_once(scenario: ServingScenario) -> None:
    first = await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: "recording_start_again" in str(first.blocks))
    scenario.slack.faults.switch_on("duplicate_delivery", times=1)
    await scenario.clicks(ADA, "start_again", first)
    await scenario.until(lambda: len(scenario.cards()) == 2 and scenario.shows("Recording"))

    assert len(scenario.recordings()) == 2
    assert scenario.genesys.recording_starts(INBOUND) == 2


async def test_several_agents_are_offered_by_name(scenario: ServingScenario) -> None:
    await scenario.types(ADA, f"start {TWO_AGENTS} complaint about the tone")
    text = await scenario.until_told(ADA, "Several agents are on this call")
    assert "• Hanna Virtanen" in text
    assert "• Sofie Lindqvist" in text
    message = next(one for one in scenario.slack.messages(FLOOR) if one.text == text)
    assert [block["accessory"]["text"]["text"] for block in message.blocks if "accessory" in block] == [
        "Record Hanna Virtanen",
        "Record Sofie Lindqvist",
    ]

    blocks = [block["block_id"] for block in message.blocks if "accessory" in block]
    result = await scenario.slack.click(ADA, FLOOR, message.ts, "recording_start_agent", block_id=blocks[1])
    assert result.acked, result.error
    await scenario.until(lambda: scenario.shows("Recording"))
    assert "Sofie Lindqvist" in scenario.card().text
    recording = scenario.recordings()[-1]
    assert (recording["reason_code"], recording["reason"]) == ("complaint", "about the tone")
    assert scenario.genesys.recording_starts(TWO_AGENTS) == 1


async def test_the_chosen_agent_has_left(scenario: ServingScenario) -> None:
    await scenario.types(ADA, f"start {TWO_AGENTS}")
    text = await scenario.until_told(ADA, "Several agents are on this call")
    message = next(one for one in scenario.slack.messages(FLOOR) if one.text == text)
    button = next(block["accessory"] for block in message.blocks if "accessory" in block)
    body = {
        "type": "block_actions",
        "user": {"id": ADA, "team_id": "T0SANDBOX"},
        "team": {"id": "T0SANDBOX"},
        "channel": {"id": FLOOR},
        "trigger_id": "1.2.3",
        "response_url": "",
        "actions": [button | {"value": f"{button['value'].split()[0]} nobody-of-that-id"}],
    }
    await scenario.slack.deliver("interactive", body)

    world_direct = scenario.slack.direct_messages
    await scenario.until(lambda: [one for one in world_direct(ADA) if "Record Hanna Virtanen" in str(one.blocks)])
