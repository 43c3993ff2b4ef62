"""The simulated recordings of a call: when they appear, their media, annotations and protection from deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.genesys.genesys_client import genesys_running

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedGenesys
    from tests.unit.sandbox.genesys.genesys_client import GenesysClient

NIL = "00000000-0000-0000-0000-000000000000"
PROTECTION = "/recordings/deletionprotection"


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def ended_call(genesys: SimulatedGenesys, api: GenesysClient) -> tuple[str, str]:
    """Return the id of a call that is over, and the path of its recording."""
    call = genesys.add_call(policy_recording="active", started_ago=60)
    genesys.hang_up(call.id)
    (listed,) = (await api.send("GET", f"/conversations/{call.id}/recordingmetadata")).body
    return call.id, f"/conversations/{call.id}/recordings/{listed['id']}"


async def states(api: GenesysClient, conversation_id: str) -> list[str]:
    answer = await api.send("GET", f"/conversations/{conversation_id}/recordingmetadata")
    return [one["fileState"] for one in answer.body]


async def test_a_recording_appears_when_the_switch_says_so() -> None:
    clock = FakeClock()
    async with genesys_running(clock=clock) as (genesys, api):
        call = genesys.add_call(policy_recording="active")
        genesys.faults.switch_on("files_late", value=60)
        genesys.faults.switch_on("files_uploading", value=90)
        assert await states(api, call.id) == []
        genesys.hang_up(call.id)
        assert await states(api, call.id) == []
        clock.now += 60
        assert await states(api, call.id) == ["UPLOADING"]
        clock.now += 30
        assert await states(api, call.id) == ["AVAILABLE"]
        genesys.faults.switch_on("files_archived")
        assert await states(api, call.id) == ["ARCHIVED"]
        genesys.faults.switch_all_off()
        assert await states(api, call.id) == ["AVAILABLE"]


async def test_media_are_transcoded_first_and_their_link_expires() -> None:
    clock = FakeClock()
    async with genesys_running(clock=clock) as (genesys, api):
        call_id, path = await ended_call(genesys, api)
        every = f"/conversations/{call_id}/recordings?formatId=WAV"

        waiting = await api.send("GET", f"{path}?formatId=WAV&download=true")
        assert (waiting.status, waiting.body["mediaUris"]) == (202, None)
        assert waiting.body["estimatedTranscodeTimeMs"] == 1000
        listed = await api.send("GET", every)
        assert (listed.status, listed.text) == (202, "")

        clock.now += 1
        ready = await api.send("GET", f"{path}?formatId=WAV&download=true")
        assert (ready.status, list(ready.body["mediaUris"])) == (200, ["S"])
        assert len((await api.send("GET", every)).body) == 1
        uri = ready.body["mediaUris"]["S"]["mediaUri"]
        async with api.session.get(uri) as sound:
            assert (sound.status, (await sound.read())[:4]) == (200, b"RIFF")
        async with api.session.get(uri.replace("Expires=3600", "Expires=36000")) as forged:
            assert forged.status == 403
        clock.now += 3600
        async with api.session.get(uri) as expired:
            assert expired.status == 403


async def test_there_is_no_media_of_an_archived_recording_or_for_no_format() -> None:
    async with genesys_running() as (genesys, api):
        _, path = await ended_call(genesys, api)
        assert (await api.send("GET", f"{path}?formatId=NONE")).body["mediaUris"] is None
        assert (await api.send("GET", f"{path}?formatId=CASSETTE")).code == "invalid.query.param.value"
        genesys.faults.switch_on("files_archived")
        archived = await api.send("GET", path)
        assert (archived.status, archived.body["fileState"], archived.body["mediaUris"]) == (200, "ARCHIVED", None)


async def test_an_annotation_is_created_and_updated_by_its_own_permission() -> None:
    async with genesys_running() as (genesys, api):
        _, path = await ended_call(genesys, api)
        note: dict[str, Any] = {"type": "bookmark", "location": 0, "description": "Complaint"}
        created = await api.send("POST", f"{path}/annotations", note)
        assert (await api.send("GET", f"{path}/annotations")).body == [created.body]

        changed = await api.send("POST", f"{path}/annotations", note | {"id": created.body["id"]})
        assert (changed.status, changed.body["messageParams"]) == (403, {"permissions": "[recording:annotation:edit]"})
        too_long = await api.send("POST", f"{path}/annotations", {"description": "x" * 501})
        assert too_long.code == "recording.annotation.description.too.long"

        genesys.access.granted.discard("recording:annotation:view")
        assert (await api.send("GET", f"{path}/annotations")).body == []
        genesys.access.granted.discard("recording:annotation:add")
        refused = await api.send("POST", f"{path}/annotations", note)
        assert refused.body["messageParams"] == {"permissions": "[recording:annotation:add]"}


@pytest.mark.parametrize(("protect", "action"), [("true", "apply"), ("false", "revoke")])
async def test_each_side_of_protection_takes_its_own_permission(protect: str, action: str) -> None:
    async with genesys_running() as (genesys, api):
        call_id, _ = await ended_call(genesys, api)
        body = {"conversationIds": [call_id]}
        assert (await api.send("PUT", f"{PROTECTION}?protect={protect}", body)).status == 204
        genesys.access.granted.discard(f"recording:deletionProtection:{action}")
        refused = await api.send("PUT", f"{PROTECTION}?protect={protect}", body)
        assert refused.body["messageParams"] == {"permissions": f"[recording:deletionProtection:{action}]"}


async def test_what_is_protected_can_be_read_back() -> None:
    async with genesys_running() as (genesys, api):
        call_id, _ = await ended_call(genesys, api)
        body = {"conversationIds": [call_id]}
        assert (await api.send("POST", PROTECTION, body)).body == []
        await api.send("PUT", PROTECTION, body)
        assert [one["id"] for one in (await api.send("POST", PROTECTION, body)).body] == [call_id]
        await api.send("PUT", f"{PROTECTION}?protect=false", body)
        assert (await api.send("POST", PROTECTION, body)).body == []


async def test_what_cannot_be_protected() -> None:
    async with genesys_running() as (genesys, api):
        live = genesys.add_call(policy_recording="active")
        for unknown in (live.id, NIL):
            refused = await api.send("PUT", PROTECTION, {"conversationIds": [unknown]})
            assert (refused.status, refused.code) == (404, "recording.conversation.not.found")
        assert (await api.send("PUT", PROTECTION)).code == "recording.empty.payload"
        too_many = await api.send("POST", PROTECTION, {"conversationIds": [NIL] * 101})
        assert too_many.code == "constraint.validation"
        no_id = await api.send("POST", PROTECTION, {"conversationIds": ["nonsense"]})
        assert no_id.code == "recording.conversation.id.not.uuid"
