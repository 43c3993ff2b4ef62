"""Counts in sentences."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """Return the number with its noun in the right form; the plural ends in s if none is given."""
    return f"{number} {one if number == 1 else several or one + 's'}"
