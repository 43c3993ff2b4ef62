"""Watches for the next calls that people wait for: by Genesys's notifications, and by reading where one may be lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from bot.errors import AuditUnavailable, GenesysError, RecordBotError
from bot.recording.agents.next_call import CANCELLED, EXPIRED, NextCallNotice, NextCallOutcome
from bot.recording.call import Participant
from bot.recording.caller import BOT, Principal
from bot.recording.control.agents.next_calls import SOURCE, close, tell
from bot.recording.ports import Priority
from bot.recording.requests import Request, RequestSource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bot.recording.agents.next_call import NextCall, NextCallStore
    from bot.recording.control.agents.next_calls import NextCalls
    from bot.recording.control.service import RecordingService
    from bot.recording.models import Conversation
    from bot.recording.ports import Clock, PeopleDirectory, Transaction
    from bot.recording.requests import PendingAction

log = structlog.get_logger(__name__)

READ_SECONDS = 10.0
STATUS_EVERY_SECONDS = 60.0
"""Between two looks at whether an agent is at work, which also find a call whose event was lost."""
GAP_SECONDS = 2.0
"""Between two such looks at any agents: they use little of the request limit."""
AGAIN_SECONDS = 2.0
"""After a reading that failed, or a person whom Slack could not confirm."""
UNCONFIRMED_SECONDS = 20.0
"""How long to ask Slack again who a person is, before their call is not recorded."""
INTERACTING = "interacting"
UNCONFIRMED = "unconfirmed"


@dataclass(slots=True)
class _Seen:
    """What is in memory about the waits: all of it can be read again."""

    waiting: dict[str, tuple[NextCall, ...]] = field(default_factory=dict)
    """By agent."""
    read: set[str] = field(default_factory=set)
    """Agents whose calls have to be read, because events about them may be missing."""
    status_at: dict[str, float] = field(default_factory=dict)
    looked_at: float = 0.0
    unconfirmed_since: dict[str, float] = field(default_factory=dict)
    """By call: since when Slack can't say who the people are."""


@dataclass(frozen=True, slots=True)
class NextCallMonitor:
    """Starts the recordings that people wait for. Only the leading process runs it; the database decides who does.

    ``authorize`` confirms an actor with their rights of this moment. ``start`` runs what goes on in the background.
    """

    service: RecordingService
    next_calls: NextCalls
    store: NextCallStore
    people: PeopleDirectory
    authorize: Callable[[str], Awaitable[Principal]]
    start: Callable[[Coroutine[object, object, object]], None]
    clock: Clock
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: _Seen = field(default_factory=_Seen)

    async def agents(self) -> frozenset[str]:
        """Return the agents whose events are wanted."""
        await self._refresh()
        return frozenset(self._seen.waiting)

    def missed_news(self, user_ids: frozenset[str]) -> None:
        """Have the calls of these agents read soon, where somebody waits for one: an event may have been missed."""
        self._seen.read.update(user_ids & self._seen.waiting.keys())
        self.changes.set()

    async def on_news(self, conversation_id: str, seen: Conversation | None) -> None:
        """Handle Genesys's notification about a call; None when everyone has left it."""
        for agent in () if seen is None else seen.agents:
            if agent.user_id in self._seen.waiting:
                await self._connected(conversation_id, agent)

    async def poll(self) -> float | None:
        """End the waits whose time is up, and read what may have been missed; return when to do so again."""
        try:
            await self._refresh()
            for waiting in [one for each in self._seen.waiting.values() for one in each]:
                await self._end_if_due(waiting)
            for agent in sorted(self._seen.read):
                await self._read(agent)
            await self._look_at_next()
        except AuditUnavailable:
            log.warning("next_call_write_failed")
            return AGAIN_SECONDS
        return self._seconds_to_next()

    async def _refresh(self) -> None:
        seen = self._seen
        by_agent: dict[str, list[NextCall]] = {}
        for one in await self.store.open():
            by_agent.setdefault(one.agent_user_id, []).append(one)
        fresh = by_agent.keys() - seen.waiting.keys()
        seen.waiting = {agent: tuple(found) for agent, found in by_agent.items()}
        seen.read = (seen.read & by_agent.keys()) | fresh
        seen.status_at = {agent: seen.status_at.get(agent, self.clock.monotonic()) for agent in by_agent}

    async def _end_if_due(self, waiting: NextCall) -> None:
        now, denied = self.clock.now(), self.next_calls.events.denies(waiting.agent_user_id)
        if denied is not None:
            facts = {"error": "no_call_events", "detail": denied}
            await self._end(waiting, NextCallOutcome.UNAVAILABLE, CANCELLED, facts)
        elif now >= waiting.expires_at:
            await self._end(waiting, NextCallOutcome.EXPIRED, EXPIRED, {})

    async def _end(self, waiting: NextCall, outcome: NextCallOutcome, action: str, facts: dict[str, str]) -> None:
        now = self.clock.now()

        def work(transaction: Transaction) -> None:
            close(transaction, waiting, outcome, now, action=action, facts=facts)

        await self.service.store.write(work)

    async def _read(self, agent_user_id: str) -> None:
        """Read which calls an agent is on, and record the one that somebody waited for."""
        deadline = self.clock.monotonic() + READ_SECONDS
        try:
            live = await self.next_calls.calls.live_calls_of(agent_user_id, deadline=deadline, priority=Priority.LOOP)
        except GenesysError as error:
            log.warning("next_call_read_failed", agent=agent_user_id, error=error.kind)
            return
        self._seen.read.discard(agent_user_id)
        for call in live.calls:
            agent = next((one for one in call.agents if one.user_id == agent_user_id), Participant("", agent_user_id))
            await self._connected(call.conversation_id, replace(agent, queue_id=agent.queue_id or call.queue_id))

    async def _look_at_next(self) -> None:
        """Look whether the agent whose turn it is is at work; one look at a time."""
        now, seen = self.clock.monotonic(), self._seen
        due = [agent for agent, at in seen.status_at.items() if now - at >= STATUS_EVERY_SECONDS]
        if not due or now - seen.looked_at < GAP_SECONDS:
            return
        agent = min(due, key=lambda one: seen.status_at[one])
        seen.status_at[agent] = seen.looked_at = now
        try:
            status = await self.people.status(agent, deadline=now + READ_SECONDS, priority=Priority.LOOP)
        except GenesysError as error:
            log.info("agent_status_read_failed", agent=agent, error=error.kind)
            await self._read(agent)
            return
        if status.offline:
            for one in seen.waiting.get(agent, ()):
                await self._note_logout(one)
        elif status.routing == INTERACTING:
            await self._read(agent)

    async def _note_logout(self, waiting: NextCall) -> None:
        if waiting.logged_out_at is not None:
            return
        now = self.clock.now()

        def work(transaction: Transaction) -> None:
            current = transaction.next_call(waiting.id)
            if current is not None and current.outcome is None and current.logged_out_at is None:
                transaction.note_logout(waiting.id, now)
                tell(transaction, waiting, NextCallNotice.LOGGED_OUT, now)

        await self.service.store.write(work)

    async def _connected(self, conversation_id: str, agent: Participant) -> None:
        """Record a call of an agent if somebody waits for it."""
        found = await self.store.open(agent_user_id=agent.user_id)
        waiting = [one for one in found if conversation_id not in one.before]
        if not waiting or not self.service.intake.shutdown_gate.open:
            return
        callers = await self._callers(conversation_id, agent, waiting)
        if not callers:
            return
        first = next(one for one in waiting if one.asked_by in callers)
        asked = Request(Principal(BOT), RequestSource(SOURCE, channel=first.channel, trigger=f"{first.id}.call"))
        try:
            accepted = await self.next_calls.record(conversation_id, agent, callers, asked)
        except RecordBotError as error:
            self._seen.read.add(agent.user_id)
            self.changes.set()
            log.warning("next_call_start_failed", conversation_id=conversation_id, error=error.kind)
            return
        await self._refresh()
        if accepted is not None:
            self.start(self._carry_out(accepted))

    async def _callers(self, conversation_id: str, agent: Participant, waiting: list[NextCall]) -> dict[str, Principal]:
        """Confirm the people who wait; those whom Slack can't confirm just now are left out for a while."""
        actors = sorted({one.asked_by for one in waiting})
        callers = dict(zip(actors, await asyncio.gather(*map(self.authorize, actors)), strict=True))
        unconfirmed = {actor for actor, caller in callers.items() if caller.denial_reason == UNCONFIRMED}
        since = self._seen.unconfirmed_since
        if not unconfirmed:
            since.pop(conversation_id, None)
            return callers
        now = self.clock.monotonic()
        if now - since.setdefault(conversation_id, now) >= UNCONFIRMED_SECONDS:
            del since[conversation_id]
            return callers
        self._seen.read.add(agent.user_id)
        self.changes.set()
        return {actor: caller for actor, caller in callers.items() if actor not in unconfirmed}

    async def _carry_out(self, accepted: PendingAction) -> None:
        try:
            await self.service.carry_out(accepted)
        except AuditUnavailable:
            log.warning("next_call_write_failed")  # the reconciler settles it

    def _seconds_to_next(self) -> float | None:
        seen, now = self._seen, self.clock.monotonic()
        if not seen.waiting:
            return None
        if seen.read:
            return AGAIN_SECONDS
        wall = self.clock.now()
        expiry = min((one.expires_at - wall).total_seconds() for each in seen.waiting.values() for one in each)
        status = min(at + STATUS_EVERY_SECONDS - now for at in seen.status_at.values())
        return max(0.0, min(expiry, max(status, seen.looked_at + GAP_SECONDS - now)))
