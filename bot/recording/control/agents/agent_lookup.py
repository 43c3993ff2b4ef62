"""Finds the agent whom a person names, and their calls: in the trail before Genesys is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AgentNotFound, AuditUnavailable, GenesysError, OutOfScope, ReasonRefused, RecordBotError
from bot.recording.agents.named_agent import AgentFound
from bot.recording.caller import Permission
from bot.recording.control.outcomes import facts
from bot.recording.control.reads import READ_ACTION
from bot.recording.control.request_log import AuditContext
from bot.recording.models import Verb
from bot.recording.permissions import require

if TYPE_CHECKING:
    from bot.audit.entry import Entry
    from bot.recording.agents.named_agent import NamedAgent
    from bot.recording.agents.people import PeopleFound, Person
    from bot.recording.call import LiveCall
    from bot.recording.caller import Scope
    from bot.recording.control.request_log import OpenRequest, RequestLog
    from bot.recording.ports import AgentCallDirectory, PeopleDirectory, Transaction
    from bot.recording.requests import Request

log = structlog.get_logger(__name__)

LOOKUP_SECONDS = 25.0
"""Time limit of a search, as of an action. A start that comes of a slow one is too old, and refused as such."""
LONGEST_REASON = 1800
"""Characters: the buttons of a choice carry the reason, and Slack takes 2,000."""
READS = {"read": "agent"}
"""What the entries of a look-up say was read."""
READ_VERB = "read"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A search that is in the trail and may now be made. ``action`` is what the person wants to do."""

    request: Request
    named: NamedAgent
    action: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class AgentsFound:
    """The people whom a text may mean, each with the calls that the caller may have recorded."""

    agents: tuple[AgentFound, ...]
    audit_seq: int
    complete: bool = True

    @property
    def calls(self) -> tuple[tuple[Person, LiveCall], ...]:
        return tuple((one.person, call) for one in self.agents for call in one.calls)


@dataclass(frozen=True, slots=True)
class LookUpAgent:
    """Ask whom a text means. The person needs the right to control recordings, and a reason where one is required.

    ``action`` is what they want to do: a refusal's entry names it.
    """

    named: NamedAgent
    action: str

    def context(self) -> AuditContext:
        return AuditContext(self.action, READ_VERB, typed=self.named.typed or None)

    def __call__(self, opened: OpenRequest) -> Lookup:
        require(opened.request.caller, Permission.CONTROL)
        reason = self.named.reason
        opened.rules.reasons.read(reason)
        if reason is not None and len(reason) > LONGEST_REASON:
            raise ReasonRefused("The reason is too long.", length=len(reason), limit=LONGEST_REASON)
        looking = replace(opened, context=AuditContext(READ_ACTION, READ_VERB))
        looking.close()
        entry = looking.append(Phase.REQUESTED, outcome=dict(READS), text=self.named.typed)
        return Lookup(opened.request, self.named, self.action, entry)


@dataclass(frozen=True, slots=True)
class AgentSearch:
    """Searches Genesys's users, and the calls that they are on. A limited person finds only what they may control."""

    log: RequestLog
    people: PeopleDirectory
    calls: AgentCallDirectory

    async def look_up(self, request: Request, named: NamedAgent, action: str) -> Lookup:
        """Put the search into the trail. Raise what refuses it."""
        # a start may follow, and the key of the request itself is for that one
        origin = replace(request.origin, source=f"{request.origin.source}_search")
        lookup = await self.log.submit(replace(request, origin=origin), LookUpAgent(named, action))
        return replace(lookup, request=request)

    async def refuse(self, lookup: Lookup, error: RecordBotError) -> int:
        """Write down why there was nothing to search for, and return the entry's number."""
        return await self._write(lookup, Phase.FAILED, {"error": error.kind})

    async def find(self, lookup: Lookup, text: str) -> AgentsFound:
        """Search for a name or an address, and write down how that ended.

        Raise AgentNotFound, OutOfScope, or the GenesysError branch, with the number of the entry.
        """
        try:
            found, agents = await self._search(lookup, text)
        except RecordBotError as error:
            error.audit_seq = await self._failed(lookup, error)
            raise
        seen = {"people": len(agents), "calls": sum(len(one.calls) for one in agents)}
        seq = await self._write(lookup, Phase.SUCCEEDED, seen)
        return AgentsFound(agents, seq, found.complete)

    async def _search(self, lookup: Lookup, text: str) -> tuple[PeopleFound, tuple[AgentFound, ...]]:
        caller, deadline = lookup.request.caller, self.log.clock.monotonic() + LOOKUP_SECONDS
        found = await self.people.find(text, deadline=deadline)
        if not found.people:
            raise AgentNotFound
        agents = await self._with_calls(found.people, deadline)
        if lookup.action != Verb.START.action:  # whose call the next one is, shows when it connects
            agents = [replace(one, calls=()) for one in agents]
        inside = tuple(filter(None, (within(caller.scope, one) for one in agents)))
        if not inside:
            raise OutOfScope(grants=caller.grants)
        return found, inside

    async def _with_calls(self, people: tuple[Person, ...], deadline: float) -> list[AgentFound]:
        """Ask for the calls of a single person; of several, look into the list of all calls."""
        if len(people) == 1:
            live = await self.calls.live_calls_of(people[0].user_id, deadline=deadline)
            return [AgentFound(people[0], live.calls)]
        live = await self.calls.live_calls(deadline=deadline)
        return [AgentFound(one, tuple(call for call in live.calls if on_call(call, one.user_id))) for one in people]

    async def _failed(self, lookup: Lookup, error: RecordBotError) -> int:
        if isinstance(error, OutOfScope):  # the search was made; what the person wanted with it is denied
            await self._write(lookup, Phase.SUCCEEDED, {})
            return await self._write(
                lookup, Phase.DENIED, {"error": error.kind, "cause": error.cause}, action=lookup.action
            )
        evidence = facts(error.evidence) if isinstance(error, GenesysError) else {}
        return await self._write(lookup, Phase.FAILED, {"error": error.kind, **evidence})

    async def _write(self, lookup: Lookup, phase: Phase, outcome: dict[str, Any], *, action: str = READ_ACTION) -> int:
        entry = lookup.entry
        told = {**READS, **outcome} if action == READ_ACTION else outcome

        def work(transaction: Transaction) -> int:
            draft = Draft(
                id=uuid7(),
                attempt_id=entry.attempt_id,
                occurred_at=self.log.clock.now(),
                phase=phase,
                action=action,
                actor=entry.actor,
                outcome=told,
            )
            return transaction.append(draft).seq

        try:
            return await self.log.store.write(work)
        except AuditUnavailable:
            log.warning("agent_lookup_write_failed", attempt_id=str(entry.attempt_id))
            raise


def on_call(call: LiveCall, user_id: str) -> bool:
    """Return whether an agent is on the call."""
    return any(agent.user_id.casefold() == user_id.casefold() for agent in call.agents)


def within(scope: Scope, found: AgentFound) -> AgentFound | None:
    """Return the agent with the calls in the scope; None if the scope has none of this agent's calls.

    Whose next call comes by one of the scope's queues, nobody can tell: such an agent is left without calls.
    """
    user_id = found.person.user_id
    if scope.everything or user_id in scope.agents:
        return found
    calls = tuple(call for call in found.calls if _covers(scope, call, user_id))
    if calls or (scope.queues and not found.calls):
        return replace(found, calls=calls)
    return None


def _covers(scope: Scope, call: LiveCall, user_id: str) -> bool:
    queues = {agent.queue_id or call.queue_id for agent in call.agents if agent.user_id == user_id} or {call.queue_id}
    return any(scope.covers(agent_user_id=user_id, queue_id=queue) for queue in queues)
