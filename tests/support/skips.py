"""Summarizes skipped tests in one line, where pytest would list each of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


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
