"""What a supervisor sees when Genesys limits, refuses, breaks or says nothing; and how each of it is settled."""

from __future__ import annotations

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA, GENESYS_HANGS, World

WRITE, READ = "(write)", "(read)"
BEYOND_THE_DEADLINE = 26


async def test_a_limit_is_waited_out_and_the_supervisor_told(world: World) -> None:
    world.genesys.faults.switch_on("rate_limited", times=1, value=2, only=WRITE)
    await world.types(ADA, f"start {INBOUND}")
    assert "The next try comes in 2 s" in await world.until_told(ADA, "asks for patience")
    await world.until(lambda: world.shows("Recording"))
    assert world.genesys.recording_starts(INBOUND) == 1
    assert world.phases() == ["requested", "succeeded"]


async def test_a_limit_that_outlasts_the_action_ends_it(world: World) -> None:
    world.genesys.faults.switch_on("rate_limited", times=1, value=60, only=WRITE)
    await world.types(ADA, f"start {INBOUND}")
    told = await world.until_told(ADA, "request limit is used up")
    assert "asks to wait 60 s" in told
    assert "The bot is not recording this call" in told
    failed = world.entries("recording:start")[-1]["outcome"]
    assert (failed["error"], failed["http_status"]) == ("rate_limited", 429)


async def test_a_missing_permission_is_named(world: World) -> None:
    world.genesys.faults.switch_on("forbidden", times=1, only=WRITE)
    await world.types(ADA, f"start {INBOUND}")
    told = await world.until_told(ADA, "The missing permission is conversation:")
    assert "administrator" in told
    failed = world.entries("recording:start")[-1]
    assert (failed["phase"], failed["outcome"]["error"]) == ("failed", "permission_missing")
    assert failed["outcome"]["correlation_id"] == world.genesys.writes()[0].correlation_id


async def test_an_expired_token_is_renewed_once_and_nobody_notices(world: World) -> None:
    world.genesys.faults.switch_on("unauthorised", times=1)
    await world.records(INBOUND)
    assert world.genesys.logins.count == 2
    assert world.phases() == ["requested", "succeeded"]


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "junk"])
async def test_a_start_whose_answer_is_lost_is_confirmed_by_reading(world: World, fault: str) -> None:
    world.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await world.records(INBOUND)
    assert world.phases() == ["requested", "succeeded"]
    assert world.genesys.recording_starts(INBOUND) == 1
    assert len(world.genesys.writes()) == 1


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "hang", "write_ignored"])
async def test_a_start_that_never_took_effect_is_unknown_first_and_settled_later(world: World, fault: str) -> None:
    world.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await _until_unknown(world, f"start {INBOUND}")
    assert "recording_stop" not in str(world.card().blocks)

    await world.until_later(lambda: world.shows("Not recorded"))
    assert world.phases() == ["requested", "unknown", "observed"]
    observed = world.entries("recording:start")[-1]
    assert (observed["actor"], observed["outcome"]["in_effect"]) == ("bot", False)
    assert len(world.genesys.writes()) == 1
    assert "*observed*" in (await world.until_delivered())[-1]


async def test_a_start_that_took_effect_unseen_is_found_later(world: World) -> None:
    world.genesys.faults.switch_on("drop_after", times=1, only=WRITE)
    blind = world.genesys.faults
    world.genesys.on_write(lambda one: blind.switch_on("server_error", only=READ) if one is first() else None)

    def first() -> object:
        return world.genesys.writes()[0]

    await _until_unknown(world, f"start {INBOUND}")
    blind.switch_off("server_error")
    await world.until_later(lambda: world.shows("Recording"))
    assert "agent Priya Nair" in world.card().text
    assert world.phases() == ["requested", "unknown", "observed"]
    assert world.genesys.recording_starts(INBOUND) == 1

    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))


@pytest.mark.parametrize("fault", ["server_error", "hang", "write_ignored"])
async def test_a_stop_that_never_took_effect_is_driven_until_it_does(world: World, fault: str) -> None:
    await world.records(INBOUND)
    world.genesys.faults.switch_on(fault, times=1, only=WRITE)
    await _until_unknown(world, "stop")
    assert world.genesys.effective_recording(INBOUND) == "active"

    await world.until_later(lambda: world.shows("Stopped"))
    assert world.genesys.effective_recording(INBOUND) == "none"
    assert [entry["phase"] for entry in world.entries("recording:stop")] == ["requested", "unknown", "observed"]
    assert "stopped by <@U0ADA>" in world.card().text


@pytest.mark.parametrize("patience", [GENESYS_HANGS])
async def test_a_stop_in_doubt_whose_call_is_hung_up_is_closed(world: World, patience: float) -> None:
    del patience
    await world.records(INBOUND)
    world.genesys.faults.switch_on("hang", times=1, only=WRITE)
    await _until_unknown(world, "stop")
    world.genesys.hang_up(INBOUND)
    await world.until_later(lambda: world.shows("Call ended"))
    assert world.entries("recording:stop")[-1]["outcome"]["call"] == "ended"


async def test_before_anything_was_sent_a_breakdown_leaves_no_doubt(world: World) -> None:
    world.genesys.faults.switch_on("server_error", only=READ)
    await world.types(ADA, f"start {INBOUND}")
    told = await world.until_told(ADA, "Genesys does not answer")
    assert "The bot is not recording this call" in told
    assert world.phases() == ["requested", "failed"]
    assert world.genesys.writes() == []


async def test_readiness_shows_genesys_down_and_up_again(world: World) -> None:
    assert (await world.readiness())["genesys"]["ok"] is True
    world.genesys.faults.switch_on("server_error", only=READ)
    await world.types(ADA, f"start {INBOUND}")
    await world.until_told(ADA, "Genesys does not answer")
    status, _ = await world.page("/readyz")
    assert status == 200  # the bot is the one place that can tell people so
    assert (await world.readiness())["genesys"]["ok"] is False
    assert 'record_bot_component_up{component="genesys"} 0.0' in (await world.page("/metrics"))[1]

    world.genesys.faults.switch_off("server_error")
    await world.records(INBOUND)
    assert (await world.readiness())["genesys"]["ok"] is True


async def test_nothing_goes_to_genesys_while_the_trail_can_not_be_written(world: World) -> None:
    await world.lock_the_database()
    answer = await world.types(ADA, f"start {INBOUND}")
    assert "audit trail can't be written, so nothing was done" in answer
    assert world.genesys.requests == []

    world.unlock_the_database()
    await world.records(INBOUND)
    assert world.genesys.recording_starts(INBOUND) == 1
    assert len(world.genesys.writes()) == 1


async def _until_unknown(world: World, text: str) -> None:
    """Ask, let the deadline pass while nobody can tell what happened, and wait until the card says so."""
    before = len(world.genesys.writes())
    await world.types(ADA, text)
    await world.until(lambda: len(world.genesys.writes()) > before)
    world.clock.jump(BEYOND_THE_DEADLINE)
    await world.until_told(ADA, "not known yet whether it took effect")
    await world.until(lambda: world.shows("Outcome unknown, checking"))
    assert world.phases()[-1] == "unknown"
