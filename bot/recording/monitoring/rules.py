"""Carries out the policy file's rules: by Genesys's notifications, and by the list of live calls where one is lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bot.errors import (
    AuditUnavailable,
    CallEnded,
    CallNotFound,
    GenesysError,
    GenesysUnavailable,
    RateLimited,
    RecordBotError,
)
from bot.recording.control.rules import PASSING, ActByRule, Due, Idle, by_rule
from bot.recording.keeping.keep import AFTER_SECONDS
from bot.recording.models import Target
from bot.recording.policy import RuleAction
from bot.recording.ports import Priority, tell_nobody
from bot.recording.requests import PendingAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from datetime import datetime

    from bot.recording.call import LiveCall, Participant
    from bot.recording.control.service import RecordingService
    from bot.recording.models import Conversation
    from bot.recording.policy import Rule
    from bot.recording.ports import Clock, ConversationDirectory, Transaction

log = structlog.get_logger(__name__)

READ_SECONDS = 20.0
LIST_EVERY_SECONDS = 60.0
"""Between two lists of the live calls, which find a call whose event was lost or is not permitted."""
AGAIN_SECONDS = 2.0
"""After a list that failed, or a request that could not be written."""
LATE_SECONDS = 10.0
"""After so long from the call's connection to the request, the request is told as late."""
REMEMBERED = 20_000
"""Calls about which a rule has nothing left to do; of one that is forgotten the database knows."""
AFTER_END = timedelta(seconds=AFTER_SECONDS[0])


@dataclass(slots=True)
class _Seen:
    """What is in memory: all of it can be read again."""

    settled: OrderedDict[tuple[str, ...], None] = field(default_factory=OrderedDict)
    """Rules and calls of which nothing is left to be done; with the agent, of whom that is so because of the time."""
    under_way: set[tuple[str, ...]] = field(default_factory=set)
    """Rules and calls whose recordings this process is starting: what Genesys tells of them meanwhile is no news."""
    list_at: float = 0.0
    """When to list the live calls; a reading of ``monotonic``."""
    since: dict[tuple[str, str], datetime] | None = None

    def has_nothing_due(self, label: str, conversation_id: str, user_id: str) -> bool:
        key = (label, conversation_id)
        return key in self.settled or key in self.under_way or (*key, user_id) in self.settled

    def settle(self, *key: str) -> None:
        self.settled[key] = None
        while len(self.settled) > REMEMBERED:
            self.settled.popitem(last=False)


@dataclass(frozen=True, slots=True)
class RuleMonitor:
    """Acts on the calls that connect. Only the leading process runs it; the database decides who acts on a call.

    ``known_since`` returns since when each rule has been there, by label and source: a call that connected before is
    left alone. ``start`` runs what goes on in the background.
    """

    rules: tuple[Rule, ...]
    service: RecordingService
    calls: ConversationDirectory
    known_since: Callable[[], Awaitable[Mapping[tuple[str, str], datetime]]]
    start: Callable[[Coroutine[object, object, object]], None]
    clock: Clock
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: _Seen = field(default_factory=_Seen)

    @property
    def sources(self) -> frozenset[str]:
        """Return the agents and queues whose events are wanted."""
        return frozenset[str]().union(*(rule.sources for rule in self.rules))

    def missed_news(self, sources: frozenset[str]) -> None:
        """Have the live calls listed soon: an event of an agent or a queue of a rule may have been missed."""
        if sources & self.sources:
            self._list_within(0.0)

    async def on_news(self, conversation_id: str, seen: Conversation | None) -> None:
        """Handle Genesys's notification about a call; None when everyone has left it."""
        if seen is None:
            await self._call_over(conversation_id)
            return
        await self._offer(conversation_id, seen)

    async def _offer(self, conversation_id: str, seen: Conversation) -> None:
        for agent in seen.agents:
            leg = seen.leg(agent.id)
            await self._connected(conversation_id, agent, None if leg is None else leg.connected_at)

    async def poll(self) -> float | None:
        """List the live calls if it is time, and act on those of which no event came; return when to do so again."""
        if not self.rules or not self.service.intake.shutdown_gate.open:
            return None
        if self.clock.monotonic() >= self._seen.list_at:
            self._seen.list_at = self.clock.monotonic() + LIST_EVERY_SECONDS
            await self._list()
        return max(0.0, self._seen.list_at - self.clock.monotonic())

    async def _list(self) -> None:
        deadline = self.clock.monotonic() + READ_SECONDS
        try:
            live = await self.calls.live_calls(deadline=deadline, priority=Priority.LOOP)
        except GenesysError as error:
            log.warning("rule_list_failed", error=error.kind)
            return
        if not live.complete:
            log.warning("rule_list_shortened", calls=len(live.calls))
        for call in live.calls:
            if await self._may_be_due(call) and not await self._read(call.conversation_id):
                return

    async def _may_be_due(self, call: LiveCall) -> bool:
        """Say whether a rule may have something to do about a listed call. A list can be old: a reading decides."""
        due = False
        for agent in call.agents:
            on_queue = replace(agent, queue_id=agent.queue_id or call.queue_id)
            due = await self._connected(call.conversation_id, on_queue, call.since, acts=False) or due
        return due

    async def _read(self, conversation_id: str) -> bool:
        """Read a call, and act on it; False if the next one can't be read either."""
        deadline = self.clock.monotonic() + READ_SECONDS
        try:
            seen = await self.service.control.read_call(
                Target(conversation_id), deadline=deadline, progress=tell_nobody, priority=Priority.LOOP
            )
        except (CallEnded, CallNotFound):
            return True
        except GenesysError as error:
            log.warning("rule_read_failed", conversation_id=conversation_id, error=error.kind)
            return not isinstance(error, (GenesysUnavailable, RateLimited))
        await self._offer(conversation_id, seen)
        return True

    async def _connected(
        self, conversation_id: str, agent: Participant, connected_at: datetime | None, *, acts: bool = True
    ) -> bool:
        """Act on a call of an agent by each rule that covers it; or, if nothing is to be done yet, say what is due."""
        due = False
        for rule in self.rules:
            sources = rule.covered_by(agent_user_id=agent.user_id, queue_id=agent.queue_id)
            key = (rule.label, conversation_id)
            if (
                not sources
                or self._seen.has_nothing_due(*key, agent.user_id)
                or not self.service.intake.shutdown_gate.open
            ):
                continue
            try:
                if await self._is_new(rule, sources, connected_at):
                    due = await self._act(rule, conversation_id, agent, connected_at, acts=acts) or due
                else:
                    self._seen.settle(*key, agent.user_id)
            except AuditUnavailable:
                log.warning("rule_write_failed", rule=rule.label, conversation_id=conversation_id)
                self._list_within(AGAIN_SECONDS)
            except RecordBotError as error:
                log.warning("rule_refused", rule=rule.label, conversation_id=conversation_id, error=error.kind)
        return due

    async def _is_new(self, rule: Rule, sources: frozenset[str], connected_at: datetime | None) -> bool:
        """Say whether the call connected since the rule has been there; without a time nothing says otherwise."""
        if self._seen.since is None:
            self._seen.since = dict(await self.known_since())
        # another process may have noted another file meanwhile: then a rule counts from now on
        since = [self._seen.since.setdefault((rule.label, one), self.clock.now()) for one in sources]
        return connected_at is None or min(since) <= connected_at

    async def _act(
        self, rule: Rule, conversation_id: str, agent: Participant, connected_at: datetime | None, *, acts: bool
    ) -> bool:
        """Submit the request; return whether one is due that was not to be made yet."""
        ago = 0.0 if connected_at is None else (self.clock.now() - connected_at).total_seconds()
        late = round(ago) if ago >= LATE_SECONDS else None
        command = ActByRule(rule, conversation_id, agent, connected_at, late, acts=acts)
        accepted = await self.service.intake.log.submit(by_rule(rule), command)
        if isinstance(accepted, Due):
            return True
        if isinstance(accepted, PendingAction):
            self._seen.under_way.add((rule.label, conversation_id))
            self.start(self._carry_out(rule, accepted))
        elif isinstance(accepted, Idle) and accepted.again is not None:
            self._list_within(accepted.again.total_seconds())
        else:
            self._seen.settle(rule.label, conversation_id)  # the worker that keeps does the rest
        return False

    async def _carry_out(self, rule: Rule, accepted: PendingAction) -> None:
        try:
            result = await self.service.carry_out(accepted)
        except AuditUnavailable:
            log.warning("rule_write_failed", rule=rule.label)  # the reconciler settles it
            return
        finally:
            self._seen.under_way.discard((rule.label, accepted.recording.conversation_id))
        if result.error is None:
            self._seen.settle(rule.label, result.recording.conversation_id)
        elif result.error.kind in PASSING:
            wait = result.error.retry_after if isinstance(result.error, RateLimited) else 0.0
            self._list_within(max(LATE_SECONDS, wait))

    async def _call_over(self, conversation_id: str) -> None:
        """Have the files of a call kept that a rule keeps: its end needs no reading."""
        rules = [rule for rule in self.rules if rule.action is RuleAction.KEEP]
        if not any(self._seen.settled.pop((rule.label, conversation_id), 0) is None for rule in rules):
            return
        now = self.clock.now()
        actors = {rule.actor for rule in rules}

        def work(transaction: Transaction) -> None:
            for keep in transaction.keeps.waiting(conversation_id):
                if keep.asked_by in actors and keep.ended_at is None and keep.owner is None:
                    transaction.keeps.save(replace(keep, ended_at=now, next_at=now + AFTER_END), was=keep)

        try:
            await self.service.store.write(work)
        except AuditUnavailable:
            log.warning("rule_write_failed", conversation_id=conversation_id)  # a reading finds the end later

    def _list_within(self, seconds: float) -> None:
        self._seen.list_at = min(self._seen.list_at, self.clock.monotonic() + seconds)
        self.changes.set()
