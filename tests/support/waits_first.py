"""Orders the tests for the workers of pytest-xdist, so that the processors are busy from the first test to the last.

Some tests wait most of their time: for a process, for a limit, for the whole bot. If all workers ran those at the same
time, the processors would be idle. So a third of the workers compute meanwhile.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pytest


WAITING = "tests/integration/"
"""The folder of tests that wait for the whole bot."""

T = TypeVar("T")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for ``--dist worksteal``, which cuts the list into an equal part for each worker."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    modules = [list(tests) for _, tests in groupby(long, key=lambda item: item.path)]
    waiting = [item for item in rest if item.nodeid.startswith(WAITING)]
    computing = [item for item in rest if not item.nodeid.startswith(WAITING)]
    items[:] = [item for part in parts(modules, waiting, computing, workers) for item in part]


def parts(long: list[list[T]], waiting: list[T], computing: list[T], workers: int) -> list[list[T]]:
    """Split into equal parts. Two of three begin with what waits: long modules, then a share of the others.

    The long tests of a module stay together: they share what it took long to set up.
    """
    waiters = workers - workers // 3
    total = sum(map(len, long)) + len(waiting) + len(computing)
    found: list[list[T]] = []
    for worker in range(waiters):
        mine = [test for module in long[worker::waiters] for test in module]
        found.append(mine + waiting[len(waiting) * worker // waiters : len(waiting) * (worker + 1) // waiters])
    found += [[] for _ in range(workers - waiters)]
    sizes = [total // workers + (worker < total % workers) for worker in reversed(range(workers))]
    rest = [test for part, size in zip(found, sizes, strict=True) for test in part[size:]] + computing
    for part, size in reversed(list(zip(found, sizes, strict=True))):
        del part[size:]
        free = size - len(part)
        part.extend(rest[:free])
        del rest[:free]
    return found
