"""The whole bot: the list of live calls without Slack's help, and the file of a recording after its call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.recording.call import CallRecording
from bot.runtime.container import opened_control
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.recording.service import asked
from tests.support.scenario import ADA, GENESYS_PATIENCE, ServingScenario, settings_for, simulators

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CALL = INBOUND


@pytest.fixture
async def scenario(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[ServingScenario]:
    clock = AcceleratedClock()
    async with simulators(clock) as (slack, genesys):
        settings = settings_for(monkeypatch, slack, genesys, transport="http", directory=tmp_path, changes={})
        serving = Serving(settings, clock=clock, genesys_patience=GENESYS_PATIENCE)
        scenario = ServingScenario(slack, genesys, clock, tmp_path / "record-bot.db", serving)
        await scenario.begin()
        yield scenario
        await scenario.end()


async def test_the_file_of_a_recording_is_noted_after_its_call(scenario: ServingScenario) -> None:
    await scenario.records(POLICY_RECORDED)
    scenario.genesys.hang_up(POLICY_RECORDED)
    await scenario.until_later(lambda: scenario.entries("recording:saved"))

    (entry,) = scenario.entries("recording:saved")
    assert (entry["phase"], entry["actor"], entry["conversation_id"]) == ("observed", "bot", POLICY_RECORDED)
    assert entry["outcome"]["state"] == "available"
    (kept,) = scenario.rows("SELECT * FROM saved_recordings")
    assert kept["id"] == entry["outcome"]["saved_id"]
    assert (kept["media_subtype"], kept["started_at"]) == ("trunk", None)
    assert kept["session_id"] == scenario.genesys.calls[POLICY_RECORDED].participants[0].communication_id
    (recording,) = scenario.recordings()
    assert (recording["state"], recording["audit_seq"]) == ("ended", entry["seq"])
    await scenario.until_later(
        lambda: scenario.rows("SELECT * FROM cards WHERE rendered_version = ?", recording["version"])
    )


async def test_where_files_may_not_be_asked_for_the_bot_stays_ready(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("forbidden", only="recording metadata")
    await scenario.records(POLICY_RECORDED)
    scenario.genesys.hang_up(POLICY_RECORDED)

    def metadata_asked() -> list[str]:
        return [request.path for request in scenario.genesys.requests if "recordingmetadata" in request.path]

    await scenario.until_later(metadata_asked)
    scenario.clock.jump(120)
    await scenario.types(ADA, f"start {POLICY_RECORDED}")
    await scenario.until(lambda: scenario.phases("recording:start")[-1] == "failed")
    assert len(metadata_asked()) == 1
    assert (await scenario.page("/readyz"))[0] == 200


async def test_no_file_is_credited_to_an_ad_hoc_recording(scenario: ServingScenario) -> None:
    """A trunk records every external call; its file, and a screen recording, are not the ad-hoc recorder's."""
    await scenario.records(CALL)
    scenario.genesys.calls[CALL].other_files += ["Trunk", "Screen"]
    scenario.genesys.hang_up(CALL)
    await scenario.until(lambda: scenario.recordings()[0]["state"] == "ended")
    scenario.clock.jump(120)
    await scenario.records(POLICY_RECORDED)
    scenario.genesys.hang_up(POLICY_RECORDED)
    await scenario.until_later(lambda: scenario.entries("recording:saved"))

    assert [entry["conversation_id"] for entry in scenario.entries("recording:saved")] == [POLICY_RECORDED]
    asked = [request.path for request in scenario.genesys.requests if "recordingmetadata" in request.path]
    assert not any(CALL in path for path in asked)


async def test_the_list_of_live_calls_as_the_composition_builds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = AcceleratedClock()
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


def queues_asked(scenario: ServingScenario) -> list[str]:
    return [one.path for one in scenario.genesys.requests if "/routing/queues" in one.path]


async def test_a_call_that_was_named_by_its_id_gets_its_queues_name_on_the_card(scenario: ServingScenario) -> None:
    await scenario.records(CALL)
    (card,) = scenario.cards()
    await scenario.until_later(lambda: "Billing" in scenario.card().text)

    assert (scenario.card().ts, len(scenario.cards())) == (card.ts, 1)
    for other in (OUTBOUND, POLICY_RECORDED):
        await scenario.records(other)
    await scenario.until_later(lambda: not scenario.rows(UNNAMED))
    asked_once = queues_asked(scenario)
    scenario.clock.jump(60)
    await scenario.types(ADA, f"stop {CALL}")
    await scenario.until(lambda: scenario.phases("recording:stop")[-1:] == ["succeeded"])
    assert queues_asked(scenario) == asked_once


async def test_where_queues_may_not_be_asked_for_the_card_stays_as_it_is(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("forbidden", only="GET queues")
    await scenario.records(CALL)
    await scenario.until_later(lambda: queues_asked(scenario))
    scenario.clock.jump(200)
    await scenario.records(OUTBOUND)

    assert len(queues_asked(scenario)) == 1
    assert not any("Billing" in card.text for card in scenario.cards())
    assert (await scenario.page("/readyz"))[0] == 200
