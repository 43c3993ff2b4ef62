"""What a test does without its program, and the line that sums up what was skipped."""

from __future__ import annotations

import pytest

from tests.support.skips import missing, summary

SENTENCE = "A compiler is needed: apt-get install gcc"


def test_what_is_missing_skips_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=SENTENCE):
        missing(SENTENCE)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=SENTENCE):
        missing(SENTENCE)


def test_it_is_one_line_that_counts_the_tests_for_each_reason() -> None:
    reasons = ["no Chromium", "PostgreSQL is needed:\n apt-get install postgresql", "no Chromium"]

    assert summary(reasons) == "3 skipped: 2 x no Chromium; 1 x PostgreSQL is needed: apt-get install postgresql"
