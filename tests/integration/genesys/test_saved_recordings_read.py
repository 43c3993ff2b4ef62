"""What Genesys has kept of a call, by the real SDK over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import GenesysError, GenesysUnavailable, PermissionMissing
from bot.genesys import GenesysSavedRecordings
from tests.integration.genesys.transport.test_adapter_odd_answers import gateway

if TYPE_CHECKING:
    from bot.recording.keeping.recording_files import SavedRecording
    from tests.integration.genesys.bench import Bench

PATH = "GET /api/v2/conversations/c1/recordingmetadata"


async def saved(bench: Bench, call: str) -> tuple[SavedRecording, ...]:
    return await GenesysSavedRecordings(bench.client).saved(call, deadline=bench.deadline)


async def test_the_file_is_there_once_the_call_is_over(bench: Bench) -> None:
    call = bench.simulator.add_call(policy_recording="active")
    assert await saved(bench, call.id) == ()

    bench.clock.advance(185)
    bench.simulator.hang_up(call.id)

    (found,) = await saved(bench, call.id)
    assert (found.state, found.media, found.there) == ("available", "audio", True)
    assert (found.media_subtype, found.session_id) == ("trunk", call.participants[0].communication_id)
    assert (found.started_at, found.length) == (None, None)  # Genesys names no start of audio


async def test_a_screen_recording_says_how_long_it_is(bench: Bench) -> None:
    call = bench.simulator.add_call()
    call.other_files.append("Screen")
    bench.clock.advance(185)
    bench.simulator.hang_up(call.id)

    (found,) = await saved(bench, call.id)
    assert found.media_subtype == "screen"
    assert found.length == pytest.approx(timedelta(seconds=185), abs=timedelta(seconds=1))


async def test_an_ad_hoc_recording_leaves_no_file_of_the_call(bench: Bench) -> None:
    call = bench.simulator.add_call()
    await bench.start(call.id)
    bench.clock.advance(185)
    bench.simulator.hang_up(call.id)
    assert await saved(bench, call.id) == ()


async def test_an_unknown_call_has_nothing_kept(bench: Bench) -> None:
    assert await saved(bench, "00000000-0000-0000-0000-000000000000") == ()


async def test_a_missing_permission_is_named(bench: Bench) -> None:
    bench.simulator.faults.switch_on("forbidden")
    with pytest.raises(PermissionMissing) as missing:
        await saved(bench, bench.simulator.add_call().id)
    assert missing.value.permission == "recording:recording:view"


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ([], []),
        ([None, 7, {}, {"id": None}, {"id": "a"}], [""]),
        ([{"id": "b", "fileState": "VAPORISED", "startTime": None, "endTime": "later", "media": 3}], ["vaporised"]),
        ([{"id": "c", "fileState": "UPLOADING", "startTime": "2026-03-02T10:00", "endTime": "2026-03-02T09"}],
         ["uploading"]),
    ],
)  # fmt: skip
async def test_odd_metadata_are_read_as_far_as_they_go(body: list[Any], states: list[str]) -> None:
    async with gateway({PATH: [(200, body)]}) as (_, client, within):
        found = await GenesysSavedRecordings(client).saved("c1", deadline=within["deadline"])
    assert [one.state for one in found] == states
    assert all(one.length is None for one in found)


async def test_what_is_no_list_is_no_answer() -> None:
    async with gateway({PATH: [(200, {"entities": []})]}) as (_, client, within):
        with pytest.raises(GenesysUnavailable, match="no list") as junk:
            await GenesysSavedRecordings(client).saved("c1", deadline=within["deadline"])
    assert isinstance(junk.value, GenesysError)
