"""Lengths of time as people type them. The settings need them too, so nothing else of the domain is imported here."""

from __future__ import annotations

import re
from datetime import timedelta

LEAST, MOST = timedelta(seconds=10), timedelta(hours=4)
"""How long a pause with an end may last."""
LENGTH = re.compile(r"(?:for\s+)?(?P<count>[0-9]{1,6})\s*(?P<unit>[smh])", re.IGNORECASE)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def parsed_length(text: str) -> timedelta | None:
    """Read a length such as ``90s``, ``5m`` or ``1h``; None if it is none."""
    found = LENGTH.fullmatch(text.strip())
    return None if found is None else timedelta(**{UNITS[found["unit"].lower()]: int(found["count"])})
