"""How much is tried: a modest number, always the same, in the test run; what ``make fuzz`` asks for there."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def effort(examples: int) -> settings:
    """Return the settings for a test that tries so many examples; ``FUZZ_TIMES`` as many new ones if that is set.

    An example may take as long as it needs, and shares the fixtures of its test with the others.
    """
    times = int(os.environ.get("FUZZ_TIMES", "0"))
    return settings(
        max_examples=examples * (times or 1),
        derandomize=not times,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
