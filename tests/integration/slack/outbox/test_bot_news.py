"""What happens to a recorded call outside the bot shows on its card by Genesys's push, and at no cost."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tests.support.scenario import ADA

if TYPE_CHECKING:
    from bot.sandbox.genesys import SimulatedRequest
    from tests.support.scenario import ServingScenario

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"


async def news_flow(scenario: ServingScenario) -> None:
    """Wait until the call's agent is followed, and the call has been looked at once more for what came before."""
    await scenario.until(lambda: _looked_at_once_more(scenario))
    scenario.clock.real_time()  # the bot looks at the call again in a while


def _looked_at_once_more(scenario: ServingScenario) -> bool:
    """Say whether the call was read after its start was recorded, and its agent's notifications were asked for."""
    answered = [request for request in scenario.genesys.requests if request.status is not None]
    followed = [request.at for request in answered if request.method == "PUT"]
    started = [one["occurred_at"] for one in scenario.entries("recording:start") if one["phase"] == "succeeded"]
    if not followed or not started:
        return False
    since = max(followed[0], datetime.fromisoformat(started[0]).timestamp())
    return any(one.at > since and one.method == "GET" and one.ids.get("conversation") == CALL for one in answered)


def _operations(scenario: ServingScenario) -> list[str]:
    return [request.method for request in _asked(scenario) if request.status is not None]


def _asked(scenario: ServingScenario) -> list[SimulatedRequest]:
    """Return the requests but for those that look up queues' names, which come when they may."""
    return [request for request in scenario.genesys.requests if "queues" not in request.operation]


async def test_the_end_of_a_call_shows_without_a_request(scenario: ServingScenario) -> None:
    await scenario.records(CALL)
    await news_flow(scenario)
    before = len(_asked(scenario))

    scenario.genesys.hang_up(CALL)
    await scenario.until(lambda: scenario.shows("Call ended"))

    assert len(_asked(scenario)) == before
    assert (await scenario.readiness())["genesys"]["notifications"] == "ok"


async def test_a_pause_outside_the_bot_shows_after_one_look(scenario: ServingScenario) -> None:
    await scenario.records(CALL)
    await news_flow(scenario)
    before = len(_asked(scenario))

    scenario.genesys.secure_pause(CALL)
    await scenario.until(lambda: scenario.shows("Paused"))

    assert len(_asked(scenario)) == before + 1


async def test_refused_notifications_leave_the_bot_ready(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("forbidden", only="subscription")
    await scenario.records(CALL)
    await scenario.until(lambda: "POST" in _operations(scenario))

    scenario.genesys.hang_up(CALL)
    scenario.clock.jump(60.0)
    await scenario.until(lambda: scenario.shows("Call ended"))

    parts = await scenario.readiness()
    assert parts["genesys"]["ok"]
    assert "refuses notifications" in parts["genesys"]["notifications"]


async def test_an_outage_is_said_at_once_and_its_end_is_noticed(scenario: ServingScenario) -> None:
    await scenario.records(CALL)
    await news_flow(scenario)
    scenario.genesys.faults.switch_on("server_error")
    for _ in range(2):
        await scenario.types(ADA, f"status {CALL}")
    await scenario.until(
        lambda: sum("is not responding" in one or "has not responded" in one for one in scenario.told(ADA)) > 1
    )
    assert not (await scenario.readiness())["genesys"]["ok"]
    writes = len(scenario.genesys.writes())

    await scenario.types(ADA, f"stop {CALL}")
    said = await scenario.until_told(ADA, "The call is being recorded. Try again in a moment, or use Genesys directly.")
    assert "so nothing was sent. record-bot checks again in" in said
    assert len(scenario.genesys.writes()) == writes

    scenario.genesys.faults.switch_all_off()
    probes = len(scenario.genesys.requests)
    scenario.clock.jump(5.0)
    await scenario.until(lambda: any(one.status == 200 for one in scenario.genesys.requests[probes:]))
    await scenario.types(ADA, f"stop {CALL}")
    await scenario.until(lambda: scenario.shows("Stopped"))
