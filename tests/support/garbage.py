"""Has Python look for garbage less often in a test run: what modules and tests are made of never becomes garbage."""

from __future__ import annotations

import gc

COLLECTED_AFTER = 20_000
"""Objects until the next look; Python's own 700 means thousands of looks in a run."""


def look_never() -> None:
    """Stop looking, while modules are imported and tests are collected: all of that stays."""
    gc.disable()


def look_seldom() -> None:
    """Look again, for what the tests leave behind, and past what stays."""
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, 10, 10)
    gc.enable()


def look_no_more() -> None:
    """Spare a process that ends its last looks: Python takes several, each a second for a million objects."""
    gc.freeze()
