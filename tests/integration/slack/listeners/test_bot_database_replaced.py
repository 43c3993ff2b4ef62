"""What a supervisor and an operator see when the database file is taken away from under the running bot."""

from __future__ import annotations

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, ServingScenario


async def test_a_file_that_was_moved_away_stops_the_bot_until_it_is_back(scenario: ServingScenario) -> None:
    away = scenario.database.with_suffix(".away")
    scenario.database.rename(away)

    answer = await scenario.types(ADA, f"start {INBOUND}")
    assert "was deleted, replaced, or restored while record-bot was running" in answer
    assert scenario.genesys.requests == []
    status, _ = await scenario.page("/readyz")
    problem = (await scenario.readiness())["database"]["problem"]
    assert status == 503
    assert problem == (
        f"{scenario.database} was deleted or moved away while record-bot was running. "
        "Put it back, or restart record-bot if the new one is to be used."
    )

    away.rename(scenario.database)
    assert (await scenario.page("/readyz"))[0] == 200
    await scenario.records(INBOUND)


async def test_readiness_notices_a_missing_file_without_any_request(scenario: ServingScenario) -> None:
    scenario.database.unlink()
    assert (await scenario.page("/readyz"))[0] == 503
    assert not scenario.database.exists()
