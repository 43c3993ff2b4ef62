"""What a supervisor sees when Genesys limits, refuses, breaks or says nothing; and how each of it is settled."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from bot.recording.control.request_log import SLACK_WRITE_SECONDS
from bot.sandbox.genesys.state.seed import INBOUND
from bot.slack.listeners.context import SLOW_SECONDS
from tests.support.scenario import ADA, FLOOR, GENESYS_HANGS, GRACE, ServingScenario
from tests.support.slack.start_modal import AtTheModal

if TYPE_CHECKING:
    from bot.sandbox.slack import SimulatedMessage

WRITE, READ = "(write)", "(read)"
BEYOND_THE_DEADLINE = 26


async def test_a_limit_is_waited_out_and_the_supervisor_told(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("rate_limited", times=1, value=2, only=WRITE)
    await scenario.types(ADA, f"start {INBOUND}")
    assert "Trying again in 2 s" in await scenario.until_told(ADA, "is limiting requests")
    await scenario.until(lambda: scenario.shows("Recording"))
    assert scenario.genesys.recording_starts(INBOUND) == 1
    assert scenario.phases() == ["requested", "succeeded"]


async def test_a_limit_that_outlasts_the_action_ends_it(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("rate_limited", times=1, value=60, only=WRITE)
    await scenario.types(ADA, f"start {INBOUND}")
    told = await scenario.until_told(ADA, "reached its request limit")
    assert "asks record-bot to wait 60 s" in told
    assert "record-bot is not recording this call" in told
    failed = scenario.entries("recording:start")[-1]["outcome"]
    assert (failed["error"], failed["http_status"]) == ("rate_limited", 429)


async def test_a_missing_permission_is_named(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("forbidden", times=1, only=WRITE)
    await scenario.types(ADA, f"start {INBOUND}")
    told = await scenario.until_told(ADA, "Missing permission: conversation:")
    assert "administrator" in told
    failed = scenario.entries("recording:start")[-1]
    assert (failed["phase"], failed["outcome"]["error"]) == ("failed", "permission_missing")
    assert failed["outcome"]["correlation_id"] == scenario.genesys.writes()[0].correlation_id


async def test_an_expired_token_is_renewed_once_and_nobody_notices(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("unauthorised", times=1)
    await scenario.records(INBOUND)
    assert scenario.genesys.logins.count == 2
    assert scenario.phases() == ["requested", "succeeded"]


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_start_whose_answer_is_lost_is_confirmed_by_reading(scenario: ServingScenario, fault: str) -> None:
    scenario.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await scenario.records(INBOUND)
    assert scenario.phases() == ["requested", "succeeded"]
    assert scenario.genesys.recording_starts(INBOUND) == 1
    assert len(scenario.genesys.writes()) == 1


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "hang", "write_ignored"])
async def test_a_start_that_never_took_effect_is_unknown_first_and_settled_later(
    scenario: ServingScenario, fault: str
) -> None:
    await AtTheModal(scenario).looks_until("Priya Nair · Billing")
    scenario.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await _until_unknown(scenario, f"start {INBOUND}")
    assert "recording_stop" not in str(scenario.card().blocks)
    assert "Priya Nair" in scenario.card().text  # the call was read before the write

    await scenario.until_later(lambda: scenario.shows("Recording not started"))
    assert scenario.card().text.startswith("Recording not started · Priya Nair · ")
    assert scenario.phases() == ["requested", "unknown", "observed"]
    observed = scenario.entries("recording:start")[-1]
    assert (observed["actor"], observed["outcome"]["in_effect"]) == ("bot", False)
    assert len(scenario.genesys.writes()) == 1
    assert "Confirmed later: recording of Priya Nair (" in (await scenario.until_delivered())[-1]
    assert " did NOT start" in scenario.lines()[-1]


async def test_a_start_that_took_effect_unseen_is_found_later(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("drop_after", times=1, only=WRITE)
    scenario.genesys.faults.switch_on("events_lost")
    blind = scenario.genesys.faults
    scenario.genesys.on_write(lambda one: blind.switch_on("server_error", only=READ) if one is first() else None)

    def first() -> object:
        return scenario.genesys.writes()[0]

    await _until_unknown(scenario, f"start {INBOUND}")
    blind.switch_off("server_error")
    await scenario.until_later(lambda: scenario.shows("Recording"))
    assert scenario.card().text.startswith("Recording · Priya Nair · ")
    assert scenario.phases() == ["requested", "unknown", "observed"]
    assert scenario.genesys.recording_starts(INBOUND) == 1

    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


@pytest.mark.parametrize("fault", ["server_error", "hang", "write_ignored"])
async def test_a_stop_that_never_took_effect_is_driven_until_it_does(scenario: ServingScenario, fault: str) -> None:
    await scenario.records(INBOUND)
    before: list[str] = []  # what each write finds
    scenario.genesys.on_write(lambda _: before.append(scenario.genesys.effective_recording(INBOUND)))
    scenario.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await _until_unknown(scenario, "stop")

    await scenario.until_later(lambda: scenario.shows("Stopped"))
    assert before[:2] == ["active", "active"]
    assert scenario.genesys.effective_recording(INBOUND) == "none"
    assert [entry["phase"] for entry in scenario.entries("recording:stop")] == ["requested", "unknown", "observed"]
    assert re.search("Stopped <!date[^>]+> by <@U0ADA> after ", scenario.card().text)


@pytest.mark.parametrize("patience", [GENESYS_HANGS])
async def test_a_stop_in_doubt_whose_call_is_hung_up_is_closed(scenario: ServingScenario, patience: float) -> None:
    del patience
    await scenario.records(INBOUND)
    scenario.genesys.faults.switch_on("hang", times=1, only=WRITE)
    await _until_unknown(scenario, "stop")
    scenario.genesys.hang_up(INBOUND)
    await scenario.until_later(lambda: scenario.shows("Call ended"))
    assert scenario.entries("recording:stop")[-1]["outcome"]["call"] == "ended"


async def test_before_anything_was_sent_a_breakdown_leaves_no_doubt(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("server_error", only=READ)
    await scenario.types(ADA, f"start {INBOUND}")
    told = await scenario.until_told(ADA, "Genesys is not responding")
    assert "record-bot is not recording this call" in told
    assert scenario.phases() == ["requested", "failed"]
    assert scenario.genesys.writes() == []


async def test_readiness_shows_genesys_down_and_up_again(scenario: ServingScenario) -> None:
    assert (await scenario.readiness())["genesys"]["ok"] is True
    scenario.genesys.faults.switch_on("server_error", only=READ)
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until_told(ADA, "Genesys is not responding")
    status, _ = await scenario.page("/readyz")
    assert status == 200  # the bot is the one place that can tell people so
    assert (await scenario.readiness())["genesys"]["ok"] is False
    assert 'record_bot_component_up{component="genesys"} 0.0' in (await scenario.page("/metrics"))[1]

    scenario.genesys.faults.switch_off("server_error")
    async with asyncio.timeout(120):
        while not (await scenario.readiness())["genesys"]["ok"]:
            scenario.clock.jump(1)  # enough probes may have failed by now that starts are refused until one succeeds
    await scenario.records(INBOUND)
    assert (await scenario.readiness())["genesys"]["ok"] is True


@pytest.mark.parametrize("write_limit", [SLACK_WRITE_SECONDS])
async def test_nothing_goes_to_genesys_while_the_trail_can_not_be_written(scenario: ServingScenario) -> None:
    await scenario.lock_the_database()
    answer = await scenario.types(ADA, f"start {INBOUND}")
    assert "audit trail can't be written to, so nothing was done" in answer
    assert scenario.genesys.requests == []

    scenario.unlock_the_database()
    await scenario.records(INBOUND)
    assert scenario.genesys.recording_starts(INBOUND) == 1
    assert len(scenario.genesys.writes()) == 1


async def _until_unknown(scenario: ServingScenario, text: str) -> None:
    """Ask, let the deadline pass while nobody can tell what happened, and wait until the card says so."""
    before = len(scenario.genesys.writes())
    await scenario.types(ADA, text)
    await scenario.until(lambda: len(scenario.genesys.writes()) > before)
    scenario.clock.real_time()  # the bot looks again a few seconds after that
    scenario.clock.jump(BEYOND_THE_DEADLINE)
    await scenario.until_told(ADA, "hasn't confirmed it yet")
    await scenario.until(lambda: scenario.shows("Not confirmed yet, checking"))
    assert scenario.phases()[-1] == "unknown"


async def failed_start(scenario: ServingScenario) -> SimulatedMessage:
    """Let a start fail because of Genesys's rate limit; return the answer to the person."""
    scenario.genesys.faults.switch_on("rate_limited", times=1, value=60, only=WRITE)
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until_told(ADA, "reached its request limit")
    return next(one for one in scenario.slack.workspace.channels[FLOOR].messages if "request limit" in one.text)


async def test_a_start_that_failed_is_answered_once_and_can_be_tried_again_without_typing(
    scenario: ServingScenario,
) -> None:
    failed = await failed_start(scenario)
    assert scenario.cards() == []

    assert failed.ephemeral_to == ADA
    scenario.clock.jump(61)  # until Genesys takes requests again
    await scenario.slack.click(ADA, FLOOR, failed.ts, "recording_try_again")
    await scenario.until_later(lambda: scenario.shows("Recording"))
    assert scenario.phases() == ["requested", "failed", "requested", "succeeded"]
    await scenario.until(lambda: scenario.slack.workspace.channels[FLOOR].find(failed.ts) is None)  # the card says it


async def test_a_person_who_has_lost_the_right_can_not_try_again(scenario: ServingScenario) -> None:
    failed = await failed_start(scenario)
    writes = len(scenario.genesys.writes())
    scenario.slack.add_group("S0SUPERS", "supervisors", ["U0GRACE"])
    scenario.clock.jump(61)
    await scenario.slack.click(ADA, FLOOR, failed.ts, "recording_try_again")
    await scenario.until_told(ADA, "permission to control recordings")
    assert len(scenario.genesys.writes()) == writes
    assert scenario.phases()[-1] == "denied"


async def test_who_tries_again_after_somebody_else_started_is_told_so_and_gets_no_card(
    scenario: ServingScenario,
) -> None:
    failed = await failed_start(scenario)
    never_posted = "SELECT rendered_version = wanted_version AS shown FROM cards WHERE ts IS NULL"
    await scenario.until_later(lambda: scenario.rows(never_posted) == [{"shown": 1}])
    scenario.clock.jump(61)
    await scenario.records(INBOUND, user=GRACE)
    await scenario.slack.click(ADA, FLOOR, failed.ts, "recording_try_again")
    await scenario.until_told(ADA, f"<@{GRACE}> has been recording this call since")
    assert scenario.rows(never_posted) == [{"shown": 1}]
    assert scenario.genesys.recording_starts(INBOUND) == 1


async def test_while_genesys_hangs_the_person_is_told_once_that_it_is_slow(scenario: ServingScenario) -> None:
    answers = asyncio.Event()

    async def hang(_: object) -> None:
        await answers.wait()

    scenario.genesys.on_write(hang)
    scenario.clock.real_time()
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(scenario.genesys.writes)
    scenario.clock.jump(SLOW_SECONDS / 2)
    assert not any("slow" in one for one in scenario.told(ADA))

    scenario.clock.jump(SLOW_SECONDS / 2)
    requested = scenario.entries("recording:start")[0]["seq"]
    assert f"Genesys is slow; still trying (8 s). (#{requested})" in await scenario.until_told(ADA, "Genesys is slow")
    assert scenario.cards() == []

    answers.set()
    await scenario.until(lambda: scenario.shows("Recording"))
    assert sum("Genesys is slow" in one for one in scenario.told(ADA)) == 1
    assert scenario.phases() == ["requested", "succeeded"]


async def test_a_start_that_was_settled_as_not_in_effect_says_what_was_found(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("write_ignored", times=1, only=WRITE)
    await _until_unknown(scenario, f"start {INBOUND}")
    await scenario.until_later(lambda: scenario.shows("Recording not started"))
    shown = scenario.card()
    assert "Genesys did not carry out the request" in shown.text
    assert "Genesys did not carry out the request." in str(shown.blocks)
    for unknown in ("hasn't confirmed", "not known", "Not confirmed"):
        assert unknown not in shown.text + str(shown.blocks)
    assert scenario.recordings()[0]["error"] == "not_in_effect"
