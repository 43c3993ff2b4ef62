"""Reads whom somebody names in a command: a mention, an e-mail address, or a name.

It reads the text as Slack sends it, before anything is unescaped: ``<`` and ``>`` in it are Slack's own, so that a
mention that somebody has typed letter by letter is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.audit.storable import visible
from bot.slack.blocks.mrkdwn import unescape

LONGEST_NAME = 100
LONGEST_ADDRESS = 254
"""Characters, by RFC 5321."""
ENTITY = re.compile(r"<([^<>]*)>")
USER = re.compile(r"@([UW][A-Z0-9]{1,30})(?:\|.*)?")
"""``W`` begins the id of a person of an organization: https://docs.slack.dev/enterprise/."""
ADDRESS = re.compile(r"[^\s@<>\"(),;:\\|\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,63}")
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}
"""As keyboards of phones and other languages write them."""


@dataclass(frozen=True, slots=True)
class MentionedAgent:
    """A person of the workspace, by Slack's user id."""

    user_id: str


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """An e-mail address."""

    email: str


@dataclass(frozen=True, slots=True)
class AgentName:
    """A name, or a part of it."""

    words: str


@dataclass(frozen=True, slots=True)
class NotAPerson:
    """A mention of something else: a channel, a user group, everybody, or a link."""


TypedAgent = MentionedAgent | AgentAddress | AgentName | NotAPerson


def read_agent(text: str) -> tuple[TypedAgent | None, str]:
    """Return who is named at the beginning of a command's raw text, and the rest as it was typed; None for nobody.

    A mention and an address are one word. A name ends at a comma, or where its quotation marks do; otherwise all of
    the text is the name.
    """
    text = text.strip()
    if found := ENTITY.match(text):
        return _mentioned(found[1]), _plain(text[found.end() :])
    first, _, rest = text.partition(" ")
    if address := _address(first.removesuffix(",")):
        return AgentAddress(address), _plain(rest)
    typed = _plain(text)
    if (closing := QUOTES.get(typed[:1])) and closing in typed[1:]:
        name, _, after = typed[1:].partition(closing)
    else:
        name, _, after = typed.partition(",")
    words = " ".join(name.split())[:LONGEST_NAME].removeprefix("@").strip()
    return (AgentName(words) if words else None), after.strip().lstrip(",").strip()


def _mentioned(inner: str) -> TypedAgent:
    """Read what is between Slack's own angle brackets."""
    if user := USER.fullmatch(inner):
        return MentionedAgent(user[1])
    target, _, _ = inner.partition("|")  # what is shown need not be where it leads
    address = _address(target.removeprefix("mailto:")) if target.startswith("mailto:") else None
    return NotAPerson() if address is None else AgentAddress(address)


def _address(word: str) -> str | None:
    plain = _plain(word)
    return plain if len(plain) <= LONGEST_ADDRESS and ADDRESS.fullmatch(plain) else None


def _plain(text: str) -> str:
    """Return text as it was typed: entities by what they show, and no characters that nobody sees."""

    def shown(found: re.Match[str]) -> str:
        target, _, label = found[1].partition("|")
        return (target[:1] + label if target[:1] in {"@", "#"} and label else label) or target

    return visible(unescape(ENTITY.sub(shown, text))).strip()
