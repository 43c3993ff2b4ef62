"""Agents as a supervisor names them, and whether they are at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.recording.call import Participant
    from bot.recording.models import Conversation


@dataclass(frozen=True, slots=True)
class Person:
    """An active user of Genesys Cloud."""

    user_id: str
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """The people whom a text may mean, by name. ``complete`` is False if there are more."""

    people: tuple[Person, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """Whether an agent takes calls now, in Genesys's words in lower case; None where Genesys doesn't say."""

    routing: str | None
    """Such as ``idle``, ``interacting``, ``off_queue``."""
    presence: str | None
    """Such as ``on queue``, ``available``, ``offline``."""

    @property
    def offline(self) -> bool:
        """Whether the agent is logged out."""
        return self.presence == "offline"


@dataclass(frozen=True, slots=True)
class CallVolume:
    """How many calls agents took on the last whole day (UTC)."""

    calls: int
    hours: float = 24.0

    @property
    def per_hour(self) -> float:
        return self.calls / self.hours


def connected_agent(seen: Conversation, user_id: str) -> Participant | None:
    """Return the agent's side of a call, once they are connected to it; None while it only rings, or without them."""
    if not seen.connected:
        return None
    return next((agent for agent in seen.agents if agent.user_id.casefold() == user_id.casefold()), None)
