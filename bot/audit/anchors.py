"""Anchors: hashes of entries that were seen outside the trail, such as in the audit channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_DIGITS = 12
"""Of a hash that is known with its number; the audit channel shows so many."""
WHOLE = 64
ANCHOR = re.compile(rf"(?:#?(?P<seq>[1-9]\d{{0,17}})[\s:,]+)?`?(?P<hash>[0-9a-fA-F]{{{LEAST_DIGITS},{WHOLE}}})`?")


def read_anchor(text: str) -> tuple[str, int | None]:
    """Read a number and a hash, or a whole hash alone. Raise ValueError."""
    found = ANCHOR.fullmatch(text.strip())
    if found is None or (found["seq"] is None and len(found["hash"]) != WHOLE):
        raise ValueError(
            f'not an entry number and at least {LEAST_DIGITS} digits of its hash, such as "#4711 7b9e01c2d3e4", or a '
            f"hash of {WHOLE} hexadecimal digits alone"
        )
    return found["hash"].lower(), None if found["seq"] is None else int(found["seq"])


def read_anchors(lines: Iterable[str]) -> dict[str, int | None]:
    """Read anchors, one on each line. Raise ValueError."""
    wanted: dict[str, int | None] = {}
    for place, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            digest, seq = read_anchor(line)
        except ValueError as error:
            raise ValueError(f"line {place} is {error}") from None
        if wanted.setdefault(digest, seq) != seq:
            raise ValueError(f"line {place} gives the hash of entry {wanted[digest] or '?'} another number")
    return wanted
