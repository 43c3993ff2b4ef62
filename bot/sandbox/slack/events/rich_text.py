"""What Slack's composer makes of the words that a person types: https://docs.slack.dev/messaging/formatting-message-text/."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.slack.events.entities import ESCAPES

ADDRESS = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")


def written(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of a message, escaped and with its links marked, and its one block of rich text."""
    parts: list[dict[str, Any]] = []
    words = ""
    end = 0
    for found in ADDRESS.finditer(text):
        words += _plain(parts, text[end : found.start()])
        parts.append({"type": "link", "url": found.group()})
        words += f"<{found.group().translate(ESCAPES)}>"
        end = found.end()
    words += _plain(parts, text[end:])
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    return words, [rich]


def _plain(parts: list[dict[str, Any]], text: str) -> str:
    if text:
        parts.append({"type": "text", "text": text})
    return text.translate(ESCAPES)
