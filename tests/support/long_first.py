"""Gives each worker of pytest-xdist some of the long tests to begin with, so that none is left with one at the end."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pytest


T = TypeVar("T")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for ``--dist worksteal``, which cuts the list into an equal part for each worker."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    modules = [list(tests) for _, tests in groupby(long, key=lambda item: item.path)]
    items[:] = [item for part in parts(modules, short, workers) for item in part]


def parts(long: list[list[T]], short: list[T], workers: int) -> list[list[T]]:
    """Split into equal parts, each with its share of the long ones first; the short ones keep their order.

    The long ones of a module stay together: they share what it took long to set up.
    """
    found: list[list[T]] = []
    rest = short
    total = len(short) + sum(map(len, long))
    for worker in range(workers):
        mine = [test for module in long[worker::workers] for test in module]
        size = (total - sum(len(part) for part in found)) // (workers - worker)
        found.append([*mine, *rest[: max(0, size - len(mine))]])
        rest = rest[max(0, size - len(mine)) :]
    return found
