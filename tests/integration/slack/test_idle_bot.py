"""An idle bot asks the database next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

MINUTE = 60.0
ROUNDS = 3
"""How often each worker may look in a minute: every half a minute, and once more."""
STATEMENTS = 10
"""What one look of all workers takes at most."""


async def test_an_idle_minute_takes_few_statements(scenario: ServingScenario) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    await scenario.clock.sleep(5.0)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await scenario.clock.sleep(MINUTE)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 0 < len(asked) <= ROUNDS * STATEMENTS, len(asked)
