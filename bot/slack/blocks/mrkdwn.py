"""Parts of Slack's text format: escapes typed text, and formats actors, times, and links."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from bot.recording.caller import rule_label

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bot.i18n.catalog import Catalog

ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
CUT_ENTITY = re.compile("&[a-z]*$")
DIRECTING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the text after them around (Unicode's UAX 9)."""
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
ISOLATE, END = "\u2068", "\u2069"


def escape(text: str) -> str:
    """Make text inert: no mention, link or channel of it comes alive (Slack's three control characters)."""
    for character, entity in ESCAPES:
        text = text.replace(character, entity)
    return text


def unescape(text: str) -> str:
    """Undo what Slack does to the text of a command, so that it is kept as it was typed."""
    for character, entity in reversed(ESCAPES):
        text = text.replace(entity, character)
    return text


def isolated(text: str) -> str:
    """Keep right-to-left text within a line from turning the rest of the line around."""
    plain = DIRECTING.sub("", text)
    if not plain.isascii() and any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in plain):
        return f"{ISOLATE}{plain}{END}"
    return plain


def inline(text: str, limit: int) -> str:
    """Make typed text fit into a line of mrkdwn, in at most ``limit`` characters, including escapes.

    Two more are added where it has to be isolated.
    """
    line = " ".join(text.split())
    escaped = escape(line)
    if len(escaped) > limit:
        escaped = CUT_ENTITY.sub("", escaped[: limit - 1]) + "…"
    return isolated(escaped)


RULE_SHOWN = 100
"""A label has 60 characters, which are more with their escapes."""
NOT_PEOPLE = frozenset({"outside", "transfer", "agent_left"})
"""What ended a recording that nobody ended through the bot."""


def slack_user(actor: str) -> str | None:
    """Return the Slack user id of an actor of the trail; None for a terminal or the bot."""
    return actor.rpartition(":")[2] if actor.startswith("slack:") else None


def group_mention(group_id: str | None) -> str:
    """Mention a user group, which notifies its members: https://docs.slack.dev/messaging/formatting-message-text/."""
    return f"<!subteam^{group_id}>" if group_id else ""


def mrkdwn(text: str) -> dict[str, Any]:
    """Return a text object in which nothing comes alive but our own markup.

    Without ``verbatim`` Slack turns plain addresses, ``#names`` and some mentions in the text into links.
    """
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def actor_name(actor: str, team_id: str, words: Catalog) -> str:
    """Name an actor of the trail: as a mention that Slack turns into the person's name, or in words."""
    kind, _, rest = actor.partition(":")
    team, _, user = rest.partition(":")
    if kind == "slack":
        return f"<@{user}>" if team == team_id else words("people.elsewhere", user=escape(user))
    if kind == "cli":
        return words("people.terminal", login=escape(rest))
    if (label := rule_label(actor)) is not None:
        return words("people.rule", label=inline(label, RULE_SHOWN))
    return words(f"people.{kind if kind in NOT_PEOPLE else 'bot'}")


def moment(when: datetime, *, form: str = "{time_secs}") -> str:
    """Show a time in the reader's own zone; UTC where Slack can't (for example in a notification)."""
    return f"<!date^{int(when.timestamp())}^{form}|{when:%Y-%m-%d %H:%M:%S} UTC>"


def length(span: timedelta, words: Catalog) -> str:
    """Format a length for people; never negative, even if a clock jumped."""
    seconds = max(0, round(span.total_seconds()))
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return words("time.hours", hours=hours, minutes=minutes)
    return (
        words("time.minutes", minutes=minutes, seconds=seconds) if minutes else words("time.seconds", seconds=seconds)
    )
