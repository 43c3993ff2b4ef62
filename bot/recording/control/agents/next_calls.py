"""Waiting for an agent's next call: asked for, canceled, and carried out when the call connects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import (
    AlreadyRecording,
    AlreadyWaitingForCall,
    NoCallEvents,
    NotPermitted,
    NotWaiting,
    OutOfScope,
    RecordBotError,
)
from bot.recording.agents.next_call import (
    ARMED,
    CANCELLED,
    NEXT_VERB,
    STARTED,
    NextCall,
    NextCallNotice,
    NextCallOutcome,
)
from bot.recording.caller import BOT, Permission
from bot.recording.control.agents.agent_lookup import LOOKUP_SECONDS
from bot.recording.control.commands import StartRecording
from bot.recording.control.request_log import AuditContext
from bot.recording.permissions import require, require_agent
from bot.recording.requests import PendingAction, Request, RequestSource, is_person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.recording.agents.next_call import CallEventSource
    from bot.recording.call import Participant
    from bot.recording.caller import Principal
    from bot.recording.control.request_log import OpenRequest, RequestLog
    from bot.recording.ports import AgentCallDirectory, Transaction

SOURCE = "next"
"""The origin of a start that somebody asked for before the call."""


@dataclass(frozen=True, slots=True)
class AwaitNextCall:
    """Ask for an agent's next call to be recorded. ``before`` names the calls that the agent is on now.

    A person who is limited to queues may wait for any agent: whose call it is shows when it connects, and decides.
    ``denied`` is why Genesys doesn't tell of the agent's calls, if that is known.
    """

    agent_user_id: str
    within: timedelta
    before: frozenset[str] = frozenset()
    typed_reason: str | None = None
    reason_code: str | None = None
    agent_name: str | None = None
    denied: str | None = None

    def context(self) -> AuditContext:
        return AuditContext(ARMED, NEXT_VERB)

    def __call__(self, opened: OpenRequest) -> NextCall:
        transaction, request = opened.transaction, opened.request
        require(request.caller, Permission.CONTROL)
        scope = request.caller.scope
        if not (scope.everything or scope.queues or self.agent_user_id in scope.agents):
            raise OutOfScope(grants=request.caller.grants)
        reason = opened.rules.reasons.read(self.typed_reason, chosen=self.reason_code)
        if self.denied is not None:
            raise NoCallEvents(cause=self.denied)
        for one in transaction.open_next_calls(self.agent_user_id):
            if one.asked_by == request.caller.actor:
                raise AlreadyWaitingForCall(until=one.expires_at)
        until = opened.now + self.within
        outcome = {"agent": self.agent_user_id, "until": until.astimezone(UTC).isoformat()}
        entry = opened.append(Phase.SUCCEEDED, outcome=outcome, text=reason.text, reason_code=reason.code)
        waiting = NextCall(
            id=opened.attempt_id,
            agent_user_id=self.agent_user_id,
            asked_by=request.caller.actor,
            armed_at=opened.now,
            expires_at=until,
            audit_seq=entry.seq,
            before=self.before,
            channel=request.origin.channel,
            language=request.origin.language,
            reason_code=reason.code,
        )
        transaction.add_next_call(waiting)
        if self.agent_name:
            transaction.remember_name("user", self.agent_user_id, self.agent_name, opened.now)
        opened.close()
        return waiting


@dataclass(frozen=True, slots=True)
class CancelNextCall:
    """End one's own wait, named by its id or by the agent. Raises NotWaiting if it is over."""

    next_call_id: UUID | None = None
    agent_user_id: str | None = None

    def context(self) -> AuditContext:
        return AuditContext(CANCELLED, NEXT_VERB)

    def __call__(self, opened: OpenRequest) -> NextCall:
        actor = opened.request.caller.actor
        require(opened.request.caller, Permission.CONTROL)
        waiting = self._find(opened.transaction, actor)
        if waiting is None or waiting.outcome is not None:
            raise NotWaiting
        if waiting.asked_by != actor:
            raise NotPermitted(cause="not_own_next")
        entry = opened.append(Phase.SUCCEEDED, outcome={"agent": waiting.agent_user_id})
        over = ended(waiting, NextCallOutcome.CANCELLED, entry.seq, opened.now, by=actor)
        opened.transaction.close_next_call(over)
        opened.close()
        return over

    def _find(self, transaction: Transaction, actor: str) -> NextCall | None:
        if self.next_call_id is not None:
            return transaction.next_call(self.next_call_id)
        waiting = transaction.open_next_calls(self.agent_user_id or "")
        return next((one for one in waiting if one.asked_by == actor), None)


@dataclass(frozen=True, slots=True)
class RecordNextCall:
    """Record a call that people waited for: on behalf of the first of them who may record it now.

    ``callers`` are the people as they are at this moment, by actor. All waits for the agent's call are over with it,
    except those of people who are not among the callers. Returns None if nothing is to be sent to Genesys.
    """

    conversation_id: str
    agent: Participant
    callers: Mapping[str, Principal]

    def context(self) -> AuditContext:
        return AuditContext(STARTED, NEXT_VERB, self.conversation_id)

    def __call__(self, opened: OpenRequest) -> PendingAction | None:
        waiting = [
            one
            for one in opened.transaction.open_next_calls(self.agent.user_id)
            if one.asked_by in self.callers and self.conversation_id not in one.before
        ]
        allowed = [one for one in waiting if self._allowed(opened, one)]
        if not allowed:
            return None
        try:
            accepted, recording_id = self._started(opened, allowed[0])
        except RecordBotError as refusal:
            for one in allowed:
                self._over(opened, one, NextCallOutcome.REFUSED, Phase.FAILED, {"error": refusal.kind})
            return None
        for one in allowed:
            facts = {} if accepted is not None and one is allowed[0] else {"created": False}
            self._over(opened, one, NextCallOutcome.STARTED, Phase.SUCCEEDED, facts, recording_id=recording_id)
        return accepted

    def _allowed(self, opened: OpenRequest, waiting: NextCall) -> bool:
        caller = self.callers[waiting.asked_by]
        try:
            require(caller, Permission.CONTROL)
            require_agent(caller, self.agent)
        except NotPermitted as refusal:
            facts = {"error": refusal.kind, "cause": refusal.cause}
            self._over(opened, waiting, NextCallOutcome.DENIED, Phase.DENIED, facts)
            return False
        return True

    def _started(self, opened: OpenRequest, waiting: NextCall) -> tuple[PendingAction | None, UUID]:
        """Ask for the recording; one that runs already is as good."""
        caller = self.callers[waiting.asked_by]
        origin = RequestSource(SOURCE, channel=waiting.channel, trigger=str(waiting.id), language=waiting.language)
        command = StartRecording(
            self.conversation_id,
            opened.transaction.typed_text(waiting.id),
            waiting.reason_code,
            agent_user_id=self.agent.user_id,
        )
        asking = replace(opened, request=Request(caller, origin), context=command.context())
        try:
            accepted = command(asking)
        except AlreadyRecording as running:
            return None, running.recording_id
        return accepted, accepted.recording.id

    def _over(
        self,
        opened: OpenRequest,
        waiting: NextCall,
        outcome: NextCallOutcome,
        phase: Phase,
        facts: dict[str, Any],
        *,
        recording_id: UUID | None = None,
    ) -> None:
        entry = opened.transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=waiting.id,
                occurred_at=opened.now,
                phase=phase,
                action=STARTED,
                actor=waiting.asked_by,
                conversation_id=self.conversation_id,
                recording_id=recording_id,
                outcome={"agent": waiting.agent_user_id, **facts},
            )
        )
        over = ended(waiting, outcome, entry.seq, opened.now, by=BOT)
        error = facts.get("cause") or facts.get("error")
        over = replace(over, error=error, recording_id=recording_id, conversation_id=self.conversation_id)
        opened.transaction.close_next_call(over)
        tell(opened.transaction, over, NextCallNotice.OVER, opened.now)


def ended(waiting: NextCall, outcome: NextCallOutcome, seq: int, at: datetime, *, by: str) -> NextCall:
    return replace(waiting, outcome=outcome, audit_seq=seq, closed_at=at, closed_by=by)


def tell(transaction: Transaction, waiting: NextCall, kind: NextCallNotice, at: datetime) -> None:
    """Have the person who waits told, if a message can reach them."""
    if is_person(waiting.asked_by):
        transaction.note_next_call(waiting.id, kind, at)


def close(
    transaction: Transaction,
    waiting: NextCall,
    outcome: NextCallOutcome,
    at: datetime,
    *,
    action: str,
    facts: Mapping[str, Any],
) -> None:
    """End a wait on the bot's own account, and have the person told; nothing if it is over."""
    current = transaction.next_call(waiting.id)
    if current is None or current.outcome is not None:
        return
    entry = transaction.append(
        Draft(
            id=uuid7(),
            attempt_id=waiting.id,
            occurred_at=at,
            phase=Phase.OBSERVED,
            action=action,
            actor=BOT,
            outcome={"agent": waiting.agent_user_id, "person": waiting.asked_by, **facts},
        )
    )
    over = replace(ended(current, outcome, entry.seq, at, by=BOT), error=facts.get("error"))
    transaction.close_next_call(over)
    tell(transaction, over, NextCallNotice.OVER, at)


@dataclass(frozen=True, slots=True)
class NextCalls:
    """What people may ask for about next calls, the same for every surface."""

    log: RequestLog
    calls: AgentCallDirectory
    events: CallEventSource
    within: timedelta

    async def wait_for(
        self,
        request: Request,
        agent_user_id: str,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        agent_name: str | None = None,
    ) -> NextCall:
        """Begin to wait for an agent's next call. Raise what refuses it, or the GenesysError branch.

        A call that the agent is on already is not the next one, so Genesys is asked for those first.
        """
        denied = self.events.denies(agent_user_id)
        before = frozenset[str]()
        if denied is None and request.caller.may(Permission.CONTROL):
            deadline = self.log.clock.monotonic() + LOOKUP_SECONDS
            live = await self.calls.live_calls_of(agent_user_id, deadline=deadline)
            before = frozenset(call.conversation_id for call in live.calls)
        command = AwaitNextCall(agent_user_id, self.within, before, reason, reason_code, agent_name, denied)
        return await self.log.submit(request, command)

    async def cancel(
        self, request: Request, *, next_call_id: UUID | None = None, agent_user_id: str | None = None
    ) -> NextCall:
        return await self.log.submit(request, CancelNextCall(next_call_id, agent_user_id))

    async def record(
        self, conversation_id: str, agent: Participant, callers: Mapping[str, Principal], request: Request
    ) -> PendingAction | None:
        """Record a call that people waited for; None if there is nothing to send to Genesys."""
        return await self.log.submit(request, RecordNextCall(conversation_id, agent, callers))
