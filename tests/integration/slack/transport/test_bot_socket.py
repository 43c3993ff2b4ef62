"""Socket Mode comes back by itself: after Slack's refresh, a spoiled handshake, a silent or a closed socket."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA, PATIENCE, World

pytestmark = pytest.mark.parametrize("transport", ["socket"])


async def _still_works(world: World) -> None:
    await world.records(INBOUND)
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))


async def test_slacks_refresh_is_followed(world: World) -> None:
    world.slack.faults.switch_on("socket_refresh", times=1)
    await world.until(lambda: world.slack.sockets.connections == 2)
    await _still_works(world)
    slack = (await world.readiness())["slack"]
    assert slack["ok"] is True
    assert slack["transport"] == "socket"
    assert slack["reconnects"] == 1


@pytest.mark.parametrize("socket_ping", [2.0])
async def test_after_a_spoiled_handshake_a_new_ticket_is_used(world: World) -> None:
    world.slack.faults.switch_on("drop_before", only="socket", times=1)
    world.slack.faults.switch_on("socket_refresh", times=1)
    await world.until_later(lambda: world.slack.sockets.connections == 2, step=1)
    await _still_works(world)


async def test_closed_sockets_are_opened_again(world: World) -> None:
    await world.slack.sockets.close()
    await world.until(lambda: world.slack.sockets.connections == 2)
    await _still_works(world)


@pytest.mark.parametrize("socket_ping", [0.5])
async def test_a_silent_socket_is_noticed_and_replaced(world: World) -> None:
    world.slack.faults.switch_on("socket_silent", times=1)
    await world.until_later(lambda: world.slack.sockets.connections >= 2, step=1)
    await _still_works(world)


async def test_while_slack_is_down_readiness_says_so(world: World) -> None:
    world.slack.faults.switch_on("down", only="")
    await world.until(lambda: not world.slack.sockets.links)
    async with asyncio.timeout(PATIENCE):
        while (page := await world.page("/readyz"))[0] != 503:
            world.clock.jump(1)
    assert "socket to Slack is not connected" in page[1]
    world.slack.faults.switch_off("down")
    await world.until_later(lambda: world.slack.sockets.links, step=1)
    await _still_works(world)
