"""Looks up what the people, agents and queues in lines of the audit channel are called."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.slack.blocks.audit.names import LineNames, RecordedCall
from bot.slack.blocks.mrkdwn import slack_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.audit.entry import Entry
    from bot.database.trail.audit_line_names import SqlLineNames
    from bot.slack.people.users import SlackPeople

PATIENCE_SECONDS = 3.0
"""Time limit for names from Slack: a line waits no longer for them, and shows ids instead."""


@dataclass(frozen=True, slots=True)
class LineNameLookup:
    """Collects the names for some lines. ``show_agents``: whether agents are named, or shown by short ids."""

    known: SqlLineNames
    slack: SlackPeople
    show_agents: bool = True

    async def of(self, entries: Sequence[Entry]) -> LineNames:
        """Return the names of everyone and everything in the lines of these entries."""
        return replace(await self.of_calls(entries), people=await self.people(_actors(entries)))

    async def of_calls(self, entries: Sequence[Entry]) -> LineNames:
        """Return the names of agents and queues, which takes no request to Slack."""
        found = await self.known.calls({entry.recording_id for entry in entries if entry.recording_id})
        calls = {key: RecordedCall(one.participant_id, one.agent_user_id, one.queue_name) for key, one in found.items()}
        agents: dict[str, str] = {}
        if self.show_agents:
            agents = await self.known.agents(_successors(entries))
            agents |= {
                one.agent_user_id: one.agent_name for one in found.values() if one.agent_user_id and one.agent_name
            }
        return LineNames(agents=agents, calls=calls)

    async def people(self, actors: Iterable[str]) -> dict[str, str]:
        """Return the names in Slack of actors of the trail, as far as Slack tells them in time."""
        own = {actor: user for actor in actors if (user := self._member(actor))}
        asking = {actor: asyncio.ensure_future(self.slack.name(user)) for actor, user in own.items()}
        if not asking:
            return {}
        await asyncio.wait(asking.values(), timeout=PATIENCE_SECONDS)
        found: dict[str, str] = {}
        for actor, asked in asking.items():
            if not asked.done():
                asked.cancel()
            elif asked.exception() is None and (name := asked.result()):
                found[actor] = name
        return found

    def _member(self, actor: str) -> str | None:
        """Return the user id of an actor in the bot's workspace."""
        return slack_user(actor) if actor.startswith(f"slack:{self.slack.team_id}:") else None


def _successors(entries: Iterable[Entry]) -> set[str]:
    named = {str(one) for entry in entries for one in entry.outcome.get("agents") or () if isinstance(one, str)}
    return named | {str(entry.outcome["agent"]) for entry in entries if isinstance(entry.outcome.get("agent"), str)}


def _actors(entries: Iterable[Entry]) -> set[str]:
    """Return everyone whom the lines of these entries may name."""
    found: set[str] = set()
    for entry in entries:
        known = {**entry.origin, **entry.outcome}
        found.add(entry.actor)
        found |= {str(known[name]) for name in ("asked_by", "confirmed_by", "person") if name in known}
    return found
