"""The whole bot: the list of live calls without Slack's help, and the file of a recording after its call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.recording.call import CallRecording
from bot.runtime.container import opened_control
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.support.hurried_clock import HurriedClock
from tests.support.service import asked
from tests.support.world import ADA, GENESYS_PATIENCE, World, settings_for, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CALL = INBOUND


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    clock = HurriedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="http", directory=tmp_path, changes={})
        serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE)
        world = World(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await world.begin()
        yield world
        await world.end()


async def test_the_file_of_a_recording_is_noted_after_its_call(world: World) -> None:
    await world.records(POLICY_RECORDED)
    world.genesys.hang_up(POLICY_RECORDED)
    await world.until_later(lambda: world.entries("recording:saved"))

    (entry,) = world.entries("recording:saved")
    assert (entry["phase"], entry["actor"], entry["conversation_id"]) == ("observed", "bot", POLICY_RECORDED)
    assert entry["outcome"]["state"] == "available"
    (kept,) = world.rows("SELECT * FROM saved_recordings")
    assert kept["id"] == entry["outcome"]["saved_id"]
    assert (kept["media_subtype"], kept["started_at"]) == ("trunk", None)
    assert kept["session_id"] == world.genesys.calls[POLICY_RECORDED].participants[0].communication_id
    (recording,) = world.recordings()
    assert (recording["state"], recording["audit_seq"]) == ("ended", entry["seq"])
    await world.until_later(lambda: world.rows("SELECT * FROM cards WHERE rendered_version = ?", recording["version"]))


async def test_where_files_may_not_be_asked_for_the_bot_stays_ready(world: World) -> None:
    world.genesys.faults.switch_on("forbidden", only="recording metadata")
    await world.records(POLICY_RECORDED)
    world.genesys.hang_up(POLICY_RECORDED)

    def metadata_asked() -> list[str]:
        return [request.path for request in world.genesys.requests if "recordingmetadata" in request.path]

    await world.until_later(metadata_asked)
    world.clock.jump(120)
    await world.types(ADA, f"start {POLICY_RECORDED}")
    await world.until(lambda: world.phases("recording:start")[-1] == "failed")
    assert len(metadata_asked()) == 1
    assert (await world.page("/readyz"))[0] == 200


async def test_no_file_is_credited_to_an_ad_hoc_recording(world: World) -> None:
    """A trunk records every external call; its file, and a screen recording, are not the ad-hoc recorder's."""
    await world.records(CALL)
    world.genesys.calls[CALL].other_files += ["Trunk", "Screen"]
    world.genesys.hang_up(CALL)
    await world.until(lambda: world.recordings()[0]["state"] == "ended")
    world.clock.jump(120)
    await world.records(POLICY_RECORDED)
    world.genesys.hang_up(POLICY_RECORDED)
    await world.until_later(lambda: world.entries("recording:saved"))

    assert [entry["conversation_id"] for entry in world.entries("recording:saved")] == [POLICY_RECORDED]
    asked = [request.path for request in world.genesys.requests if "recordingmetadata" in request.path]
    assert not any(CALL in path for path in asked)


async def test_the_list_of_live_calls_as_the_composition_builds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = HurriedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="http", directory=tmp_path, changes={})
        async with opened_control(settings, owner="test", clock=clock) as control:
            await control.service.carry_out(await control.service.intake.start(asked(), CALL, None))
            genesys.requests.clear()

            seen = await control.live_calls.current(wait=30)

            (ours,) = [call for call in seen.calls if call.conversation_id == CALL]
            assert (seen.problem, len(seen.calls), ours.recording) == (None, 6, CallRecording.ACTIVE)
            assert ([agent.name for agent in ours.agents], ours.queue_name) == (["Priya Nair"], "Billing")
            (by_policy,) = [call for call in seen.calls if call.conversation_id == POLICY_RECORDED]
            assert by_policy.recording is CallRecording.ACTIVE
            assert sorted(request.method for request in genesys.requests) == ["GET", "POST", "POST"]
            await control.live_calls.current(wait=30)
            assert len(genesys.requests) == 3


UNNAMED = "SELECT queue_id FROM recordings WHERE queue_id NOT IN (SELECT id FROM names WHERE kind = 'queue')"


def queues_asked(world: World) -> list[str]:
    return [one.path for one in world.genesys.requests if "/routing/queues" in one.path]


async def test_a_call_that_was_named_by_its_id_gets_its_queues_name_on_the_card(world: World) -> None:
    await world.records(CALL)
    (card,) = world.cards()
    await world.until_later(lambda: "Billing" in world.card().text)

    assert (world.card().ts, len(world.cards())) == (card.ts, 1)
    for other in (OUTBOUND, POLICY_RECORDED):
        await world.records(other)
    await world.until_later(lambda: not world.rows(UNNAMED))
    asked_once = queues_asked(world)
    world.clock.jump(60)
    await world.types(ADA, f"stop {CALL}")
    await world.until(lambda: world.phases("recording:stop")[-1:] == ["succeeded"])
    assert queues_asked(world) == asked_once


async def test_where_queues_may_not_be_asked_for_the_card_stays_as_it_is(world: World) -> None:
    world.genesys.faults.switch_on("forbidden", only="GET queues")
    await world.records(CALL)
    await world.until_later(lambda: queues_asked(world))
    world.clock.jump(200)
    await world.records(OUTBOUND)

    assert len(queues_asked(world)) == 1
    assert not any("Billing" in card.text for card in world.cards())
    assert (await world.page("/readyz"))[0] == 200
