"""Makes text from outside safe to hash, store, and send."""

from __future__ import annotations

import re
from typing import Any

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL has no place for, and halves of surrogate pairs, which have no bytes in UTF-8.

JSON can spell out both; RFC 8785 refuses the latter, and with it the whole audit entry.
"""
INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
"""Characters without a width, marks that turn the direction of text, tag characters, and further variation selectors:

what they hide in a name or a reason is in the trail, and nobody who reads it sees it.
"""
STANDS_FOR = "\ufffd"
DEEPEST = 100
"""Levels of lists and objects; nothing that the bot reads is as deep, and what is deeper is left out."""


def visible(text: str) -> str:
    """Return a text without characters that nobody sees."""
    return INVISIBLE.sub("", text)


def storable(value: Any, levels: int = DEEPEST) -> Any:
    """Return a JSON value with each character that can't be stored replaced by U+FFFD."""
    if isinstance(value, str):
        return UNSTORABLE.sub(STANDS_FOR, value)
    if isinstance(value, dict):
        return {storable(name): storable(one, levels - 1) for name, one in value.items()} if levels else None
    if isinstance(value, list):
        return [storable(one, levels - 1) for one in value] if levels else None
    return value
