"""Which workers run in each replica, and which in the one that leads: a new one has to be put on one of the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.runtime.workers import Supervisor, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

    from tests.support.scenario import ServingScenario

ONE = {
    "app_home",
    "audit",
    "call_monitor",
    "cards",
    "digests",
    "dual_control",
    "forgotten_requests",
    "group_members",
    "keep_answers",
    "keeps",
    "late_effects",
    "names",
    "next_call_notices",
    "next_calls",
    "notices",
    "notifications",
    "recording_files",
    "retention",
    "time_limits",
    "transfers",
}
EACH = {"foreign_writes", "genesys_health", "leader", "reconciler", "request_ages", "user_rate_limit"}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Worker], list[Worker]]:
    """Note what is started in each process, and what waits for the lead, while the bot comes up."""
    each, one = list[Worker](), list[Worker]()
    start, loops = Supervisor.start, Supervisor.loops

    def starting(supervisor: Supervisor, workers: Iterable[Worker]) -> None:
        each.extend(found := tuple(workers))
        start(supervisor, found)

    def leading(
        supervisor: Supervisor, workers: Iterable[Worker]
    ) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        one.extend(found := tuple(workers))
        return loops(supervisor, found)

    monkeypatch.setattr(Supervisor, "start", starting)
    monkeypatch.setattr(Supervisor, "loops", leading)
    return each, one


@pytest.mark.parametrize("changes", [{"RETENTION_TEXTS": "400d", "AUDIT_DIGEST_AT": "08:00"}])
async def test_each_worker_is_of_one_replica_or_of_all(
    seen: tuple[list[Worker], list[Worker]], scenario: ServingScenario
) -> None:
    each, one = seen
    await scenario.until(lambda: one)
    assert ({worker.name for worker in each}, {worker.name for worker in one}) == (EACH, ONE)
    assert not any(worker.leader_only for worker in each)
    assert all(worker.leader_only for worker in one)
