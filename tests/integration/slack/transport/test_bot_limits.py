"""What somebody sees who asks for too much within a minute."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.clocks.accelerated_clock import AcceleratedClock
from tests.support.scenario import ADA, GRACE
from tests.support.slack.start_modal import AtTheModal

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

pytestmark = pytest.mark.parametrize("changes", [{"RECORDING_ACTIONS_PER_MINUTE": "2"}])


@pytest.fixture
def clock() -> AcceleratedClock:
    return AcceleratedClock(speed=1.0)  # or the minute would be over too soon


async def test_who_asks_too_much_is_told_when_to_try_again(scenario: ServingScenario) -> None:
    for _ in range(2):
        await scenario.types(ADA, "stop")

    refused = await scenario.types(ADA, f"start {INBOUND}")
    again = await scenario.types(ADA, f"start {INBOUND}")

    assert "too many requests" in refused
    assert re.search(r"The limit is 2 a minute; you can try again in \d+ s\.", refused)
    assert re.search(r"\(#\d+\)$", refused)
    assert not re.search(r"\(#\d+\)$", again)  # one entry a minute
    assert scenario.recordings() == []
    await scenario.records(INBOUND, user=GRACE)

    scenario.clock.jump(61)
    assert "has been recording this call since" in await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: any("1 more request from" in line for line in scenario.lines()))


async def test_the_list_of_calls_stays_empty_for_who_looks_too_often(scenario: ServingScenario) -> None:
    modal = await AtTheModal(scenario).types_start()

    looks = [await modal.looks_up() for _ in range(9)]

    assert all(looks[:8])
    assert looks[8] == []
