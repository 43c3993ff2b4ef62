"""What happens to a recorded call outside the bot shows on its card by Genesys's push, and at no cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.world import ADA

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedRequest
    from tests.support.world import World

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"


async def news_flow(world: World) -> None:
    """Wait until the call's agent is followed, and the call has been looked at once more for what came before."""
    await world.until(lambda: _operations(world)[-3:] == ["POST", "PUT", "GET"])
    world.clock.walk()  # the bot looks at the call again in a while


def _operations(world: World) -> list[str]:
    return [request.method for request in _asked(world) if request.status is not None]


def _asked(world: World) -> list[SimulatedRequest]:
    """Return the requests but for those that look up queues' names, which come when they may."""
    return [request for request in world.genesys.requests if "queues" not in request.operation]


async def test_the_end_of_a_call_shows_without_a_request(world: World) -> None:
    await world.records(CALL)
    await news_flow(world)
    before = len(_asked(world))

    world.genesys.hang_up(CALL)
    await world.until(lambda: world.shows("Call ended"))

    assert len(_asked(world)) == before
    assert (await world.readiness())["genesys"]["notifications"] == "ok"


async def test_a_pause_outside_the_bot_shows_after_one_look(world: World) -> None:
    await world.records(CALL)
    await news_flow(world)
    before = len(_asked(world))

    world.genesys.secure_pause(CALL)
    await world.until(lambda: world.shows("Paused"))

    assert len(_asked(world)) == before + 1


async def test_refused_notifications_leave_the_bot_ready(world: World) -> None:
    world.genesys.faults.switch_on("forbidden", only="subscription")
    await world.records(CALL)
    await world.until(lambda: "POST" in _operations(world))

    world.genesys.hang_up(CALL)
    world.clock.jump(60.0)
    await world.until(lambda: world.shows("Call ended"))

    parts = await world.readiness()
    assert parts["genesys"]["ok"]
    assert "refuses notifications" in parts["genesys"]["notifications"]


async def test_an_outage_is_said_at_once_and_its_end_is_noticed(world: World) -> None:
    await world.records(CALL)
    await news_flow(world)
    world.genesys.faults.switch_on("server_error")
    for _ in range(2):
        await world.types(ADA, f"status {CALL}")
    await world.until(lambda: sum("does not answer" in one or "has not answered" in one for one in world.told(ADA)) > 1)
    assert not (await world.readiness())["genesys"]["ok"]
    writes = len(world.genesys.writes())

    await world.types(ADA, f"stop {CALL}")
    said = await world.until_told(ADA, "The call is being recorded. Nothing was changed.")
    assert "so nothing was sent. The bot tries it again in" in said
    assert len(world.genesys.writes()) == writes

    world.genesys.faults.switch_all_off()
    probes = len(world.genesys.requests)
    world.clock.jump(5.0)
    await world.until(lambda: any(one.status == 200 for one in world.genesys.requests[probes:]))
    await world.types(ADA, f"stop {CALL}")
    await world.until(lambda: world.shows("Stopped"))
