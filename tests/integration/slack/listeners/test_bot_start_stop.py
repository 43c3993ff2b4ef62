"""The main job: record a call, pause it, stop it; and what the card, the channel and the trail say of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED, SECURE_PAUSE
from tests.support.world import ADA, AUDIT, CLARA, FLOOR, GRACE, MALLORY, World

if TYPE_CHECKING:
    from structlog.typing import EventDict

    from bot.sandbox.genesys.web_api.answers import SimulatedRequest

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])


@BOTH_WAYS
async def test_a_call_is_recorded_and_stopped_with_the_button(world: World) -> None:
    answer = await world.types(ADA, f"start {INBOUND}")
    assert "Starting the recording" in answer
    assert "(#2)" in answer

    await world.until(lambda: world.shows("Recording"))
    assert world.genesys.effective_recording(INBOUND) == "active"
    assert "agent Priya Nair" in world.card().text
    assert "started by <@U0ADA>" in world.card().text

    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    assert world.genesys.effective_recording(INBOUND) == "none"
    assert len(world.cards()) == 1
    assert world.phases() == ["requested", "succeeded", "requested", "succeeded"]
    sources = [entry["origin"].get("source") for entry in world.entries("recording:%")]
    assert sources == ["command", None, "button", None]
    assert {entry["actor"] for entry in world.entries("recording:%")} == {"slack:T0SANDBOX:U0ADA"}


async def test_each_entry_is_one_line_of_the_audit_channel(world: World) -> None:
    await world.records(INBOUND)
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))

    lines = await world.until_delivered()
    entries = world.entries()
    assert len(lines) == len(entries)
    for line, entry in zip(lines, entries, strict=True):
        assert f"*#{entry['seq']}* *{entry['phase']}* `{entry['action']}`" in line
        assert entry["hash"][:12] in line
    metadata = [message.metadata for message in world.slack.messages(AUDIT)]
    assert {one["event_type"] for one in metadata if one} == {"audit_entry"}


async def test_the_card_is_edited_in_place_and_loses_its_buttons_while_something_happens(world: World) -> None:
    await world.records(INBOUND)
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))

    drawn = [one for one in world.slack.requests if "recording_card" in str(one.payload.get("metadata"))]
    assert [one.method for one in drawn].count("chat.postMessage") == 1
    assert len(drawn) >= 2
    for one in drawn:
        busy = any(word in one.payload["text"] for word in ("Starting…", "Stopping…", "Stopped"))
        assert ("recording_stop" in str(one.payload["blocks"])) is not busy


async def test_the_stop_button_asks_before_it_acts(world: World) -> None:
    card = await world.records(INBOUND)
    elements = [element for block in card.blocks for element in block.get("elements", ())]
    stop = next(element for element in elements if element.get("action_id") == "recording_stop")
    assert stop["style"] == "danger"
    assert "Nothing more of the call is recorded" in stop["confirm"]["text"]["text"]
    assert UUID(stop["value"]) == UUID(world.recordings()[0]["id"])


async def test_a_recording_is_paused_and_resumed_with_buttons(world: World) -> None:
    await world.records(INBOUND)
    await world.clicks(ADA, "pause")
    await world.until(lambda: world.shows("Paused"))
    assert world.genesys.effective_recording(INBOUND) == "paused"

    await world.clicks(GRACE, "resume")
    await world.until(lambda: world.shows("Recording"))
    assert world.genesys.effective_recording(INBOUND) == "active"
    actions = [(entry["action"], entry["phase"]) for entry in world.entries("recording:%")][2:]
    assert actions == [
        ("recording:pause", "requested"),
        ("recording:pause", "succeeded"),
        ("recording:resume", "requested"),
        ("recording:resume", "succeeded"),
    ]


async def test_a_recording_is_paused_and_resumed_with_commands(world: World) -> None:
    await world.records(INBOUND)
    assert "Pausing" in await world.types(ADA, "pause")
    await world.until(lambda: world.shows("Paused"))
    assert "Resuming" in await world.types(ADA, f"resume {INBOUND}")
    await world.until(lambda: world.shows("Recording"))


async def test_another_supervisor_stops_it_and_the_card_says_who(world: World) -> None:
    await world.records(INBOUND)
    await world.types(GRACE, f"stop {INBOUND}")
    await world.until(lambda: world.shows("Stopped"))
    assert "started by <@U0ADA>" in world.card().text
    assert "stopped by <@U0GRACE>" in world.card().text


async def test_stop_without_an_id_wants_to_know_which_of_several(world: World) -> None:
    await world.records(INBOUND)
    await world.records(OUTBOUND)
    answer = await world.types(ADA, "stop")
    assert "several live recordings" in answer
    assert world.entries()[-1]["outcome"] == {"error": "several_recordings"}
    assert world.genesys.effective_recording(INBOUND) == "active"
    assert world.genesys.effective_recording(OUTBOUND) == "active"


async def test_an_interaction_link_names_the_call(world: World) -> None:
    link = f"https://apps.mypurecloud.com/directory/#/analytics/interactions/{INBOUND.upper()}/admin/details"
    await world.types(ADA, f"start {link} complaint")
    await world.until(lambda: world.shows("Recording"))
    assert world.recordings()[0]["conversation_id"] == INBOUND


async def test_a_call_that_a_policy_records_is_adopted_and_stop_means_secure_pause(world: World) -> None:
    await world.records(POLICY_RECORDED)
    assert "A recording policy records this call" in json.dumps(world.card().blocks)
    assert world.genesys.writes() == []
    adopted = world.entries("recording:start")[-1]
    assert adopted["outcome"]["created"] is False

    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped (in secure pause, not deleted)"))
    assert world.genesys.effective_recording(POLICY_RECORDED) == "paused"


async def test_a_call_in_secure_pause_is_recorded_again(world: World) -> None:
    await world.records(SECURE_PAUSE)
    assert world.genesys.effective_recording(SECURE_PAUSE) == "active"


async def test_the_reason_is_on_the_card_and_only_its_digest_in_the_trail(world: World) -> None:
    card = await world.records(INBOUND, reason="complaint about Mr Smith's bill")
    assert "Complaint: about Mr Smith's bill" in card.text
    lines = await world.until_delivered()

    requested = world.entries("recording:start")[0]
    assert requested["reason_code"] == "complaint"
    assert len(requested["reason_digest"]) == 64
    assert "Smith" not in json.dumps(world.entries())
    assert "Smith" not in "".join(lines)


async def test_a_start_takes_three_requests_and_a_stop_two(world: World) -> None:
    with capture_logs(processors=[merge_contextvars]) as logs:
        await world.records(INBOUND)
        await world.clicks(ADA, "stop")
        await world.until(lambda: world.shows("Stopped"))
    assert _by_action(world, logs) == [["GET", "PATCH", "GET"], ["PATCH", "GET"]]


def _by_action(world: World, logs: list[EventDict]) -> list[list[str]]:
    """Return the methods of the requests that Genesys got, by action; the log says which action each is part of.

    What loops ask meanwhile is part of none: once a call's news flow the follower reads it, sooner or later. Names are
    looked up behind an action.
    """
    seen = {one.correlation_id: one for one in world.genesys.requests if "queues" not in one.operation}
    found: dict[str, list[str]] = {}
    for line in logs:
        if line["event"] != "genesys_request_completed" or "attempt_id" not in line:
            continue
        if (request := seen.get(line["correlation_id"])) is not None:
            found.setdefault(line["attempt_id"], []).append(request.method)
    return list(found.values())


async def test_the_request_is_on_disk_before_genesys_sees_a_write(world: World) -> None:
    found: list[list[tuple[str, str, str]]] = []

    def look(request: SimulatedRequest) -> None:
        assert request.conversation_id == INBOUND
        found.append([(e["action"], e["phase"], e["conversation_id"]) for e in world.entries("recording:%")])

    world.genesys.on_write(look)
    await world.records(INBOUND)
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    assert found == [
        [("recording:start", "requested", INBOUND)],
        [
            ("recording:start", "requested", INBOUND),
            ("recording:start", "succeeded", INBOUND),
            ("recording:stop", "requested", INBOUND),
        ],
    ]


async def test_status_says_what_the_bot_and_genesys_know(world: World) -> None:
    assert "Looking at the call" in await world.types(CLARA, f"status {INBOUND}")
    seen = await world.until_told(CLARA, "Genesys:")
    assert "The bot has no recording of it" in seen
    assert "it is not being recorded now" in seen

    await world.records(INBOUND)
    await world.types(GRACE, f"status {INBOUND}")
    seen = await world.until_told(GRACE, "Genesys:")
    assert "*Recording*" in seen
    assert "it is being recorded now" in seen
    assert world.phases("recording:read") == ["requested", "succeeded", "requested", "succeeded"]


async def test_status_without_an_id_shows_the_callers_own(world: World) -> None:
    await world.records(INBOUND)
    assert INBOUND in await world.types(ADA, "status")
    assert "No recording of yours is live" in await world.types(GRACE, "status")


async def test_list_shows_the_live_recordings_with_buttons_that_work(world: World) -> None:
    assert "No recording is live" in await world.types(GRACE, "list")
    await world.records(INBOUND)
    await world.records(OUTBOUND)
    answer = await world.types(GRACE, "list")
    assert answer.count("*Recording*") == 2
    listed = next(one for one in reversed(world.slack.messages(FLOOR)) if one.ephemeral_to == GRACE)
    await world.clicks(GRACE, "stop", listed)
    await world.until(lambda: world.genesys.effective_recording(INBOUND) == "none")
    await world.until(lambda: any(card.text.startswith("Stopped") for card in world.cards()))


async def test_help_lists_what_the_caller_may_do(world: World) -> None:
    for user, verbs in (
        (ADA, {"start", "stop", "pause", "resume", "status", "list", "history", "help"}),
        (CLARA, {"status", "list", "history", "audit", "help"}),
        (MALLORY, {"help"}),
    ):
        for text in ("help", ""):
            answer = await world.types(user, text)
            assert {line.split()[1].rstrip("`") for line in answer.split("\n")[1:]} == verbs
    assert world.entries("recording:%") == []


async def test_the_acknowledgement_comes_within_a_tenth_of_slacks_limit(world: World) -> None:
    # Slack gives 3 s; the answer may not wait for Genesys, which is slow here.
    world.genesys.faults.switch_on("slow", value=0.4, only="read", times=1)
    await world.types(ADA, f"start {INBOUND}")
    assert world.genesys.writes() == []
    await world.until(lambda: world.shows("Recording"))


async def test_the_call_that_is_hung_up_while_it_is_stopped_counts_as_ended(world: World) -> None:
    await world.records(INBOUND)
    world.genesys.hang_up(INBOUND)
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Call ended"))
    last = world.entries("recording:stop")[-1]
    assert (last["phase"], last["outcome"]["call"]) == ("succeeded", "ended")
