"""The setting that says when recordings are kept."""

from __future__ import annotations

from enum import StrEnum


class KeepMode(StrEnum):
    """The setting ``RECORDING_KEEP``."""

    ASK = "ask"
    """People ask for it, call by call."""
    ALWAYS = "always"
    """Every recording that is started is kept."""
    NEVER = "never"
