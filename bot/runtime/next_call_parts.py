"""Builds what has agents' next calls recorded: the listeners, the monitor, and the relay of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.database.outbox.next_calls import SqlNextCalls
from bot.outbox.next_calls import NextCallNotifier
from bot.outbox.relay import Backoff
from bot.recording.caller import Principal, Role
from bot.recording.control.agents.next_calls import NextCalls
from bot.recording.monitoring.next_calls import NextCallMonitor
from bot.slack.listeners.agents.next_calls import NextCallCommands

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.database.queries.pending_work import SqlPendingWork
    from bot.database.replicas import Replicas
    from bot.recording.agents.next_call import CallEventSource
    from bot.runtime.container import Control
    from bot.slack.listeners.agents.agent_calls import AgentCalls
    from bot.slack.listeners.context import ListenerContext


@dataclass(frozen=True, slots=True)
class NextCallParts:
    """Builds the parts. ``news`` is the source of call events, ``within`` how long a person waits at most."""

    control: Control
    context: ListenerContext
    replicas: Replicas
    news: CallEventSource
    within: timedelta
    pending: SqlPendingWork

    @property
    def next_calls(self) -> NextCalls:
        return NextCalls(self.control.requests, self.control.agents.calls, self.news, self.within)

    def commands(self, agents: AgentCalls) -> NextCallCommands:
        """Return the command and its buttons."""
        store, names = SqlNextCalls(self.control.engines), self.control.live_calls.names
        return NextCallCommands(self.context, agents, self.next_calls, store, names)

    def notifier(self) -> NextCallNotifier:
        """Return what tells people about the calls that they wait for."""
        context, clock = self.context, self.control.clock
        store, changes = SqlNextCalls(self.control.engines, self.replicas.confirm), self.control.store.changes()
        return NextCallNotifier(context.client, store, context.style_of, changes, clock, Backoff(clock))

    def monitor(self) -> NextCallMonitor:
        """Return what starts the recordings of the calls that people wait for."""
        control, people = self.control, self.context.people

        async def authorize(actor: str) -> Principal:
            kind, _, rest = actor.partition(":")
            team, _, user = rest.rpartition(":")
            if kind != "slack":  # who is logged in on the bot's machine is trusted like a supervisor
                return Principal(actor, frozenset({Role.SUPERVISOR}))
            return await people.caller(user, team)

        return NextCallMonitor(
            control.service,
            self.next_calls,
            SqlNextCalls(control.engines, pending=self.pending),
            control.agents.people,
            authorize,
            self.context.work.start,
            control.clock,
            control.store.changes(),
        )
