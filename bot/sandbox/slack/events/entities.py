"""What Slack makes of the text of a slash command.

Source: https://docs.slack.dev/interactivity/implementing-slash-commands: with ``should_escape`` a mention arrives as
``<@U012ABCDEF|handle>``, a channel as ``<#C012ABCDE|name>``, and an address as ``<https://example.com>``. Without it
they arrive as they were typed. The three control characters are escaped in either case, so nobody can type a mention
of their own making. That an e-mail address becomes ``<mailto:…|…>``, as in messages, is an assumption.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.slack.state.workspace import Workspace

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
ENTITY = re.compile(
    r"(?P<link>https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"])"
    r"|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w@])@(?P<user>[\w.-]*\w)"
    r"|(?<![\w#])#(?P<channel>[\w-]+)"
)


def command_text(typed: str, workspace: Workspace, *, expanded: bool) -> str:
    """Return the text as it is sent to the app."""
    text = typed.strip()
    if not expanded:
        return text.translate(ESCAPES)
    sent, end = "", 0
    for found in ENTITY.finditer(text):
        sent += text[end : found.start()].translate(ESCAPES)
        sent += _entity(found, workspace) or found.group().translate(ESCAPES)
        end = found.end()
    return sent + text[end:].translate(ESCAPES)


def _entity(found: re.Match[str], workspace: Workspace) -> str | None:
    """Return the entity of a link or a name; None for a name that nobody has."""
    whole = found.group().translate(ESCAPES)
    if found["link"]:
        return f"<{whole}>"
    if found["mail"]:
        return f"<mailto:{whole}|{whole}>"
    if found["user"]:
        known = (person for person in workspace.people.values() if person.handle == found["user"])
        return next((f"<@{person.id}|{person.handle}>" for person in known), None)
    channels = (channel for channel in workspace.channels.values() if channel.name == found["channel"])
    return next((f"<#{channel.id}|{channel.name}>" for channel in channels), None)
