"""The order of the tests for several workers."""

from __future__ import annotations

import pytest

from tests.support.waits_first import parts

MODULES = [[f"long {module}.{number}" for number in range(1 + module % 3)] for module in range(9)]
LONG = [test for module in MODULES for test in module]


def numbered(name: str, count: int) -> list[str]:
    return [f"{name} {number:03}" for number in range(count)]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize(("waits", "computes"), [(40, 200), (200, 40), (0, 100), (100, 0)])
def test_every_test_is_in_one_of_equal_parts(workers: int, waits: int, computes: int) -> None:
    tests = LONG + numbered("waits", waits) + numbered("computes", computes)
    found = parts(MODULES, numbered("waits", waits), numbered("computes", computes), workers)
    assert sorted(test for part in found for test in part) == sorted(tests)
    assert [len(part) for part in found] == sorted(len(part) for part in found)  # as xdist cuts
    assert len(found[-1]) - len(found[0]) <= 1


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5, 6, 7])
def test_two_of_three_workers_wait_at_first(workers: int) -> None:
    found = parts(MODULES, numbered("waits", 40), numbered("computes", 200), workers)
    waiters = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4, 6: 4, 7: 5}[workers]
    for part in found[:waiters]:
        own = [module for module in MODULES if module[0] in part]
        assert part[: sum(map(len, own))] == [test for module in own for test in module]
        assert len(own) in {len(MODULES) // waiters, len(MODULES) // waiters + 1}
        kinds = [test.split()[0] for test in part]
        assert kinds == sorted(kinds, key=("long", "waits", "computes").index)
        assert kinds.count("waits") in {40 // waiters, 40 // waiters + 1}
    assert all(test.startswith("computes") for part in found[waiters:] for test in part)
