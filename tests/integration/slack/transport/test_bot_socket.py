"""Socket Mode comes back by itself: after Slack's refresh, a spoiled handshake, a silent or a closed socket."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, PATIENCE, ServingScenario

pytestmark = pytest.mark.parametrize("transport", ["socket"])


async def _still_works(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_slacks_refresh_is_followed(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("socket_refresh", times=1)
    await scenario.until(lambda: scenario.slack.sockets.connections == 2)
    await _still_works(scenario)
    slack = (await scenario.readiness())["slack"]
    assert slack["ok"] is True
    assert slack["transport"] == "socket"
    assert slack["reconnects"] == 1


@pytest.mark.parametrize("socket_ping", [2.0])
async def test_after_a_spoiled_handshake_a_new_ticket_is_used(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("drop_before", only="socket", times=1)
    scenario.slack.faults.switch_on("socket_refresh", times=1)
    await scenario.until_later(lambda: scenario.slack.sockets.connections == 2, step=1)
    await _still_works(scenario)


async def test_closed_sockets_are_opened_again(scenario: ServingScenario) -> None:
    await scenario.slack.sockets.close()
    await scenario.until(lambda: scenario.slack.sockets.connections == 2)
    await _still_works(scenario)


@pytest.mark.parametrize("socket_ping", [0.5])
async def test_a_silent_socket_is_noticed_and_replaced(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("socket_silent", times=1)
    await scenario.until_later(lambda: scenario.slack.sockets.connections >= 2, step=1)
    await _still_works(scenario)


async def test_while_slack_is_down_readiness_says_so(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("down", only="")
    await scenario.until(lambda: not scenario.slack.sockets.links)
    async with asyncio.timeout(PATIENCE):
        while (page := await scenario.page("/readyz"))[0] != 503:
            scenario.clock.jump(1)
    assert "Not connected to Slack; reconnecting." in page[1]
    scenario.slack.faults.switch_off("down")
    await scenario.until_later(lambda: scenario.slack.sockets.links, step=1)
    await _still_works(scenario)
