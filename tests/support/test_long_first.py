"""The order of the tests for several workers."""

from __future__ import annotations

import pytest

from tests.support.long_first import parts


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_each_worker_begins_with_its_share_of_the_long_ones(workers: int) -> None:
    modules = [[f"long {module}.{number}" for number in range(1 + module % 3)] for module in range(9)]
    long, short = [one for module in modules for one in module], [f"short {number}" for number in range(100)]
    found = parts(modules, short, workers)

    assert sorted(one for part in found for one in part) == sorted(long + short)
    assert [one for part in found for one in part if one in short] == short
    assert max(map(len, found)) - min(map(len, found)) <= 1
    for part in found:
        own = [module for module in modules if module[0] in part]
        assert part[: sum(map(len, own))] == [one for module in own for one in module]
        assert len(own) in {len(modules) // workers, len(modules) // workers + 1}
