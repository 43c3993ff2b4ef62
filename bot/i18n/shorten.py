"""Cuts text that is too long."""

from __future__ import annotations


def shorten(text: str, limit: int) -> str:
    """Cut to at most ``limit`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
