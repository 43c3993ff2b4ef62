"""Two connections of Socket Mode: while Slack refreshes one, the other serves; nothing is lost and nothing doubled."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.scenario import ADA, PATIENCE

if TYPE_CHECKING:
    from bot.sandbox.slack.events.socket_mode import Link
    from tests.support.scenario import ServingScenario

pytestmark = [
    pytest.mark.parametrize("transport", ["socket"]),
    pytest.mark.parametrize("changes", [{"SLACK_SOCKETS": "2"}]),
]
REFRESHES = 6
TYPISTS = 3


async def _both_open(scenario: ServingScenario) -> None:
    await scenario.until_later(lambda: len(scenario.slack.sockets.links) == 2, step=2)
    async with asyncio.timeout(PATIENCE):
        while (await scenario.readiness())["slack"]["sockets_connected"] != 2:
            scenario.clock.jump(1)


async def _refresh(scenario: ServingScenario, link: Link) -> None:
    """Tell the bot to leave one connection, as Slack does every few hours, and wait until it has another."""
    before = scenario.slack.sockets.connections
    link.leaving = True
    await link.socket.send_str(json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}))
    await scenario.until(lambda: scenario.slack.sockets.connections > before and len(scenario.slack.sockets.links) == 2)


async def test_nothing_is_lost_or_doubled_while_slack_refreshes_one_after_the_other(scenario: ServingScenario) -> None:
    await _both_open(scenario)
    asked: list[bool] = []
    done = asyncio.Event()

    async def type_on() -> None:
        while not done.is_set():
            result = await scenario.slack.command(ADA, "C0FLOOR", "list")
            asked.append(result.acked)

    async with asyncio.TaskGroup() as group:
        for _ in range(TYPISTS):
            group.create_task(type_on())
        for _ in range(REFRESHES):
            await _refresh(scenario, scenario.slack.sockets.links[0])
            now = len(asked)
            await scenario.until(lambda now=now: len(asked) > now + TYPISTS)  # type: ignore[misc]
        done.set()

    assert len(asked) > REFRESHES
    assert all(asked)
    assert len(scenario.entries("recording:read")) == len(asked)
    assert (await scenario.readiness())["slack"]["reconnects"] == REFRESHES


async def test_one_connection_is_enough_to_be_ready(scenario: ServingScenario) -> None:
    await _both_open(scenario)
    scenario.slack.faults.switch_on("down", only="apps.connections.open")
    gone = scenario.slack.sockets.links[0]
    gone.leaving = True
    await gone.socket.close()
    async with asyncio.timeout(PATIENCE):
        while (await scenario.readiness())["slack"]["sockets_connected"] != 1:
            scenario.clock.jump(1)

    assert (await scenario.page("/readyz"))[0] == 200
    page = (await scenario.page("/metrics"))[1]
    assert sorted(line[-3:] for line in page.splitlines() if line.startswith("record_bot_socket_connected{")) == [
        "0.0",
        "1.0",
    ]
    await scenario.types(ADA, "list")

    scenario.slack.faults.switch_off("down")
    await _both_open(scenario)
