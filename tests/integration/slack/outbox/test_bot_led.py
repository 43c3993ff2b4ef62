"""Which loops run in each replica, and which in the one that leads: a new one has to be put on one of the lists."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from bot.database.replicas import Replicas
from bot.runtime.serve import Serving

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from bot.database.replicas import Loop
    from tests.support.scenario import ServingScenario

ONE = {
    "Approvals.run",
    "AuditPublisher.run",
    "CardPublisher.run",
    "Digester.run",
    "Follower.run",
    "GroupMonitor.run",
    "HomePublisher.run",
    "LaterLooks.run",
    "Notifications.run",
    "Notifier.run",
    "Retention.run",
    "SavedLooks.run",
    "TransferMonitor.run",
    "UnnamedRecordings.run",
    "Witness.settle_forgotten",
}
EACH = {"GenesysClient.watch_health", "PersonalLimit.run", "Reconciler.run", "Replicas.lead"}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], set[str]]:
    """Note what is started in each process, and what waits for the lead, while the bot comes up."""
    each, one = set[str](), set[str]()
    lead, start = Replicas.lead, Serving._start

    def starting(serving: Serving, *loops: Coroutine[None, None, None]) -> None:
        each.update(str(getattr(loop, "__qualname__", loop)) for loop in loops)
        start(serving, *loops)

    async def leading(replicas: Replicas, loops: Sequence[Loop]) -> None:
        one.update(_named(loop) for loop in loops)
        await lead(replicas, loops)

    monkeypatch.setattr(Serving, "_start", starting)
    monkeypatch.setattr(Replicas, "lead", _like(lead, leading))
    return each, one


@pytest.mark.parametrize("changes", [{"RETENTION_TEXTS": "400d"}])
async def test_each_loop_is_of_one_replica_or_of_all(
    seen: tuple[set[str], set[str]], scenario: ServingScenario
) -> None:
    each, one = seen
    await scenario.until(lambda: one)
    assert (each, one) == (EACH, ONE)


def _named(loop: Loop) -> str:
    return str(getattr(loop.func if isinstance(loop, partial) else loop, "__qualname__", loop))


def _like(former: Any, spy: Any) -> Any:
    spy.__qualname__ = former.__qualname__
    return spy
