"""Finds the browser that the tests and the pictures use."""

from __future__ import annotations

import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The headless shell draws a page with about half the processor time of a whole Chromium."""
ADVICE = "apt-get install chromium-headless-shell (or chromium)"


def find() -> str | None:
    """Return the path of the first browser that is installed."""
    return next((path for path in map(shutil.which, NAMES) if path), None)
