"""Starting without an id: from the modal to a running recording, and all that can go wrong on the way."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bot.recording.control.request_log import SLACK_WRITE_SECONDS
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, TWO_AGENTS
from bot.slack.listeners.context import SLOW_SECONDS
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import ADA, FLOOR, GENESYS_HANGS, GRACE, MALLORY, OUTSIDE, ServingScenario
from tests.support.slack.start_modal import AtTheModal

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])
LINK = "https://apps.mypurecloud.com/directory/#/analytics/interactions/{}/admin/details"


@pytest.fixture
def clock() -> AcceleratedClock:
    """A clock with real seconds: a trigger lives for three of them."""
    return AcceleratedClock(speed=1.0)


@pytest.fixture
def ada(scenario: ServingScenario) -> AtTheModal:
    return AtTheModal(scenario)


def direct_cards(scenario: ServingScenario, user: str = ADA) -> list[SimulatedMessage]:
    return [one for one in scenario.slack.direct_messages(user) if one.metadata]


def direct(scenario: ServingScenario, user: str = ADA) -> list[str]:
    return [one.text for one in scenario.slack.direct_messages(user)]


@BOTH_WAYS
async def test_from_opening_to_running_in_three_interactions(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    await ada.chooses_call(INBOUND)
    ada.fills(reason="quality")
    await ada.submits()

    assert ada.interactions == 3
    assert not ada.open
    await scenario.until(lambda: [one for one in direct_cards(scenario) if one.text.startswith("Recording ·")])
    assert scenario.phases("recording:start") == ["requested", "succeeded"]
    requested = scenario.entries("recording:start")[0]
    assert (requested["origin"]["source"], requested["reason_code"]) == ("modal", "quality")
    assert scenario.genesys.recording_starts(INBOUND) == 1


@BOTH_WAYS
async def test_the_command_without_an_id_opens_it_for_its_channel(ada: AtTheModal) -> None:
    await ada.types_start()
    await ada.chooses_call(INBOUND)
    await ada.submits()

    await ada.scenario.until(lambda: ada.scenario.shows("Recording"))
    assert INBOUND in ada.scenario.card(FLOOR).text
    assert ada.scenario.entries("recording:start")[0]["origin"]["channel"] == FLOOR


async def test_the_command_of_somebody_who_may_not_is_refused_at_once(scenario: ServingScenario) -> None:
    answer = await scenario.types(MALLORY, "start")

    assert "You don't have permission to control recordings." in answer
    assert scenario.phases("recording:start") == ["denied"]
    assert not scenario.slack.views.modals.get(MALLORY)


async def test_while_the_bot_stops_no_modal_opens(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    await ada.chooses_call(INBOUND)
    scenario.genesys.faults.switch_on("slow", value=2, only="(write)", times=1)
    await scenario.types(GRACE, f"start {OUTBOUND}")  # something that the bot waits for before it stops
    scenario.serving.stopping.set()
    await scenario.until(lambda: not scenario.serving.readiness.started)

    assert "restarting" in await scenario.types(ADA, "start")
    await ada.submits()
    assert "restarting" in ada.says("start_notice")


async def test_the_list_says_who_where_and_how_long(ada: AtTheModal) -> None:
    await ada.opens()

    assert "Priya Nair · Billing · inbound · 4 min · not recorded" in await ada.looks_up()
    assert await ada.looks_up("BECK sal") == ["Tom Becker · Sales · outbound · 1 min · not recorded"]
    assert await ada.looks_up(INBOUND[:6]) == ["Priya Nair · Billing · inbound · 4 min · not recorded"]
    assert await ada.looks_up("nobody of that name") == []


async def test_what_the_bot_records_is_said_in_the_list(ada: AtTheModal) -> None:
    await ada.scenario.records(INBOUND)
    await ada.opens()

    assert await ada.looks_up("priya") == ["Priya Nair · Billing · inbound · 4 min · recorded"]


async def test_the_reason_and_the_note_reach_the_card_and_the_trail(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.chooses_call(OUTBOUND)
    ada.fills(reason="complaint", note="third call <this> week 🎧")
    await ada.submits()

    await ada.scenario.until(lambda: direct_cards(ada.scenario))
    recording = ada.scenario.recordings()[0]
    assert (recording["reason_code"], recording["reason"]) == ("complaint", "third call <this> week 🎧")
    assert "Complaint: third call &lt;this&gt; week 🎧" in direct_cards(ada.scenario)[0].text


@pytest.mark.parametrize("changes", [{"RECORDING_REASON_REQUIRED": "true"}])
async def test_a_required_reason_is_asked_for_before_anything_is_sent(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.chooses_call(INBOUND)

    assert await ada.submits() is None
    assert ada.view.errors == {"start_reason": "Please complete this required field."}
    ada.fills(reason="training")
    await ada.submits()
    assert not ada.open


@pytest.mark.parametrize("changes", [{"RECORDING_REASON_REQUIRED": "true", "RECORDING_REASONS": ""}])
async def test_without_listed_reasons_the_note_is_the_reason(ada: AtTheModal) -> None:
    await ada.opens()
    assert ada.blocks == ["start_call", "start_typed_id", "start_note"]
    await ada.chooses_call(INBOUND)
    assert await ada.submits() is None
    ada.fills(note="because")
    await ada.submits()
    assert ada.scenario.recordings()[0]["reason"] == "because"


async def test_with_several_agents_one_is_chosen(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    ada.fills(note="listen to the second one")
    await ada.chooses_call(TWO_AGENTS)
    await scenario.until(lambda: "start_agent" in ada.blocks)
    element = ada.view.element("agent")[1]
    names = {option["text"]["text"]: option["value"] for option in element["options"]}
    assert set(names) == {"Hanna Virtanen", "Sofie Lindqvist"}

    assert await ada.submits() is None
    assert list(ada.view.errors) == ["start_agent"]
    ada.fills(agent=names["Sofie Lindqvist"])
    await ada.submits()
    await scenario.until(lambda: scenario.phases("recording:start") == ["requested", "succeeded"])
    recording = scenario.recordings()[0]
    assert recording["agent_user_id"] == names["Sofie Lindqvist"]
    assert recording["reason"] == "listen to the second one"


async def test_another_choice_takes_the_agents_away_again(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.chooses_call(TWO_AGENTS)
    await ada.scenario.until(lambda: "start_agent" in ada.blocks)
    await ada.chooses_call(INBOUND)
    await ada.scenario.until(lambda: "start_agent" not in ada.blocks)
    await ada.submits()
    assert not ada.open


async def test_a_choice_that_slack_lost_is_asked_for_at_the_end(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.looks_up()
    ada.fills(call=TWO_AGENTS, note="kept")  # as if the bot had never heard of the choice
    await ada.submits()

    assert "Several agents are on this call" in ada.says("start_notice")
    assert ada.scenario.entries("recording:%") == []
    ada.fills(agent=ada.view.element("agent")[1]["options"][0]["value"])
    await ada.submits()
    assert not ada.open
    assert ada.scenario.recordings()[0]["reason"] == "kept"


async def test_the_agents_of_a_typed_call_are_asked_for_too(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.looks_up()
    ada.fills(typed_id=LINK.format(TWO_AGENTS))
    await ada.submits()

    assert "Several agents are on this call" in ada.says("start_notice")
    assert ada.view.element("typed_id")[1]["initial_value"] == LINK.format(TWO_AGENTS)
    ada.fills(agent=ada.view.element("agent")[1]["options"][1]["value"])
    await ada.submits()
    assert not ada.open


async def test_without_a_list_the_agents_are_offered_afterwards_and_the_card_goes_where_it_was_asked_for(
    ada: AtTheModal,
) -> None:
    scenario = ada.scenario
    scenario.genesys.faults.switch_on("forbidden", only="POST conversation")
    await ada.types_start()
    await scenario.until(lambda: "The live calls can't be listed" in ada.says("start_calls_note"))
    ada.fills(typed_id=TWO_AGENTS, note="kept")
    await ada.submits()
    assert not ada.open
    await scenario.until(
        lambda: "Record Sofie Lindqvist" in str([one.blocks for one in scenario.slack.direct_messages(ADA)])
    )

    message = scenario.slack.direct_messages(ADA)[-1]
    row = next(block["block_id"] for block in message.blocks if "Sofie" in str(block.get("accessory")))
    await scenario.slack.click(ADA, message.channel, message.ts, "recording_start_agent", block_id=row)
    await scenario.until(lambda: scenario.shows("Recording"))
    assert "Sofie Lindqvist" in scenario.card(FLOOR).text
    assert "kept" in scenario.card(FLOOR).text


async def test_neither_call_nor_id_or_both(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.submits()
    assert list(ada.view.errors) == ["start_call"]
    await ada.chooses_call(INBOUND)
    ada.fills(typed_id=OUTBOUND)
    await ada.submits()
    assert list(ada.view.errors) == ["start_typed_id"]
    assert ada.scenario.entries("recording:%") == []
    ada.fills(typed_id=None)
    await ada.submits()
    assert not ada.open


async def test_a_refusal_leaves_all_as_it_was_and_the_next_try_counts(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    ada.fills(typed_id="what was it again", reason="quality", note="said at length")
    await ada.submits()
    refused = scenario.entries("recording:start")[0]
    assert (refused["phase"], refused["outcome"]["error"]) == ("failed", "malformed_id")
    assert "That doesn't look like a call id." in ada.says("start_notice")
    assert f"(#{refused['seq']})" in ada.says("start_notice")

    ada.fills(typed_id=LINK.format(INBOUND))
    await ada.submits()
    assert not ada.open
    recording = scenario.recordings()[0]
    assert (recording["conversation_id"], recording["reason_code"]) == (INBOUND, "quality")
    assert recording["reason"] == "said at length"


async def test_a_call_that_is_recorded_already(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await scenario.records(INBOUND, user=GRACE)
    await ada.opens()
    await ada.chooses_call(INBOUND)
    await ada.submits()

    assert f"<@{GRACE}> has been recording this call since <!date^" in ada.says("start_notice")
    await scenario.types(GRACE, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    await ada.submits()
    assert not ada.open
    await scenario.until(lambda: scenario.genesys.recording_starts(INBOUND) == 2)


async def test_who_may_not_gets_no_modal_but_an_answer(scenario: ServingScenario) -> None:
    result = await scenario.slack.shortcut(MALLORY, "recording_start")

    assert result.acked
    await scenario.until(lambda: scenario.slack.direct_messages(MALLORY))
    assert "You don't have permission to control recordings." in scenario.slack.direct_messages(MALLORY)[0].text
    denied = scenario.entries("recording:start")[0]
    assert (denied["phase"], denied["origin"]["source"]) == ("denied", "shortcut")
    assert not scenario.slack.views.modals.get(MALLORY)

    await scenario.slack.redeliver(result)
    assert len(scenario.slack.direct_messages(MALLORY)) == 1
    assert len(scenario.entries("recording:start")) == 1


async def test_somebody_of_another_workspace_gets_nothing(scenario: ServingScenario) -> None:
    await scenario.slack.shortcut(OUTSIDE, "recording_start")

    await scenario.until(lambda: scenario.phases("recording:start") == ["denied"])
    assert scenario.entries("recording:start")[0]["outcome"]["cause"] == "foreign_team"
    assert not scenario.slack.views.modals.get(OUTSIDE)


async def test_rights_that_went_while_the_modal_was_open(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    await ada.chooses_call(INBOUND)
    scenario.slack.add_group("S0SUPERS", "supervisors", [GRACE])
    scenario.clock.jump(61)

    assert await ada.looks_up() == []
    await ada.submits()
    assert "You don't have permission to control recordings." in ada.says("start_notice")
    assert scenario.phases("recording:start") == ["denied"]
    assert scenario.genesys.writes() == []


async def test_a_look_up_of_a_foreign_person_finds_nothing(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.looks_up()
    sent = ada.scenario.slack.last_delivery
    assert sent is not None
    body = sent.payload.body | {"user": {"id": ADA, "team_id": "T0OTHER"}, "team": {"id": "T0OTHER"}}

    for _ in range(3):
        assert (await ada.scenario.slack.deliver("interactive", body)).body == {"options": []}
    denials = ada.scenario.entries("recording:read")
    assert [(one["phase"], one["outcome"]["cause"]) for one in denials] == [("denied", "foreign_team")]


async def test_genesys_away_is_said_and_an_id_still_works(ada: AtTheModal) -> None:
    scenario = ada.scenario
    scenario.genesys.faults.switch_on("server_error")
    await ada.opens()
    await scenario.until(lambda: "can still paste an id" in ada.says("start_calls_note"))
    assert await ada.looks_up() == []

    scenario.genesys.faults.switch_all_off()
    ada.fills(typed_id=INBOUND)
    await ada.submits()
    assert not ada.open


@pytest.mark.parametrize("patience", [GENESYS_HANGS])
async def test_a_hanging_genesys_holds_nothing_up(ada: AtTheModal, patience: float) -> None:
    del patience
    ada.scenario.genesys.faults.switch_on("hang", value=60)
    await ada.opens()

    assert await ada.looks_up() == []  # acknowledged, or this would fail


async def test_no_call_at_all_is_said(ada: AtTheModal) -> None:
    for call in list(ada.scenario.genesys.floor.calls.values()):
        ada.scenario.genesys.floor.change(call, partial(call.end, ada.scenario.clock.time()))
    await ada.opens()

    await ada.scenario.until(lambda: "No agent is on a call right now" in ada.says("start_calls_note"))


async def test_two_hundred_calls_are_offered_a_hundred_at_a_time(ada: AtTheModal) -> None:
    for number in range(200):
        ada.scenario.genesys.add_call(agent=f"Nr{number:03} Smith", queue=f"Queue {number % 7}")
    await ada.opens()

    assert len(await ada.looks_up()) == 100
    assert len(await ada.looks_up("nr19")) == 10
    last = await ada.looks_up("smith nr199")
    assert [line.split(" · ")[0] for line in last] == ["Nr199 Smith"]


async def test_a_trigger_that_came_too_late(scenario: ServingScenario) -> None:
    payload = scenario.slack._persons.payloads.shortcut(ADA, "recording_start")
    scenario.clock.jump(5)
    result = await scenario.slack.deliver("interactive", payload.body)

    assert result.acked
    await scenario.until(lambda: scenario.slack.direct_messages(ADA))
    assert "didn't open the window in time" in scenario.slack.direct_messages(ADA)[0].text


async def test_a_shortcut_delivered_twice_opens_one_modal_and_says_nothing(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.scenario.slack.redeliver()
    requests = ada.scenario.slack.requests

    await ada.scenario.until(lambda: len([one for one in requests if one.method == "views.open"]) == 2)
    assert len(ada.scenario.slack.views.modals[ADA]) == 1
    assert ada.scenario.slack.direct_messages(ADA) == []


@BOTH_WAYS
async def test_a_submission_delivered_twice_counts_once(ada: AtTheModal) -> None:
    scenario = ada.scenario
    await ada.opens()
    await ada.chooses_call(INBOUND)
    first = await ada.submits()
    again = await scenario.slack.redeliver(first)

    assert not again.body
    await scenario.until(lambda: scenario.phases("recording:start") == ["requested", "succeeded"])
    assert len(scenario.rows("SELECT id FROM attempts")) == 1


async def test_a_refused_submission_delivered_again_leaves_one_entry(ada: AtTheModal) -> None:
    await ada.opens()
    ada.fills(typed_id="nonsense")
    first = await ada.submits()
    again = await ada.scenario.slack.redeliver(first)

    assert again.body["response_action"] == "update"
    assert len(ada.scenario.entries("recording:start")) == 1


async def test_two_modals_act_twice(ada: AtTheModal) -> None:
    for call in (INBOUND, OUTBOUND):
        await ada.opens()
        await ada.chooses_call(call)
        await ada.submits()

    await ada.scenario.until(lambda: len(direct_cards(ada.scenario)) == 2)
    assert len(ada.scenario.recordings()) == 2


@pytest.mark.parametrize("write_limit", [SLACK_WRITE_SECONDS])
async def test_a_trail_that_cannot_be_written_is_said_in_the_modal(ada: AtTheModal) -> None:
    await ada.opens()
    await ada.chooses_call(INBOUND)
    ada.fills(note="not lost")
    await ada.scenario.lock_the_database()
    await ada.submits()
    assert "The audit trail can't be written" in ada.says("start_notice")
    assert ada.scenario.genesys.writes() == []

    ada.scenario.unlock_the_database()
    await ada.submits()
    assert not ada.open
    await ada.scenario.until(lambda: ada.scenario.genesys.recording_starts(INBOUND) == 1)
    assert [one["reason"] for one in ada.scenario.recordings()][-1] == "not lost"


async def test_what_fails_later_is_said_in_a_direct_message(ada: AtTheModal) -> None:
    await ada.opens()
    ada.fills(typed_id="00000000-0000-4000-8000-000000000000")
    await ada.submits()

    assert not ada.open
    scenario = ada.scenario
    await scenario.until(
        lambda: [one for one in scenario.slack.direct_messages(ADA) if "can't find this call" in one.text]
    )


async def test_a_message_that_genesys_is_slow_goes_once_it_answered(ada: AtTheModal) -> None:
    scenario, answers = ada.scenario, asyncio.Event()

    async def hang(_: object) -> None:
        await answers.wait()

    scenario.genesys.on_write(hang)
    await ada.opens()
    ada.fills(typed_id=INBOUND)
    await ada.submits()
    await scenario.until(scenario.genesys.writes)
    scenario.clock.jump(SLOW_SECONDS)
    await scenario.until(lambda: [one for one in direct(scenario) if "Genesys is slow; still trying (8 s)" in one])

    answers.set()
    await scenario.until(lambda: not [one for one in direct(scenario) if "Genesys is slow" in one])
    await scenario.until(lambda: scenario.genesys.effective_recording(INBOUND) == "active")


class TestMessageShortcut:
    """An id or a link in somebody's message."""

    FROM_MESSAGE = "recording_start_from_message"

    async def test_the_only_call_is_filled_in(self, ada: AtTheModal) -> None:
        message = ada.scenario.slack.post(GRACE, FLOOR, f"can you record {LINK.format(INBOUND)} please?")
        await ada.opens(self.FROM_MESSAGE, message)
        await ada.submits()

        assert not ada.open
        await ada.scenario.until(lambda: ada.scenario.shows("Recording"))  # in the channel of the message
        assert INBOUND in ada.scenario.card().text

    async def test_of_several_calls_one_is_chosen(self, ada: AtTheModal) -> None:
        message = ada.scenario.slack.post(GRACE, FLOOR, f"{INBOUND} or {TWO_AGENTS}?")
        await ada.opens(self.FROM_MESSAGE, message)
        offered = ada.view.element("found")[1]["options"]
        assert [one["value"] for one in offered] == [INBOUND, TWO_AGENTS]

        await ada.chooses_call(INBOUND, field="found")
        await ada.submits()
        assert not ada.open
        assert ada.scenario.recordings()[0]["conversation_id"] == INBOUND

    async def test_a_message_without_any_is_said_and_the_list_is_there(self, ada: AtTheModal) -> None:
        message = ada.scenario.slack.post(GRACE, FLOOR, "good morning")
        await ada.opens(self.FROM_MESSAGE, message)

        assert "contains no call id" in ada.says("start_notice")
        assert "Priya Nair · Billing · inbound · 4 min · not recorded" in await ada.looks_up()

    async def test_the_bots_own_card_names_its_call(self, ada: AtTheModal) -> None:
        card = await ada.scenario.records(INBOUND)
        await ada.opens(self.FROM_MESSAGE, card)

        assert ada.view.element("typed_id")[1]["initial_value"] == INBOUND

    async def test_who_may_not_is_told_where_they_asked(self, scenario: ServingScenario) -> None:
        message = scenario.slack.post(GRACE, FLOOR, INBOUND)
        await scenario.slack.shortcut(MALLORY, self.FROM_MESSAGE, channel_id=message.channel, message_ts=message.ts)

        await scenario.until_told(MALLORY, "You don't have permission to control recordings.")


async def test_in_german(scenario: ServingScenario) -> None:
    heidi = AtTheModal(scenario, "U0HEIDI")
    await heidi.opens()

    assert heidi.view.body["title"]["text"] == "Aufzeichnung starten"
    assert "Priya Nair · Billing · eingehend · 4 Min. · nicht aufgezeichnet" in await heidi.looks_up()
    await heidi.submits()
    assert heidi.view.errors == {"start_call": "Einen Anruf auswählen oder unten seine ID oder seinen Link einfügen."}
