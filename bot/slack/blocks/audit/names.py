"""What the people, agents and queues in lines of the audit channel are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.slack.blocks.mrkdwn import escape, inline, slack_user

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.slack.blocks.card import CardStyle

NAME_SHOWN = 60
ID_SHOWN = 8
"""Digits of a Genesys id that stand for a person whose name is unknown or not to be shown."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """Whose side of a call a recording is of. ``queue`` is the queue's name, if it is known."""

    participant_id: str | None = None
    agent_user_id: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class LineNames:
    """Names for some entries, as plain text; what has no name here is shown by its id.

    ``people`` maps actors of the trail to names in Slack, ``agents`` maps Genesys users to their names.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[UUID, RecordedCall] = field(default_factory=dict)
    mentions: bool = False
    """Whether people are mentioned: only in answers that no one but the reader sees, since a mention notifies."""

    def person(self, actor: str, style: CardStyle) -> str:
        """Name an actor of the trail without notifying anyone: ``chat.postMessage`` notifies those it mentions."""
        user = slack_user(actor)
        if self.mentions or user is None or actor.split(":")[1] != style.team_id:
            return style.person(actor)
        name = self.people.get(actor)
        return inline(name, NAME_SHOWN) if name else escape(user)

    def agent(self, user_id: str) -> str:
        name = self.agents.get(user_id)
        return inline(name, NAME_SHOWN) if name else f"agent {escape(user_id[:ID_SHOWN])}"

    def recorded(self, entry: Entry) -> str:
        """Name whose call an entry is about: the agent and the queue, as far as they are known."""
        call = self.calls.get(entry.recording_id) if entry.recording_id else None
        if call is None:
            return "a call"
        same = entry.participant_id in {None, call.participant_id}  # another agent may have the call by now
        agent = self.agent(call.agent_user_id) if same and call.agent_user_id else "a call"
        return f"{agent} ({inline(call.queue, NAME_SHOWN)})" if call.queue else agent
