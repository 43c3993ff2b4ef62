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
    from tests.integration.genesys.bench import Bench
    from tests.integration.genesys.transport.test_adapter_odd_answers import Answers

NIL = "00000000-0000-0000-0000-000000000000"
APPLY, REVOKE = "recording:deletionProtection:apply", "recording:deletionProtection:revoke"
ADD, ANNOTATION_VIEW = "recording:annotation:add", "recording:annotation:view"
VIEW = "recording:recording:view"
PUT = "PUT protection"
POST = "POST annotation"


def adapter(bench: Bench) -> GenesysRecordingFiles:
    return GenesysRecordingFiles(bench.client)


def limits(bench: Bench) -> dict[str, Any]:
    return {"deadline": bench.deadline, "progress": bench.progress, "priority": bench.priority}


def ended(bench: Bench) -> tuple[str, str]:
    """Return the ids of a call that is over and of its recording."""
    call = bench.simulator.add_call(policy_recording="active", started_ago=60)
    bench.simulator.hang_up(call.id)
    (file,) = bench.simulator.recordings.saved_files(call)
    return call.id, file.id


async def files(bench: Bench, call: str, *, ended_ago: float | None = None) -> RecordingFiles:
    ended_at = None if ended_ago is None else bench.clock.now() - timedelta(seconds=ended_ago)
    return await adapter(bench).files(call, ended_at=ended_at, deadline=bench.deadline)


async def test_files_are_ready_once_they_are_stored(bench: Bench) -> None:
    bench.simulator.faults.switch_on("files_late", value=60)
    bench.simulator.faults.switch_on("files_uploading", value=90)
    call = bench.simulator.add_call(policy_recording="active")
    assert (await files(bench, call.id)).state is FilesState.NOT_YET
    bench.simulator.hang_up(call.id)
    assert await files(bench, call.id, ended_ago=0) == await files(bench, call.id, ended_ago=3599)
    assert (await files(bench, call.id, ended_ago=0)).state is FilesState.NOT_YET
    bench.clock.advance(60)
    uploading = await files(bench, call.id, ended_ago=60)
    assert (uploading.state, len(uploading.files), uploading.ready) == (FilesState.NOT_YET, 1, ())
    bench.clock.advance(30)
    stored = await files(bench, call.id, ended_ago=90)
    assert (stored.state, len(stored.ready)) == (FilesState.READY, 1)


async def test_a_call_without_a_recording_has_none_after_a_while(bench: Bench) -> None:
    call = bench.simulator.add_call()
    bench.simulator.hang_up(call.id)
    assert (await files(bench, call.id, ended_ago=3599)).state is FilesState.NOT_YET
    assert (await files(bench, call.id, ended_ago=3600)).state is FilesState.NONE
    assert (await files(bench, NIL, ended_ago=3600)).state is FilesState.NONE


async def test_deleted_files_are_none_that_can_be_kept() -> None:
    path = "GET /api/v2/conversations/c1/recordingmetadata"
    async with gateway({path: [(200, [{"id": "a", "fileState": "DELETED"}])]}) as (_, client, within):
        found = await GenesysRecordingFiles(client).files("c1", ended_at=None, deadline=within["deadline"])
    assert (found.state, found.ready, len(found.files)) == (FilesState.NONE, (), 1)


async def test_protection_is_confirmed_by_reading_it(bench: Bench) -> None:
    call, _ = ended(bench)
    kept = await adapter(bench).protect(call, **limits(bench))
    assert (kept.protected, kept.created, call in bench.simulator.recordings.protected) == (True, True, True)
    assert bench.asked() == ["POST 200", "PUT 204", "POST 200"]
    again = await adapter(bench).protect(call.upper(), **limits(bench))
    assert (again.protected, again.created, bench.writes()) == (True, False, 1)
    released = await adapter(bench).release(call, **limits(bench))
    assert (released.protected, released.created) == (False, True)
    assert bench.simulator.recordings.protected == set()
    assert (await adapter(bench).release(call, **limits(bench))).created is False


async def test_an_effect_that_comes_late_is_waited_for(bench: Bench) -> None:
    call, _ = ended(bench)
    bench.simulator.faults.switch_on("late_write", times=1, value=0.05)
    real_sleep = bench.clock.sleep

    async def until_in_effect(seconds: float) -> None:
        await real_sleep(seconds)
        if len(bench.clock.slept) > 1:
            await bench.simulator.wait_until(lambda: call in bench.simulator.recordings.protected)

    bench.clock.sleep = until_in_effect  # type: ignore[method-assign]
    assert (await adapter(bench).protect(call, **limits(bench))).created


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "write_ignored", "hang"])
async def test_a_protection_that_no_reading_shows_is_unknown(bench: Bench, fault: str) -> None:
    call, _ = ended(bench)
    bench.simulator.faults.switch_on(fault, only=PUT)
    with pytest.raises(OutcomeUnknown):
        await adapter(bench).protect(call, **limits(bench))
    assert bench.writes() == 1


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_protection_whose_answer_is_lost_is_found_by_reading(bench: Bench, fault: str) -> None:
    call, _ = ended(bench)
    bench.simulator.faults.switch_on(fault, only=PUT)
    assert (await adapter(bench).protect(call, **limits(bench))).protected
    assert bench.writes() == 1


async def test_a_limit_is_waited_for_and_told(bench: Bench) -> None:
    call, _ = ended(bench)
    bench.simulator.faults.switch_on("rate_limited", times=1, value=4, only=PUT)
    assert (await adapter(bench).protect(call, **limits(bench))).protected
    assert bench.waits[0] == 4
    bench.simulator.faults.switch_on("rate_limited", value=60, only=PUT)
    with pytest.raises(RateLimited):
        await adapter(bench).release(call, **limits(bench))


async def test_background_work_leaves_requests_to_people(bench: Bench) -> None:
    call, _ = ended(bench)
    bench.simulator.rate_limit.allowed = 20  # fewer than loops leave to people
    await files(bench, call)
    with pytest.raises(RateLimited):
        await adapter(bench).protect(call, **limits(bench) | {"priority": Priority.LOOP})
    assert (await adapter(bench).protect(call, **limits(bench))).protected


async def test_a_call_without_recordings_cannot_be_protected(bench: Bench) -> None:
    live = bench.simulator.add_call(policy_recording="active")
    for call in (live.id, NIL):
        with pytest.raises(NotFound, match="no saved recording") as refused:
            await adapter(bench).protect(call, **limits(bench))
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
async def test_each_waits_for_a_limit_and_tells_it(bench: Bench, name: str) -> None:
    act, _ = ACTIONS[name]
    call, file = ended(bench)
    if name == "release":
        bench.simulator.recordings.protected.add(call)
    bench.simulator.faults.switch_on("rate_limited", times=1, value=6)
    assert await act(adapter(bench), call, file, limits(bench))
    assert bench.waits[0] == 6
    assert [request.status for request in bench.simulator.requests][:2] == [429, 200 if name != "media_link" else 202]


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_missing_permission_is_named(bench: Bench, name: str) -> None:
    act, permission = ACTIONS[name]
    call, file = ended(bench)
    if name == "release":
        await adapter(bench).protect(call, **limits(bench))
    bench.simulator.access.granted.discard(permission)
    with pytest.raises(PermissionMissing) as missing:
        await act(adapter(bench), call, file, limits(bench))
    assert missing.value.permission == permission
    assert permission in str(missing.value)


@pytest.mark.parametrize(("name", "permission"), [("protect", APPLY), ("release", REVOKE)])
async def test_of_two_missing_permissions_the_one_that_is_meant_is_named(
    bench: Bench, name: str, permission: str
) -> None:
    act, _ = ACTIONS[name]
    call, file = ended(bench)
    if name == "release":
        bench.simulator.recordings.protected.add(call)
    bench.simulator.access.granted -= {APPLY, REVOKE}
    with pytest.raises(PermissionMissing) as missing:
        await act(adapter(bench), call, file, limits(bench))
    assert missing.value.permission == permission
    assert permission in str(missing.value)


async def test_an_annotation_is_added_once(bench: Bench) -> None:
    call, file = ended(bench)
    added = await adapter(bench).annotate(call, file, "  Complaint:\n  refund ", **limits(bench))
    (stored,) = bench.simulator.recordings.annotations[file]
    assert (stored["description"], stored["type"], stored["id"]) == (
        "Complaint: refund",
        "bookmark",
        added.annotation_id,
    )
    assert (added.created, added.seen) == (True, True)
    again = await adapter(bench).annotate(call, file, "Complaint: refund", **limits(bench))
    assert again == Annotated(added.annotation_id, created=False)
    assert bench.writes() == 1


async def test_a_long_annotation_is_cut(bench: Bench) -> None:
    call, file = ended(bench)
    words = "word " * 200
    assert (await adapter(bench).annotate(call, file, words, **limits(bench))).created
    assert len(bench.simulator.recordings.annotations[file][0]["description"]) == 500
    assert not (await adapter(bench).annotate(call, file, words, **limits(bench))).created


async def test_an_annotation_that_cannot_be_read_back_is_said_to_be_unseen(bench: Bench) -> None:
    call, file = ended(bench)
    bench.simulator.access.granted.discard(ANNOTATION_VIEW)
    added = await adapter(bench).annotate(call, file, "Complaint", **limits(bench))
    assert (added.created, added.seen, bool(added.annotation_id)) == (True, False, True)


@pytest.mark.parametrize("fault", ["server_error", "drop_before"])
async def test_an_annotation_that_no_reading_shows_is_unknown(bench: Bench, fault: str) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on(fault, only=POST)
    with pytest.raises(OutcomeUnknown):
        await adapter(bench).annotate(call, file, "Complaint", **limits(bench))
    assert bench.writes() == 1


async def test_an_annotation_whose_answer_is_lost_is_found_by_reading(bench: Bench) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on("drop_after", only=POST)
    added = await adapter(bench).annotate(call, file, "Complaint", **limits(bench))
    assert (added.created, added.seen) == (True, True)
    assert len(bench.simulator.recordings.annotations[file]) == 1


async def test_a_link_comes_when_the_transcoding_is_over_and_expires(bench: Bench) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on("slow_transcoding", value=7)
    link = await adapter(bench).media_link(call, file, **limits(bench))
    assert isinstance(link, MediaLink)
    assert bench.waits == [7]
    assert link.expires_at == bench.clock.now().replace(microsecond=0) + timedelta(hours=1)
    assert link.uri not in repr(link)
    assert "Signature" not in repr(link)
    async with aiohttp.ClientSession() as session, session.get(link.uri) as sound:
        assert (await sound.read())[:4] == b"RIFF"


async def test_a_transcoding_that_takes_too_long_is_told(bench: Bench) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on("slow_transcoding", value=300)
    waiting = await adapter(bench).media_link(call, file, **limits(bench))
    assert isinstance(waiting, Transcoding)
    assert (waiting.seconds, bench.waits) == (15, [15, 15])


async def test_a_pending_answer_needs_no_body() -> None:
    path = "GET /api/v2/conversations/c1/recordings/r1"
    async with gateway({path: [(202, None)]}) as (fake, client, within):
        waiting = await GenesysRecordingFiles(client).media_link("c1", "r1", **within)
    assert waiting == Transcoding(3.0)
    assert len(fake.asked) == 9  # one in three seconds until the deadline


async def test_an_archived_recording_has_nothing_to_play(bench: Bench) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on("files_archived")
    assert await adapter(bench).media_link(call, file, **limits(bench)) == NoMedia("archived")
    with pytest.raises(NotFound):
        await adapter(bench).media_link(call, NIL, **limits(bench))


@pytest.mark.parametrize("fault", ["server_error", "junk", "drop_before"])
async def test_reads_that_fail_say_that_genesys_is_unavailable(bench: Bench, fault: str) -> None:
    call, file = ended(bench)
    bench.simulator.faults.switch_on(fault)
    with pytest.raises(GenesysUnavailable):
        await files(bench, call)
    with pytest.raises(GenesysUnavailable):
        await adapter(bench).media_link(call, file, **limits(bench))
    assert bench.writes() == 0


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
