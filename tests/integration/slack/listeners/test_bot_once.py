"""The same request twice, or two people at the same moment: one action."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA, FLOOR, GRACE, World

BOTH_WAYS = pytest.mark.parametrize("transport", ["http", "socket"])
ROUNDS = 8


@BOTH_WAYS
async def test_a_command_delivered_twice_counts_once(world: World) -> None:
    world.slack.faults.switch_on("duplicate_delivery", times=1)
    result = await world.slack.command(ADA, FLOOR, f"start {INBOUND}")
    assert result.again is not None
    answers = sorted([result.body["text"], result.again.body["text"]])
    assert "has been received already; it counts once" in answers[1]
    assert "Starting the recording" in answers[0]
    await world.until(lambda: world.shows("Recording"))
    assert world.phases() == ["requested", "succeeded"]
    assert len(world.rows("SELECT id FROM attempts")) == 1
    assert world.genesys.recording_starts(INBOUND) == 1
    assert len(world.genesys.writes()) == 1


@BOTH_WAYS
async def test_a_click_delivered_twice_counts_once(world: World) -> None:
    await world.records(INBOUND)
    world.slack.faults.switch_on("duplicate_delivery", times=1)
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    await world.slack.redeliver()
    assert world.phases("recording:stop") == ["requested", "succeeded"]
    assert len(world.genesys.writes()) == 2
    assert world.told(ADA)[-1].startswith(":hourglass_flowing_sand: Starting")  # nobody is bothered with it


async def test_a_refused_command_delivered_again_leaves_one_entry(world: World) -> None:
    await world.types(ADA, "start nonsense")
    again = await world.slack.redeliver()
    assert "counts once" in again.body["text"]
    assert len(world.entries("recording:%")) == 1


async def test_a_start_that_is_redelivered_after_the_stop_starts_nothing(world: World) -> None:
    first = await world.slack.command(ADA, FLOOR, f"start {INBOUND}")
    await world.until(lambda: world.shows("Recording"))
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    again = await world.slack.redeliver(first)
    assert "The bot is not recording this call" in again.body["text"]
    assert world.genesys.recording_starts(INBOUND) == 1


async def test_two_supervisors_at_once_make_one_start_and_one_stop(world: World) -> None:
    for _ in range(ROUNDS):
        call = world.genesys.add_call(agent="Ines Duarte").conversation_id
        answers = await asyncio.gather(*(world.types(user, f"start {call}") for user in (ADA, GRACE)))
        assert sorted("Starting the recording" in answer for answer in answers) == [False, True]
        first = ADA if "Starting" in answers[0] else GRACE
        late = next(answer for answer in answers if "Starting the recording" not in answer)
        assert f"by <@{first}>" in late

        await world.until(lambda: world.shows("Recording"))
        await asyncio.gather(*(world.clicks(user, "stop") for user in (ADA, GRACE)))
        await world.until(lambda: world.shows("Stopped"))
        assert [request.body for request in world.genesys.writes(call)] == [{"recording": True}, {"recording": False}]
    assert world.phases("recording:stop").count("requested") == ROUNDS
    assert world.phases("recording:stop").count("failed") == ROUNDS
