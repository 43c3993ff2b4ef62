"""Reads single fields of Genesys's JSON, whatever they contain: null, another type, or an unknown word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.audit.storable import visible


def text(value: object) -> str | None:
    return visible(value).strip() or None if isinstance(value, str) else None


def word(value: object) -> str | None:
    """Return an enum's word in lower case; its case differs from model to model."""
    found = text(value)
    return None if found is None else found.casefold()


def moment(value: object) -> datetime | None:
    """Return a time in UTC; None if it isn't one."""
    found = text(value)
    if found is None:
        return None
    try:
        read = datetime.fromisoformat(found)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def listed(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; none if it isn't one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def part(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
