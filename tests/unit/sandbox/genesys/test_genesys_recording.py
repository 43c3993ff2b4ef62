"""What reads and writes of a call do, and what is true on the call afterwards."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.unit.sandbox.genesys.genesys_client import genesys_running


async def test_adhoc_recording_starts_and_stops() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        agent = call.agents[0]

        started = await api.record(call.id, agent.id, on=True)

        assert (started.status, started.text) == (202, "")
        seen = await api.call(call.id)
        assert seen["recordingState"] == "active"
        on_agent = next(p for p in seen["participants"] if p["id"] == agent.id)
        assert on_agent["recording"] is True
        assert on_agent["recordersState"]["adhocState"] == "ACTIVE"
        assert genesys.recording_starts(call.id) == 1

        await api.record(call.id, agent.id, on=False)
        assert (await api.call(call.id))["recordingState"] == "none"
        assert genesys.effective_recording(call.id) == "none"


async def test_a_write_takes_effect_after_the_delay() -> None:
    async with genesys_running(effect_delay=0.02) as (genesys, api):
        call = genesys.add_call()

        await api.record(call.id, call.agents[0].id, on=True)

        await genesys.wait_until(lambda: genesys.effective_recording(call.id) == "active")
        assert genesys.effects.pending == 0


async def test_a_write_that_lands_after_the_call_changes_nothing() -> None:
    async with genesys_running(effect_delay=0.05) as (genesys, api):
        call = genesys.add_call()
        await api.record(call.id, call.agents[0].id, on=True)
        genesys.hang_up(call.id)

        await genesys.wait_until(lambda: genesys.effects.pending == 0)

        assert genesys.recording_starts(call.id) == 0


async def test_policy_recording_is_paused_and_resumed() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")

        paused = await api.set_state(call.id, "PAUSED")

        assert (paused.status, paused.body) == (202, "PAUSED")
        seen = await api.call(call.id)
        assert (seen["recordingState"], seen["securePause"]) == ("paused", True)
        await api.set_state(call.id, "ACTIVE")
        seen = await api.call(call.id)
        assert (seen["recordingState"], seen["securePause"]) == ("active", False)
        assert genesys.recording_starts(call.id) == 0


async def test_adhoc_recording_is_paused_too_and_a_stop_ends_the_pause() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(recording=True)
        await api.set_state(call.id, "PAUSED")
        seen = await api.call(call.id)
        assert (seen["recordingState"], seen["securePause"]) == ("paused", True)

        await api.record(call.id, call.agents[0].id, on=False)

        seen = await api.call(call.id)
        assert (seen["recordingState"], seen["securePause"]) == ("none", False)


async def test_a_pause_of_nothing_is_accepted_and_does_nothing() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        assert (await api.set_state(call.id, "PAUSED")).status == 202
        assert (await api.call(call.id))["securePause"] is False


async def test_hold_pauses_the_policy_without_a_secure_pause() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        genesys.hold(call.id, True)
        seen = await api.call(call.id)
        assert (seen["recordingState"], seen["securePause"]) == ("paused", False)
        assert genesys.snapshot()["calls"][0]["state"] == "held"
        genesys.hold(call.id, False)
        assert (await api.call(call.id))["recordingState"] == "active"


async def test_the_call_ends_with_its_last_agent() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(agents=2, recording=True)
        first, second = call.agents

        genesys.agent_leaves(call.id, first.name)
        assert genesys.effective_recording(call.id) == "none"
        assert not call.over
        genesys.agent_leaves(call.id)

        seen = await api.call(call.id)
        assert {p["state"] for p in seen["participants"]} == {"disconnected"}
        assert all(p["endTime"] for p in seen["participants"])
        refused = await api.record(call.id, second.id, on=True)
        assert (refused.status, refused.code) == (
            400,
            "conversation.error.participant.no.active.conversations",
        )
        refused = await api.set_state(call.id, "PAUSED")
        assert (refused.status, refused.code) == (400, "conversation.error.conversation.disconnected")


async def test_what_a_trunk_recorded_is_saved_after_the_call() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        path = f"/conversations/{call.id}/recordingmetadata"
        assert (await api.send("GET", path)).body == []
        conversation = (await api.send("GET", f"/conversations/{call.id}")).body
        live = next(p["calls"][0] for p in conversation["participants"] if p["purpose"] == "agent")

        genesys.hang_up(call.id)

        (saved,) = (await api.send("GET", path)).body
        assert saved["id"] == live["recordingId"]
        assert (saved["fileState"], saved["mediaSubtype"], saved["startTime"]) == ("AVAILABLE", "Trunk", None)
        assert saved["sessionId"] == call.participants[0].communication_id


async def test_an_ad_hoc_recording_is_no_file_of_the_call() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(recording=True)
        genesys.hang_up(call.id)
        assert (await api.send("GET", f"/conversations/{call.id}/recordingmetadata")).body == []


async def test_each_recorder_leaves_its_own_kind_of_file() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        call.other_files += ["Station", "Consult", "Screen", "Snippet"]
        genesys.hang_up(call.id)

        files = (await api.send("GET", f"/conversations/{call.id}/recordingmetadata")).body

        assert [file["mediaSubtype"] for file in files] == ["Trunk", "Station", "Consult", "Screen", "Snippet"]
        assert [file["mediaSubtype"] for file in files if file["startTime"]] == ["Screen"]
        assert len({file["id"] for file in files}) == 5


@pytest.mark.parametrize("role", ["monitor", "coach", "barge"])
async def test_somebody_who_listens_in_is_no_agent(role: str) -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        watcher = genesys.agent_joins(call.id, "Ada Lind", role=role)
        seen = (await api.call(call.id))["participants"][-1]
        field = {"monitor": "monitoredParticipantId", "coach": "coachedParticipantId"}.get(role, "bargedParticipantId")
        assert seen[field] == call.agents[0].id
        assert [agent.name for agent in call.agents] == ["Priya Nair"]
        refused = await api.record(call.id, watcher.id, on=True)
        assert (refused.status, refused.code) == (400, "conversation.participant.update.invalid")


async def test_an_agent_who_answers_ends_the_waiting() -> None:
    async with genesys_running() as (genesys, _):
        call = genesys.add_call(agents=0)
        assert call.agents == []
        genesys.agent_joins(call.id, "Tom Becker")
        assert [p.state for p in call.participants] == ["connected", "disconnected", "connected"]


async def test_what_can_not_be_found_or_understood() -> None:
    async with genesys_running() as (genesys, api):
        call, chat, nobody = genesys.add_call(), genesys.add_chat(), str(uuid4())
        participant = f"/conversations/{call.id}/participants/{call.agents[0].id}"
        asked = {
            "unknown call": await api.send("GET", f"/conversations/calls/{nobody}"),
            "no id": await api.send("GET", "/conversations/calls/12345"),
            "chat": await api.send("GET", f"/conversations/calls/{chat.id}"),
            "chat participant": await api.record(chat.id, chat.agents[0].id, on=True),
            "unknown conversation": await api.send("GET", f"/conversations/{nobody}"),
            "unknown participant": await api.record(call.id, nobody, on=True),
            "unknown participant's attributes": await api.send(
                "PATCH", f"/conversations/{call.id}/participants/{nobody}/attributes", {"attributes": {}}
            ),
            "no boolean": await api.send("PATCH", participant, {"recording": "yes"}),
            "unknown field": await api.send("PATCH", participant, {"recordings": True}),
            "null": await api.send("PATCH", participant, None),
            "unknown state": await api.set_state(call.id, "STOPPED"),
            "unknown operation": await api.send("GET", "/nothing/here"),
            "user needed": await api.send("GET", "/conversations/calls"),
        }
        assert {name: (answer.status, answer.code) for name, answer in asked.items()} == {
            "unknown call": (404, "conversation.error.conversation.not.found"),
            "no id": (400, "bad.request"),
            "chat": (400, "bad.request"),
            "chat participant": (400, "conversation.participant.update.invalid"),
            "unknown conversation": (404, "not.found"),
            "unknown participant": (404, "not.found"),
            "unknown participant's attributes": (404, "conversation.error.participant.not.found"),
            "no boolean": (400, "invalid.value"),
            "unknown field": (400, "invalid.property"),
            "null": (400, "bad.request"),
            "unknown state": (400, "invalid.value"),
            "unknown operation": (404, "not.found"),
            "user needed": (400, "not.a.user"),
        }
        for answer in asked.values():
            assert answer.body["contextId"] == answer.headers["ININ-Correlation-Id"]
        assert genesys.effective_recording(call.id) == "none"


async def test_a_chat_is_a_conversation_but_no_call() -> None:
    async with genesys_running() as (genesys, api):
        chat = genesys.add_chat()
        seen = (await api.send("GET", f"/conversations/{chat.id}")).body
        assert [p["chats"][0]["state"] for p in seen["participants"]] == ["connected", "connected"]
        assert [p["calls"] for p in seen["participants"]] == [[], []]


async def test_the_path_below_calls_does_the_same() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        path = f"/conversations/calls/{call.id}/participants/{call.agents[0].id}"
        assert (await api.send("PATCH", path, {"recording": True})).status == 202
        assert genesys.effective_recording(call.id) == "active"
        assert (await api.send("PATCH", path, {"muted": False})).status == 202
        genesys.hang_up(call.id)
        refused = await api.send("PATCH", path, {"recording": True})
        assert (refused.status, refused.code) == (400, "conversation.error.call.disconnected")


async def test_attributes_are_kept() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        path = f"/conversations/{call.id}/participants/{call.agents[0].id}/attributes"
        answer = await api.send("PATCH", path, {"attributes": {"recordingReason": "complaint"}})
        assert answer.status == 202
        assert (await api.call(call.id))["participants"][-1]["attributes"] == {"recordingReason": "complaint"}
        assert (await api.send("PATCH", path, {"attributes": {"recordingReason": None}})).status == 400


async def test_observers_see_a_write_before_it_is_applied() -> None:
    async with genesys_running() as (genesys, api):
        call = genesys.add_call()
        seen: list[tuple[str, str]] = []

        async def watch(_request: object) -> None:
            await asyncio.sleep(0)
            seen.append(("awaited", genesys.effective_recording(call.id)))

        genesys.on_write(lambda request: seen.append((request.operation, genesys.effective_recording(call.id))))
        genesys.on_write(watch)
        await api.call(call.id)
        await api.record(call.id, call.agents[0].id, on=True)

        assert seen == [("PATCH participant (write)", "none"), ("awaited", "none")]
        (write,) = genesys.writes(call.id)
        assert (write.body, write.status, write.conversation_id) == ({"recording": True}, 202, call.id)
        assert [request.is_write for request in genesys.requests] == [False, True]


async def test_changes_from_outside_the_bot() -> None:
    async with genesys_running() as (genesys, _):
        call = genesys.add_call()
        genesys.set_recording(call.id, True)
        assert genesys.effective_recording(call.id) == "active"
        genesys.secure_pause(call.id, True)
        assert genesys.effective_recording(call.id) == "paused"
        genesys.set_recording(call.id, False)
        assert genesys.effective_recording(call.id) == "none"
        assert genesys.writes() == []
