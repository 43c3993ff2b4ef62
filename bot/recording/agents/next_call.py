"""An agent's next call, which somebody wants recorded: a watch that ends when that call connects, or before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from bot.recording.models import Recording

NEXT_VERB = "next"
ARMED, STARTED, EXPIRED, CANCELLED = "next:armed", "next:started", "next:expired", "next:cancelled"
"""The audit trail's words."""


class NextCallOutcome(StrEnum):
    """How the wait for a call ended."""

    STARTED = "started"
    """The call connected, and its recording was asked for, or ran already."""
    REFUSED = "refused"
    """The call connected, and could not be recorded."""
    DENIED = "denied"
    """The call connected, and the person may not record it."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNAVAILABLE = "unavailable"
    """Genesys doesn't tell the bot of this agent's calls."""


class NextCallNotice(StrEnum):
    """What the person who waits is told, each once."""

    OVER = "over"
    LOGGED_OUT = "logged_out"


@dataclass(frozen=True, slots=True)
class NextCall:
    """One person's wait for one agent's next call; the id is that of the request.

    ``before`` names the calls that the agent was on when it began: none of them is the next one.
    """

    id: UUID
    agent_user_id: str
    asked_by: str
    armed_at: datetime
    expires_at: datetime
    audit_seq: int
    before: frozenset[str] = frozenset()
    channel: str | None = None
    language: str | None = None
    reason_code: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: NextCallOutcome | None = None
    error: str | None = None
    """Why the call was not recorded: an error's kind, or the cause of a denial."""
    recording_id: UUID | None = None
    conversation_id: str | None = None
    logged_out_at: datetime | None = None
    """When the agent was seen to log out; the wait goes on."""


@dataclass(frozen=True, slots=True)
class NamedNextCall:
    """A wait with the agent's name, if it is known."""

    next_call: NextCall
    agent_name: str | None = None


@dataclass(frozen=True, slots=True)
class DueNotice:
    """A message that is to be posted. ``recording`` is that of the call, if there is one."""

    kind: NextCallNotice
    next_call: NextCall
    agent_name: str | None
    recording: Recording | None
    posts_begun: int


class CallEventSource(Protocol):
    """Pushes events of calls, if the organization allows it."""

    def denies(self, user_id: str, /) -> str | None:
        """Return why Genesys doesn't tell of an agent's calls; None if it does, or nobody has asked yet."""


class NextCallStore(Protocol):
    """Reads the waits for calls."""

    async def open(self, *, agent_user_id: str | None = None) -> Sequence[NextCall]:
        """Return the waits that nobody has ended, oldest first."""

    async def named(self) -> Sequence[NamedNextCall]:
        """Return the same with the agents' names."""
