"""Agents as people name them: by a mention in Slack, an e-mail address, or a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.recording.agents.people import Person
    from bot.recording.call import LiveCall

ADDRESS = re.compile(r"[^\s@<>|]+@[^\s@<>|]+")
QUOTED = re.compile(r"[\"“„](?P<name>[^\"“”„]+)[\"“”]\s*(?P<reason>.*)", re.DOTALL)
LONGEST_NAME = 100
CALL = re.compile(r"https?://|[0-9a-f]{8}-|[0-9a-f-]*\d[0-9a-f-]*$", re.IGNORECASE)
"""Text that begins like the id of a call, or a link to one, perhaps with a typo in it: no name."""


class NamedBy(StrEnum):
    """How an agent was named."""

    MENTION = "mention"
    ADDRESS = "address"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class NamedAgent:
    """An agent as a person named them. ``text`` is a Slack user's id, an address, or a name.

    ``typed`` is all that was typed, for the digest in the trail; it is in no log.
    """

    by: NamedBy
    text: str
    reason: str | None = None
    typed: str = ""


def named_agent(typed: str) -> NamedAgent | None:
    """Return the agent whom a text names; None if it names a call, or nobody.

    After an address the rest is the reason. A name is all of the text, since nobody can tell where one ends: with a
    reason it has to be in quotation marks.
    """
    text = typed.strip()
    first, _, rest = text.partition(" ")
    if ADDRESS.fullmatch(first) and "." in first.rpartition("@")[2]:
        return NamedAgent(NamedBy.ADDRESS, first, rest.strip() or None, typed=text)
    if quoted := QUOTED.fullmatch(text):
        name, reason = quoted["name"].strip(), quoted["reason"].strip()
        return NamedAgent(NamedBy.NAME, name, reason or None, typed=text) if name else None
    name = text.removeprefix("@").strip()
    if CALL.match(first) or len(name) > LONGEST_NAME or not any(character.isalpha() for character in name):
        return None
    return NamedAgent(NamedBy.NAME, name, typed=text)


@dataclass(frozen=True, slots=True)
class AgentFound:
    """A person whom a text may mean, and the calls that they are talking on now."""

    person: Person
    calls: tuple[LiveCall, ...] = ()
