"""How agents leave calls that continue, and what follows for their recordings: as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bot.recording.call import CallRecording, Participant


class FollowTransfers(StrEnum):
    """What happens after a transfer that ended an ad-hoc recording."""

    ASK = "ask"
    """The person who started it gets a message with a button."""
    ALWAYS = "always"
    """The bot records the new agent's side at once."""
    NEVER = "never"


class FollowUp(StrEnum):
    """What remains to do about a recording that ended when its agent left the call."""

    WATCH = "watch"
    """Find out who takes over."""
    ASK = "ask"
    """Ask the person who started it."""


@dataclass(frozen=True, slots=True)
class AgentLeg:
    """An agent's part in a call, ended or not. The states are None if Genesys doesn't report them.

    ``recording`` is what all recorders come to, ``adhoc`` the ad-hoc one's own state. ``disconnect_type`` is Genesys's
    word for how the agent left.
    """

    participant: Participant
    connected: bool
    over: bool
    recording: CallRecording | None = None
    adhoc: CallRecording | None = None
    disconnect_type: str | None = None
    ended_at: datetime | None = None
    wrapping_up: bool = False
    """Whether the agent has left and is in after-call work."""
    connected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """How the recorded agent left a call that continues.

    ``successors`` are the agents who are connected now, ``recorders`` those that still run (see ``Conversation``).
    """

    disconnect_type: str | None
    successors: tuple[Participant, ...] = ()
    recorders: frozenset[str] = frozenset()

    @property
    def transferred(self) -> bool:
        return (self.disconnect_type or "").startswith("transfer")


TRANSFER = "transfer"
AGENT_LEFT = "agent_left"
"""What ended a recording that nobody stopped: the agent on whose side it ran handed the call over, or left it."""
POLICY_RECORDER = "policy"
SNIPPET_RECORDER = "snippet"
