"""The order of the tests for several workers."""

from __future__ import annotations

import pytest

from tests.support.long_first import parts


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_each_worker_begins_with_its_share_of_the_long_ones(workers: int) -> None:
    long, short = [f"long {number}" for number in range(9)], [f"short {number}" for number in range(100)]
    found = parts(long, short, workers)

    assert sorted(one for part in found for one in part) == sorted(long + short)
    assert [one for part in found for one in part if one in short] == short
    assert max(map(len, found)) - min(map(len, found)) <= 1
    for part in found:
        own = [one for one in part if one in long]
        assert part[: len(own)] == own
        assert len(own) in {len(long) // workers, len(long) // workers + 1}
