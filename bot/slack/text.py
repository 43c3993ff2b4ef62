"""Pieces of Slack's text format: what people typed is escaped here, and actors, times and links get their form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


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


def shorten(text: str, limit: int) -> str:
    """Cut to at most ``limit`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def actor_name(actor: str, team_id: str) -> str:
    """Name an actor of the trail: as a mention that Slack turns into the person's name, or in words."""
    kind, _, rest = actor.partition(":")
    team, _, user = rest.partition(":")
    if kind == "slack":
        return f"<@{user}>" if team == team_id else f"{escape(user)} of another workspace"
    if kind == "cli":
        return f"{escape(rest)} (terminal)"
    return "somebody in Genesys" if kind == "outside" else "record-bot"


def moment(when: datetime, *, form: str = "{time_secs}") -> str:
    """Show a time in the reader's own zone; UTC where Slack can't (for example in a notification)."""
    return f"<!date^{int(when.timestamp())}^{form}|{when:%Y-%m-%d %H:%M:%S} UTC>"


def length(span: timedelta) -> str:
    """Write a length as people say it; never negative, whatever a clock did."""
    seconds = max(0, round(span.total_seconds()))
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
