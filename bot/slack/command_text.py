"""The text of a slash command: as the person typed it, and the agent whom it names.

With ``should_escape`` in the manifest, Slack marks people, channels and links in it:
https://docs.slack.dev/interactivity/implementing-slash-commands/.
"""

from __future__ import annotations

import re

from bot.recording.agents.named_agent import NamedAgent, NamedBy, named_agent
from bot.slack.blocks.mrkdwn import unescape

MARKED = re.compile(r"<(?P<sign>[@#!]?)(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
PERSON = re.compile(r"<@(?P<id>[A-Z0-9]+)(?:\|[^<>]*)?>(?:\s+|$)")


def as_typed(text: str) -> str:
    """Return the text without Slack's marks and escapes, as the person saw it."""
    return unescape(MARKED.sub(_plain, text))


def agent_in(text: str) -> NamedAgent | None:
    """Return the agent whom the text names, with what follows as the reason; None if it begins with a call."""
    text = text.strip()
    if person := PERSON.match(text):
        reason = as_typed(text[person.end() :]).strip()
        return NamedAgent(NamedBy.MENTION, person["id"], reason or None, typed=as_typed(text))
    return named_agent(as_typed(text))


def _plain(marked: re.Match[str]) -> str:
    sign, target, label = marked["sign"], marked["target"], marked["label"]
    if sign in {"@", "#"}:
        return f"{sign}{label or target}"
    return target.removeprefix("mailto:") if not sign else f"@{(label or target).removeprefix('@')}"
