"""Keeping, marking and playing saved recordings, by the real SDK over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bot.errors import (
    GenesysUnavailable,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RequestRejected,
)
from bot.genesys import GenesysRecordingFiles
from bot.recording.keeping.recording_files import Annotated, FilesState, MediaLink, NoMedia, Transcoding
from bot.recording.ports import Priority
from tests.integration.genesys.transport.test_adapter_odd_answers import gateway

if TYPE_CHECKING:
    from bot.recording.keeping.recording_files import RecordingFiles
    from tests.integration.genesys.desk import Desk
    from tests.integration.genesys.transport.test_adapter_odd_answers import Answers

NIL = "00000000-0000-0000-0000-000000000000"
APPLY, REVOKE = "recording:deletionProtection:apply", "recording:deletionProtection:revoke"
ADD, ANNOTATION_VIEW = "recording:annotation:add", "recording:annotation:view"
VIEW = "recording:recording:view"
PUT = "PUT protection"
POST = "POST annotation"


def adapter(desk: Desk) -> GenesysRecordingFiles:
    return GenesysRecordingFiles(desk.client)


def limits(desk: Desk) -> dict[str, Any]:
    return {"deadline": desk.deadline, "progress": desk.progress, "priority": desk.priority}


def ended(desk: Desk) -> tuple[str, str]:
    """Return the ids of a call that is over and of its recording."""
    call = desk.simulator.add_call(policy_recording="active", started_ago=60)
    desk.simulator.hang_up(call.id)
    (file,) = desk.simulator.recordings.saved_files(call)
    return call.id, file.id


async def files(desk: Desk, call: str, *, ended_ago: float | None = None) -> RecordingFiles:
    ended_at = None if ended_ago is None else desk.clock.now() - timedelta(seconds=ended_ago)
    return await adapter(desk).files(call, ended_at=ended_at, deadline=desk.deadline)


async def test_files_are_ready_once_they_are_stored(desk: Desk) -> None:
    desk.simulator.faults.switch_on("files_late", value=60)
    desk.simulator.faults.switch_on("files_uploading", value=90)
    call = desk.simulator.add_call(policy_recording="active")
    assert (await files(desk, call.id)).state is FilesState.NOT_YET
    desk.simulator.hang_up(call.id)
    assert await files(desk, call.id, ended_ago=0) == await files(desk, call.id, ended_ago=3599)
    assert (await files(desk, call.id, ended_ago=0)).state is FilesState.NOT_YET
    desk.clock.advance(60)
    uploading = await files(desk, call.id, ended_ago=60)
    assert (uploading.state, len(uploading.files), uploading.ready) == (FilesState.NOT_YET, 1, ())
    desk.clock.advance(30)
    stored = await files(desk, call.id, ended_ago=90)
    assert (stored.state, len(stored.ready)) == (FilesState.READY, 1)


async def test_a_call_without_a_recording_has_none_after_a_while(desk: Desk) -> None:
    call = desk.simulator.add_call()
    desk.simulator.hang_up(call.id)
    assert (await files(desk, call.id, ended_ago=3599)).state is FilesState.NOT_YET
    assert (await files(desk, call.id, ended_ago=3600)).state is FilesState.NONE
    assert (await files(desk, NIL, ended_ago=3600)).state is FilesState.NONE


async def test_deleted_files_are_none_that_can_be_kept() -> None:
    path = "GET /api/v2/conversations/c1/recordingmetadata"
    async with gateway({path: [(200, [{"id": "a", "fileState": "DELETED"}])]}) as (_, client, within):
        found = await GenesysRecordingFiles(client).files("c1", ended_at=None, deadline=within["deadline"])
    assert (found.state, found.ready, len(found.files)) == (FilesState.NONE, (), 1)


async def test_protection_is_confirmed_by_reading_it(desk: Desk) -> None:
    call, _ = ended(desk)
    kept = await adapter(desk).protect(call, **limits(desk))
    assert (kept.protected, kept.created, call in desk.simulator.recordings.protected) == (True, True, True)
    assert desk.asked() == ["POST 200", "PUT 204", "POST 200"]
    again = await adapter(desk).protect(call.upper(), **limits(desk))
    assert (again.protected, again.created, desk.writes()) == (True, False, 1)
    released = await adapter(desk).release(call, **limits(desk))
    assert (released.protected, released.created) == (False, True)
    assert desk.simulator.recordings.protected == set()
    assert (await adapter(desk).release(call, **limits(desk))).created is False


async def test_an_effect_that_comes_late_is_waited_for(desk: Desk) -> None:
    call, _ = ended(desk)
    desk.simulator.faults.switch_on("late_write", times=1, value=0.05)
    real_sleep = desk.clock.sleep

    async def until_in_effect(seconds: float) -> None:
        await real_sleep(seconds)
        if len(desk.clock.slept) > 1:
            await desk.simulator.wait_until(lambda: call in desk.simulator.recordings.protected)

    desk.clock.sleep = until_in_effect  # type: ignore[method-assign]
    assert (await adapter(desk).protect(call, **limits(desk))).created


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "write_ignored", "hang"])
async def test_a_protection_that_no_reading_shows_is_unknown(desk: Desk, fault: str) -> None:
    call, _ = ended(desk)
    desk.simulator.faults.switch_on(fault, only=PUT)
    with pytest.raises(OutcomeUnknown):
        await adapter(desk).protect(call, **limits(desk))
    assert desk.writes() == 1


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_protection_whose_answer_is_lost_is_found_by_reading(desk: Desk, fault: str) -> None:
    call, _ = ended(desk)
    desk.simulator.faults.switch_on(fault, only=PUT)
    assert (await adapter(desk).protect(call, **limits(desk))).protected
    assert desk.writes() == 1


async def test_a_limit_is_waited_for_and_told(desk: Desk) -> None:
    call, _ = ended(desk)
    desk.simulator.faults.switch_on("rate_limited", times=1, value=4, only=PUT)
    assert (await adapter(desk).protect(call, **limits(desk))).protected
    assert desk.waits[0] == 4
    desk.simulator.faults.switch_on("rate_limited", value=60, only=PUT)
    with pytest.raises(RateLimited):
        await adapter(desk).release(call, **limits(desk))


async def test_background_work_leaves_requests_to_people(desk: Desk) -> None:
    call, _ = ended(desk)
    desk.simulator.rate_limit.allowed = 20  # fewer than loops leave to people
    await files(desk, call)
    with pytest.raises(RateLimited):
        await adapter(desk).protect(call, **limits(desk) | {"priority": Priority.LOOP})
    assert (await adapter(desk).protect(call, **limits(desk))).protected


async def test_a_call_without_recordings_cannot_be_protected(desk: Desk) -> None:
    live = desk.simulator.add_call(policy_recording="active")
    for call in (live.id, NIL):
        with pytest.raises(NotFound, match="no saved recording") as refused:
            await adapter(desk).protect(call, **limits(desk))
        assert refused.value.evidence.code == "recording.conversation.not.found"


async def test_a_call_among_the_failed_ones_of_an_accepted_request_is_refused() -> None:
    failed = {"failedUpdates": [{"conversation": {"id": "C1"}, "errorMessage": "locked"}]}
    path = "/api/v2/recordings/deletionprotection"
    async with gateway({f"POST {path}": [(200, [])], f"PUT {path}": [(200, failed)]}) as (fake, client, within):
        with pytest.raises(RequestRejected, match="locked"):
            await GenesysRecordingFiles(client).protect("c1", **within)
    assert fake.asked == [f"POST {path}", f"PUT {path}"]


@pytest.mark.parametrize("body", [{}, {"entities": []}, [None], [{"id": None}], ["c1"]])
async def test_an_answer_that_does_not_say_what_is_protected_settles_nothing(body: Any) -> None:
    path = "/api/v2/recordings/deletionprotection"
    async with gateway({f"POST {path}": [(200, body)]}) as (fake, client, within):
        with pytest.raises(GenesysUnavailable, match="does not say"):
            await GenesysRecordingFiles(client).release("c1", **within)
    assert f"PUT {path}" not in fake.asked
    confirmed = {f"POST {path}": [(200, []), (200, body)], f"PUT {path}": [(204, None)]}
    async with gateway(confirmed) as (_, client, within):
        with pytest.raises(OutcomeUnknown):
            await GenesysRecordingFiles(client).protect("c1", **within)


@pytest.mark.parametrize("side", ["POST", "PUT"])
async def test_either_request_may_say_that_there_is_no_recording(side: str) -> None:
    path = "/api/v2/recordings/deletionprotection"
    missing: tuple[int, Any] = (404, {"code": "recording.conversation.not.found", "message": "Not found"})
    answers: Answers = {f"POST {path}": [missing if side == "POST" else (200, [])], f"PUT {path}": [missing]}
    async with gateway(answers) as (fake, client, within):
        with pytest.raises(NotFound, match="no saved recording"):
            await GenesysRecordingFiles(client).protect("c1", **within)
    assert fake.asked[-1] == f"{side} {path}"


async def test_a_refusal_that_names_no_permission_is_named_by_the_bot() -> None:
    path = "GET /api/v2/conversations/c1/recordings/r1"
    refusal = {"code": "recording.recording.view.permission.check.failed", "message": "Denied."}
    async with gateway({path: [(403, refusal)]}) as (_, client, within):
        with pytest.raises(PermissionMissing, match=VIEW) as missing:
            await GenesysRecordingFiles(client).media_link("c1", "r1", **within)
    assert missing.value.permission == VIEW


ACTIONS: dict[str, Any] = {
    "protect": (lambda files, call, _, within: files.protect(call, **within), APPLY),
    "release": (lambda files, call, _, within: files.release(call, **within), REVOKE),
    "annotate": (lambda files, call, file, within: files.annotate(call, file, "Complaint", **within), ADD),
    "media_link": (lambda files, call, file, within: files.media_link(call, file, **within), VIEW),
}


@pytest.mark.parametrize("name", ACTIONS)
async def test_each_waits_for_a_limit_and_tells_it(desk: Desk, name: str) -> None:
    act, _ = ACTIONS[name]
    call, file = ended(desk)
    if name == "release":
        desk.simulator.recordings.protected.add(call)
    desk.simulator.faults.switch_on("rate_limited", times=1, value=6)
    assert await act(adapter(desk), call, file, limits(desk))
    assert desk.waits[0] == 6
    assert [request.status for request in desk.simulator.requests][:2] == [429, 200 if name != "media_link" else 202]


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_missing_permission_is_named(desk: Desk, name: str) -> None:
    act, permission = ACTIONS[name]
    call, file = ended(desk)
    if name == "release":
        await adapter(desk).protect(call, **limits(desk))
    desk.simulator.access.granted.discard(permission)
    with pytest.raises(PermissionMissing) as missing:
        await act(adapter(desk), call, file, limits(desk))
    assert missing.value.permission == permission
    assert permission in str(missing.value)


@pytest.mark.parametrize(("name", "permission"), [("protect", APPLY), ("release", REVOKE)])
async def test_of_two_missing_permissions_the_one_that_is_meant_is_named(
    desk: Desk, name: str, permission: str
) -> None:
    act, _ = ACTIONS[name]
    call, file = ended(desk)
    if name == "release":
        desk.simulator.recordings.protected.add(call)
    desk.simulator.access.granted -= {APPLY, REVOKE}
    with pytest.raises(PermissionMissing) as missing:
        await act(adapter(desk), call, file, limits(desk))
    assert missing.value.permission == permission
    assert permission in str(missing.value)


async def test_an_annotation_is_added_once(desk: Desk) -> None:
    call, file = ended(desk)
    added = await adapter(desk).annotate(call, file, "  Complaint:\n  refund ", **limits(desk))
    (stored,) = desk.simulator.recordings.annotations[file]
    assert (stored["description"], stored["type"], stored["id"]) == (
        "Complaint: refund",
        "bookmark",
        added.annotation_id,
    )
    assert (added.created, added.seen) == (True, True)
    again = await adapter(desk).annotate(call, file, "Complaint: refund", **limits(desk))
    assert again == Annotated(added.annotation_id, created=False)
    assert desk.writes() == 1


async def test_a_long_annotation_is_cut(desk: Desk) -> None:
    call, file = ended(desk)
    words = "word " * 200
    assert (await adapter(desk).annotate(call, file, words, **limits(desk))).created
    assert len(desk.simulator.recordings.annotations[file][0]["description"]) == 500
    assert not (await adapter(desk).annotate(call, file, words, **limits(desk))).created


async def test_an_annotation_that_cannot_be_read_back_is_said_to_be_unseen(desk: Desk) -> None:
    call, file = ended(desk)
    desk.simulator.access.granted.discard(ANNOTATION_VIEW)
    added = await adapter(desk).annotate(call, file, "Complaint", **limits(desk))
    assert (added.created, added.seen, bool(added.annotation_id)) == (True, False, True)


@pytest.mark.parametrize("fault", ["server_error", "drop_before"])
async def test_an_annotation_that_no_reading_shows_is_unknown(desk: Desk, fault: str) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on(fault, only=POST)
    with pytest.raises(OutcomeUnknown):
        await adapter(desk).annotate(call, file, "Complaint", **limits(desk))
    assert desk.writes() == 1


async def test_an_annotation_whose_answer_is_lost_is_found_by_reading(desk: Desk) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on("drop_after", only=POST)
    added = await adapter(desk).annotate(call, file, "Complaint", **limits(desk))
    assert (added.created, added.seen) == (True, True)
    assert len(desk.simulator.recordings.annotations[file]) == 1


async def test_a_link_comes_when_the_transcoding_is_over_and_expires(desk: Desk) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on("slow_transcoding", value=7)
    link = await adapter(desk).media_link(call, file, **limits(desk))
    assert isinstance(link, MediaLink)
    assert desk.waits == [7]
    assert link.expires_at == desk.clock.now().replace(microsecond=0) + timedelta(hours=1)
    assert link.uri not in repr(link)
    assert "Signature" not in repr(link)
    async with aiohttp.ClientSession() as session, session.get(link.uri) as sound:
        assert (await sound.read())[:4] == b"RIFF"


async def test_a_transcoding_that_takes_too_long_is_told(desk: Desk) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on("slow_transcoding", value=300)
    waiting = await adapter(desk).media_link(call, file, **limits(desk))
    assert isinstance(waiting, Transcoding)
    assert (waiting.seconds, desk.waits) == (15, [15, 15])


async def test_a_pending_answer_needs_no_body() -> None:
    path = "GET /api/v2/conversations/c1/recordings/r1"
    async with gateway({path: [(202, None)]}) as (fake, client, within):
        waiting = await GenesysRecordingFiles(client).media_link("c1", "r1", **within)
    assert waiting == Transcoding(3.0)
    assert len(fake.asked) == 9  # one in three seconds until the deadline


async def test_an_archived_recording_has_nothing_to_play(desk: Desk) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on("files_archived")
    assert await adapter(desk).media_link(call, file, **limits(desk)) == NoMedia("archived")
    with pytest.raises(NotFound):
        await adapter(desk).media_link(call, NIL, **limits(desk))


@pytest.mark.parametrize("fault", ["server_error", "junk", "drop_before"])
async def test_reads_that_fail_say_that_genesys_is_unavailable(desk: Desk, fault: str) -> None:
    call, file = ended(desk)
    desk.simulator.faults.switch_on(fault)
    with pytest.raises(GenesysUnavailable):
        await files(desk, call)
    with pytest.raises(GenesysUnavailable):
        await adapter(desk).media_link(call, file, **limits(desk))
    assert desk.writes() == 0


SIGNED = "https://files.example.com/a.mp3?Expires=1772442000&Signature=x"


@pytest.mark.parametrize(
    ("body", "uri"),
    [
        ({"mediaUris": {"0": {"mediaUri": "https://e.example/0"}, "S": {"mediaUri": SIGNED}}}, SIGNED),
        ({"mediaUris": {"1": {"mediaUri": "https://e.example/1"}, "0": {"mediaUri": "https://e.example/0"}}},
         "https://e.example/0"),
        ({"mediaUris": {"S": {"mediaUri": "javascript:alert(1)"}}}, None),
        ({"mediaUris": {"S": {"mediaUri": "ftp://e.example/a"}}}, None),
        ({"mediaUris": {"S": {"mediaUri": "https://e.example/a|b>c"}}}, None),
        ({"mediaUris": {"S": {"mediaUri": "https://[broken"}}}, None),
        ({"mediaUris": {"S": {"mediaUri": 7}, "T": None}}, None),
        ({"mediaUris": None}, None),
        ({"mediaUris": "none"}, None),
        ({}, None),
    ],
)  # fmt: skip
async def test_odd_media_are_read_as_far_as_they_go(body: dict[str, Any], uri: str | None) -> None:
    path = "GET /api/v2/conversations/c1/recordings/r1"
    async with gateway({path: [(202, None), (200, body)]}) as (_, client, within):
        found = await GenesysRecordingFiles(client).media_link("c1", "r1", **within)
    if uri is None:
        assert found == NoMedia("")
        return
    assert isinstance(found, MediaLink)
    assert found.uri == uri
    assert (found.expires_at is not None) is (uri == SIGNED)
