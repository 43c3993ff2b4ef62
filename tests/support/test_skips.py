"""The line that sums up what was skipped."""

from __future__ import annotations

from tests.support.skips import summary


def test_it_is_one_line_that_counts_the_tests_for_each_reason() -> None:
    reasons = ["no Chromium", "PostgreSQL is needed:\n apt-get install postgresql", "no Chromium"]

    assert summary(reasons) == "3 skipped: 2 x no Chromium; 1 x PostgreSQL is needed: apt-get install postgresql"
