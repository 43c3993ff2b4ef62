"""Keeps coverage out of the processes that tests start, unless a test asks for it: it costs them half their time."""

from __future__ import annotations

import pytest

COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""What ``patch = ["subprocess"]`` sets for child processes: https://coverage.readthedocs.io/en/latest/subprocess.html."""


@pytest.fixture(autouse=True)
def _measure_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the processes of a test that is marked ``measured``."""
    if request.node.get_closest_marker("measured") is None:
        monkeypatch.delenv(COVERAGE, raising=False)
