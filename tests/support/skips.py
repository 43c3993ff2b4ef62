"""Skips tests whose programs are missing, and counts the skipped ones in one line, where pytest lists each of them."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def missing(sentence: str) -> NoReturn:
    """Skip the test with a sentence that says what it needs and how to get it; fail with CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped := terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(summary(_reason(report) for report in skipped))


def summary(reasons: Iterable[str]) -> str:
    """Return one line that counts the tests for each reason, most frequent first."""
    counted = Counter(" ".join(reason.split()) for reason in reasons)
    parts = [f"{count} x {reason}" for reason, count in counted.most_common()]
    return f"{counted.total()} skipped: {'; '.join(parts)}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
