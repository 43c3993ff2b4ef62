"""A loop of the running bot that meets an error which nobody expected: it goes on, and operators see it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, PATIENCE

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

DAY = 24 * 3600


def failures(page: str) -> dict[str, float]:
    """Return how often each loop was broken that was, as Prometheus reads it; every loop has to be there."""
    found = re.findall(r'^record_bot_loop_failures_total\{loop="(\w+)"\} (\S+)$', page, re.MULTILINE)
    assert {"reconciler", "leader", "user_rate_limit", "dual_control", "call_monitor"} <= dict(found).keys()
    return {loop: float(times) for loop, times in found if float(times)}


@pytest.mark.parametrize("changes", [{"RETENTION_TEXTS": "30d"}])
async def test_what_breaks_the_daily_look_once_keeps_nothing_for_ever(
    scenario: ServingScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scenario.records(INBOUND, reason="something to be forgotten")
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    broke = []

    def broken() -> None:
        broke.append(True)
        raise OSError("no more random numbers")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("bot.database.maintenance.retention.uuid7", broken)
        scenario.clock.jump(30 * DAY)
        await scenario.until_later(lambda: broke, step=DAY)
        # Until it is counted: a transaction that was to share a commit runs once more alone, and would succeed.
        async with asyncio.timeout(PATIENCE):
            while not failures((await scenario.page("/metrics"))[1]):
                pass
    await scenario.until_later(lambda: scenario.rows("SELECT * FROM typed_texts") == [], step=60)

    assert failures((await scenario.page("/metrics"))[1]).keys() == {"retention"}
    assert scenario.phases("privacy:retention") == ["succeeded"]
