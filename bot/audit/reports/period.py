"""Calendar days in a time zone: their beginning and end, the digests that are due, and the periods that people type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SPANS = {"7d": 7, "30d": 30}
"""Periods of so many calendar days, today included."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole calendar days, in UTC; ``until`` is exclusive."""

    name: str
    since: datetime
    until: datetime


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the day's first instant in the zone, as UTC; a day may have 23 or 25 hours, and may not begin at 0:00."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def days(first: date, last: date, zone: ZoneInfo, name: str = "") -> Period:
    """Return the period from the first day to the last one, both included."""
    return Period(name or str(first), begin_of(first, zone), begin_of(last + DAY, zone))


def typed_period(typed: str, now: datetime, zone: ZoneInfo) -> Period | None:
    """Parse a typed period; None if it isn't one, or lies in the future. An empty text is today."""
    today = now.astimezone(zone).date()
    word = typed.strip().lower() or "today"
    if word == "today":
        return days(today, today, zone, word)
    if word == "yesterday":
        return days(today - DAY, today - DAY, zone, word)
    if word in SPANS:
        return days(today - DAY * (SPANS[word] - 1), today, zone, word)
    try:
        day = date.fromisoformat(word)
        return days(day, day, zone) if day <= today and len(word) == len("2026-01-31") else None
    except (ValueError, OverflowError):
        return None


def due_days(now: datetime, at: time, zone: ZoneInfo, *, began: datetime, most: int) -> tuple[date, ...]:
    """Return the days whose digest is due: over, past the time of day after them, and not before the trail began.

    At most the last ``most`` ones, oldest first.
    """
    last = now.astimezone(zone).date() - DAY
    if _post_time(last, at, zone) > now:
        last -= DAY
    first = max(began.astimezone(zone).date(), last - DAY * (most - 1))
    return tuple(first + DAY * number for number in range((last - first).days + 1))


def next_due(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return when the next digest after now becomes due, as UTC."""
    day = now.astimezone(zone).date() - DAY
    while (moment := _post_time(day, at, zone)) <= now:
        day += DAY
    return moment


def _post_time(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + DAY, at, zone).astimezone(UTC)
