"""The main job: record a call, pause it, stop it; and what the card, the channel and the trail say of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED, SECURE_PAUSE
from tests.support.scenario import ADA, AUDIT, CLARA, FLOOR, GRACE, MALLORY, ServingScenario

if TYPE_CHECKING:
    from structlog.typing import EventDict

    from bot.sandbox.genesys.web_api.answers import SimulatedRequest

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])


@BOTH_WAYS
async def test_a_call_is_recorded_and_stopped_with_the_button(scenario: ServingScenario) -> None:
    answer = await scenario.types(ADA, f"start {INBOUND}")
    assert "Starting the recording" in answer
    assert "(#2)" in answer

    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    assert re.search("^Recording · Priya Nair · .*Since <!date[^>]+> · started by <@U0ADA>", scenario.card().text)

    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert scenario.genesys.effective_recording(INBOUND) == "none"
    assert len(scenario.cards()) == 1
    assert scenario.phases() == ["requested", "succeeded", "requested", "succeeded"]
    sources = [entry["origin"].get("source") for entry in scenario.entries("recording:%")]
    assert sources == ["command", None, "button", None]
    assert {entry["actor"] for entry in scenario.entries("recording:%")} == {"slack:T0SANDBOX:U0ADA"}


async def test_each_entry_has_its_number_and_hash_in_the_audit_channel(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))

    lines = await scenario.until_delivered()
    entries = scenario.entries()
    shown = [(int(number), line) for line in lines for number in re.findall(r"\*#(\d+)\*", line)]
    assert [number for number, _ in shown] == [entry["seq"] for entry in entries]
    for (_, line), entry in zip(shown, entries, strict=True):
        assert entry["hash"][:12] in line
    (started,) = [line for line in lines if "Ada Byron started recording" in line]
    # On a slow machine the request is posted before its result is there; tests/unit/outbox/test_audit_channel.py holds
    # with an explicit clock when both share a line.
    assert re.findall(r"\*#(\d+)\*", started)[-1] == str(scenario.entries("recording:start")[-1]["seq"])
    metadata = [message.metadata for message in scenario.slack.messages(AUDIT)]
    assert {one["event_type"] for one in metadata if one} == {"audit_entry"}
    told = [told for one in metadata if one for told in one["event_payload"]["entries"]]
    for fact in ("seq", "phase", "action", "actor", "conversation_id"):
        assert [one.get(fact) for one in told] == [entry[fact] for entry in entries]


async def test_the_card_is_edited_in_place_and_loses_its_buttons_while_something_happens(
    scenario: ServingScenario,
) -> None:
    await scenario.records(INBOUND)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))

    drawn = [one for one in scenario.slack.requests if "recording_card" in str(one.payload.get("metadata"))]
    assert [one.method for one in drawn].count("chat.postMessage") == 1
    assert len(drawn) >= 2
    for one in drawn:
        busy = any(word in one.payload["text"] for word in ("Starting…", "Stopping…", "Stopped"))
        assert ("recording_stop" in str(one.payload["blocks"])) is not busy


async def test_the_stop_button_asks_before_it_acts(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    elements = [element for block in card.blocks for element in block.get("elements", ())]
    stop = next(element for element in elements if element.get("action_id") == "recording_stop")
    assert stop["style"] == "danger"
    assert "Nothing after this point will be recorded" in stop["confirm"]["text"]["text"]
    assert UUID(stop["value"]) == UUID(scenario.recordings()[0]["id"])


async def test_a_recording_is_paused_and_resumed_with_buttons(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert scenario.genesys.effective_recording(INBOUND) == "paused"

    await scenario.clicks(GRACE, "resume")
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    actions = [(entry["action"], entry["phase"]) for entry in scenario.entries("recording:%")][2:]
    assert actions == [
        ("recording:pause", "requested"),
        ("recording:pause", "succeeded"),
        ("recording:resume", "requested"),
        ("recording:resume", "succeeded"),
    ]


async def test_a_recording_is_paused_and_resumed_with_commands(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    assert "Pausing" in await scenario.types(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert "Resuming" in await scenario.types(ADA, f"resume {INBOUND}")
    await scenario.until(lambda: scenario.shows("Recording"))


async def test_another_supervisor_stops_it_and_the_card_says_who(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(GRACE, f"stop {INBOUND}")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert re.search(
        "Started <!date[^>]+> by <@U0ADA> · Stopped <!date[^>]+> by <@U0GRACE> after ", scenario.card().text
    )


async def test_stop_without_an_id_wants_to_know_which_of_several(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.records(OUTBOUND)
    answer = await scenario.types(ADA, "stop")
    assert "several active recordings" in answer
    assert scenario.entries()[-1]["outcome"] == {"error": "several_recordings"}
    assert scenario.genesys.effective_recording(INBOUND) == "active"
    assert scenario.genesys.effective_recording(OUTBOUND) == "active"


async def test_an_interaction_link_names_the_call(scenario: ServingScenario) -> None:
    link = f"https://apps.mypurecloud.com/directory/#/analytics/interactions/{INBOUND.upper()}/admin/details"
    await scenario.types(ADA, f"start {link} complaint")
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.recordings()[0]["conversation_id"] == INBOUND


async def test_a_call_that_a_policy_records_is_adopted_and_stop_means_secure_pause(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED)
    assert "A recording policy records this call" in json.dumps(scenario.card().blocks)
    assert scenario.genesys.writes() == []
    adopted = scenario.entries("recording:start")[-1]
    assert adopted["outcome"]["created"] is False

    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped (secure pause; nothing deleted)"))
    assert scenario.genesys.effective_recording(POLICY_RECORDED) == "paused"


async def test_a_call_in_secure_pause_is_recorded_again(scenario: ServingScenario) -> None:
    await scenario.records(SECURE_PAUSE)
    assert scenario.genesys.effective_recording(SECURE_PAUSE) == "active"


async def test_the_reason_is_on_the_card_and_only_its_digest_in_the_trail(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND, reason="complaint about Mr Smith's bill")
    assert "Complaint: about Mr Smith's bill" in card.text
    lines = await scenario.until_delivered()

    requested = scenario.entries("recording:start")[0]
    assert requested["reason_code"] == "complaint"
    assert len(requested["reason_digest"]) == 64
    assert "Smith" not in json.dumps(scenario.entries())
    assert "Smith" not in "".join(lines)


async def test_a_start_takes_three_requests_and_a_stop_two(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("events_lost")  # an early one would spare the reading
    with capture_logs(processors=[merge_contextvars]) as logs:
        await scenario.records(INBOUND)
        await scenario.clicks(ADA, "stop")
        await scenario.until(lambda: scenario.shows("Stopped"))
    assert _by_action(scenario, logs) == [["GET", "PATCH", "GET"], ["PATCH", "GET"]]


def _by_action(scenario: ServingScenario, logs: list[EventDict]) -> list[list[str]]:
    """Return the methods of the requests that Genesys got, by action; the log says which action each is part of.

    What loops ask meanwhile is part of none: once a call's news flow the follower reads it, sooner or later. Names are
    looked up behind an action.
    """
    seen = {one.correlation_id: one for one in scenario.genesys.requests if "queues" not in one.operation}
    found: dict[str, list[str]] = {}
    for line in logs:
        if line["event"] != "genesys_request_completed" or "attempt_id" not in line:
            continue
        if (request := seen.get(line["correlation_id"])) is not None:
            found.setdefault(line["attempt_id"], []).append(request.method)
    return list(found.values())


async def test_the_request_is_on_disk_before_genesys_sees_a_write(scenario: ServingScenario) -> None:
    found: list[list[tuple[str, str, str]]] = []

    def look(request: SimulatedRequest) -> None:
        assert request.conversation_id == INBOUND
        found.append([(e["action"], e["phase"], e["conversation_id"]) for e in scenario.entries("recording:%")])

    scenario.genesys.on_write(look)
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert found == [
        [("recording:start", "requested", INBOUND)],
        [
            ("recording:start", "requested", INBOUND),
            ("recording:start", "succeeded", INBOUND),
            ("recording:stop", "requested", INBOUND),
        ],
    ]


async def test_status_says_what_the_bot_and_genesys_know(scenario: ServingScenario) -> None:
    assert "Checking the call" in await scenario.types(CLARA, f"status {INBOUND}")
    seen = await scenario.until_told(CLARA, "Genesys:")
    assert "record-bot: not recording this call" in seen
    assert "Genesys: not recording" in seen

    await scenario.records(INBOUND)
    await scenario.types(GRACE, f"status {INBOUND}")
    seen = await scenario.until_told(GRACE, "Genesys:")
    assert "*Recording*" in seen
    assert "Genesys: recording" in seen
    assert scenario.phases("recording:read") == ["requested", "succeeded", "requested", "succeeded"]


async def test_status_without_an_id_shows_the_callers_own(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    assert INBOUND in await scenario.types(ADA, "status")
    assert "You have no active recordings" in await scenario.types(GRACE, "status")


async def test_list_shows_the_live_recordings_with_buttons_that_work(scenario: ServingScenario) -> None:
    assert "There are no active recordings" in await scenario.types(GRACE, "list")
    await scenario.records(INBOUND)
    await scenario.records(OUTBOUND)
    answer = await scenario.types(GRACE, "list")
    assert answer.count("*Recording*") == 2
    listed = next(one for one in reversed(scenario.slack.messages(FLOOR)) if one.ephemeral_to == GRACE)
    await scenario.clicks(GRACE, "stop", listed)
    await scenario.until(lambda: scenario.genesys.effective_recording(INBOUND) == "none")
    await scenario.until(lambda: any(card.text.startswith("Stopped") for card in scenario.cards()))


async def test_help_lists_what_the_caller_may_do(scenario: ServingScenario) -> None:
    for user, verbs in (
        (ADA, {"start", "next", "stop", "pause", "resume", "extend", "keep", "status", "list", "history", "help"}),
        (CLARA, {"keep", "release", "listen", "status", "list", "history", "audit", "evidence", "report", "help"}),
        (MALLORY, {"help"}),
    ):
        for text in ("help", ""):
            answer = await scenario.types(user, text)
            assert {line.split()[1].rstrip("`") for line in answer.split("\n")[1:]} == verbs
    assert scenario.entries("recording:%") == []


async def test_the_acknowledgement_comes_within_a_tenth_of_slacks_limit(scenario: ServingScenario) -> None:
    # Slack gives 3 s; the answer may not wait for Genesys, which is slow here.
    scenario.genesys.faults.switch_on("slow", value=0.4, only="read", times=1)
    await scenario.types(ADA, f"start {INBOUND}")
    assert scenario.genesys.writes() == []
    await scenario.until(lambda: scenario.shows("Recording"))


async def test_the_call_that_is_hung_up_while_it_is_stopped_counts_as_ended(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)

    def hang_up(write: SimulatedRequest) -> None:
        if write.conversation_id == INBOUND:
            scenario.genesys.hang_up(INBOUND)

    scenario.genesys.on_write(hang_up)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.entries("recording:stop")[-1]["phase"] != "requested")
    last = scenario.entries("recording:stop")[-1]
    assert (last["phase"], last["outcome"]["call"]) == ("succeeded", "ended")
    await scenario.until(lambda: scenario.shows("Call ended"))
