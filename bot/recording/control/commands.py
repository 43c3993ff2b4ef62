"""The first of an action's two transactions: authorize, de-duplicate, and put the request into the trail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AlreadyRecording, ApprovalClosed, MalformedId, NothingToStop, SeveralRecordings, WrongState
from bot.recording.caller import Permission, Principal
from bot.recording.control.dual_control import (
    APPROVAL_ACTION,
    APPROVAL_VERB,
    both,
    confirm_approval,
    lapse,
    lapsed,
    open_approval,
    require_open,
    require_second,
    withdraw_approval,
)
from bot.recording.control.reads import Reads
from bot.recording.control.request_log import AuditContext, ShutdownGate
from bot.recording.control.still_needed import Snoozed, open_reminder, snooze_from
from bot.recording.models import Approval, Attempt, Reason, Recording, RecordingState, Verb
from bot.recording.permissions import current_state, require, require_control, require_state
from bot.recording.policy import DualControl
from bot.recording.requests import AwaitsConfirmation, PendingAction, ReasonRules, Request, Withdrawn, conversation_id
from bot.recording.snooze import STILL_NEEDED_ACTION, STILL_NEEDED_VERB

if TYPE_CHECKING:
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.ports import Transaction

__all__ = ["ACTION_LIMIT", "Intake", "ShutdownGate"]

ACTION_LIMIT = timedelta(seconds=25)
"""After this an action is unknown, never failed."""
NO_REASON = Reason()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake(Reads):
    """Takes requests to change a recording. Whether a call is in the caller's scope is decided inside the transaction.

    For a start whose call has not been read yet: the code that carries it out checks the scope again.
    """

    reasons: ReasonRules = field(default_factory=ReasonRules)
    dual_control: DualControl = field(default_factory=DualControl)

    async def start(
        self,
        asked: Request,
        typed_id: str | None,
        typed_reason: str | None,
        *,
        reason_code: str | None = None,
        agent_user_id: str | None = None,
        participant_id: str | None = None,
        again: UUID | None = None,
        verb: Verb = Verb.START,
        started_by: str | None = None,
    ) -> PendingAction:
        """Ask for the call's recording to start. ``typed_id`` is an id or an interaction link.

        ``reason_code`` is one that was chosen from the list; else the typed reason may begin with one. With several
        agents on the call, the chosen one is named by participant or by user. ``again`` is an earlier recording of the
        call: WrongState is raised where it is not the newest one, or ended with its call. ``verb`` is FOLLOW where the
        agent of that one has left. ``started_by`` is whose recording it is, where the bot asks on their behalf.
        """
        call, problem = _read_id(typed_id)
        typed = typed_reason if problem is None else " ".join(filter(None, (typed_id, typed_reason)))
        if again is not None:
            typed = None  # perhaps another person's text, which a refusal doesn't need to store
        facts = AuditContext(verb.action, verb.value, conversation_id=call, typed=typed or None)

        def work(transaction: Transaction, attempt_id: UUID) -> PendingAction:
            require(asked.caller, Permission.CONTROL)
            if call is None:
                raise problem or MalformedId
            reason = self.reasons.read(typed_reason, chosen=reason_code)
            if live := transaction.live_recording(call):
                require_control(asked.caller, live)
                raise AlreadyRecording(**current_state(live))
            if again is not None:
                _require_newest(transaction, asked.caller, call, again, that_began=verb is Verb.FOLLOW)
            attempt = self._attempt(attempt_id, verb, asked, uuid7(), None)
            scope = asked.caller.scope
            attempt = replace(attempt, scope=None if scope.everything else scope)
            place = transaction.card_place(again) if again is not None and verb is Verb.FOLLOW else None
            entry = self._append_request(
                transaction, asked, attempt, call, participant_id=participant_id, reason=reason
            )
            recording = Recording(
                id=attempt.recording_id,
                conversation_id=call,
                state=RecordingState.STARTING,
                version=1,
                started_by=started_by or asked.caller.actor,
                requested_at=attempt.requested_at,
                participant_id=participant_id,
                reason_code=reason.code,
                reason=reason.text,
                audit_seq=entry.seq,
                requested_seq=entry.seq,
            )
            transaction.add_recording(
                recording,
                channel=place.channel if place else asked.origin.channel,
                asked_by=recording.started_by,
                language=asked.origin.language or (place.language if place else None),
            )
            transaction.add_attempt(attempt, dedupe_key=asked.origin.dedupe_key)
            return PendingAction(asked, attempt, recording, reason, entry.seq, agent_user_id=agent_user_id)

        return await self._take(asked, facts, work)

    async def change(
        self, verb: Verb, asked: Request, *, recording_id: UUID | None = None, typed_id: str | None = None
    ) -> PendingAction | AwaitsConfirmation:
        """Ask for a live recording to be changed: the one with the id, the call's, or the caller's only one.

        A stop under dual control waits for a second supervisor; where one waits already, another person's stop is the
        confirmation.
        """
        call, problem = (None, None) if typed_id is None else _read_id(typed_id)
        facts = AuditContext(verb.action, verb.value, call, recording_id, typed_id if problem else None)

        def work(transaction: Transaction, attempt_id: UUID) -> PendingAction | AwaitsConfirmation:
            require(asked.caller, Permission.CONTROL)
            if problem is not None:
                raise problem
            found = _find(transaction, asked.caller, recording_id, call)
            facts.about(found)
            require_control(asked.caller, found)
            require_state(found, verb)
            if verb is Verb.STOP:
                return self._stop(transaction, asked, found, attempt_id)
            return self._change(transaction, asked, verb, found, attempt_id)

        return await self._take(asked, facts, work)

    async def confirm(self, asked: Request, approval_id: UUID) -> PendingAction:
        """Confirm, as the second supervisor, a waiting stop. Raise ApprovalClosed if it no longer waits."""
        facts = AuditContext(APPROVAL_ACTION, APPROVAL_VERB)

        def work(transaction: Transaction, attempt_id: UUID) -> PendingAction:
            approval, recording = _permitted_approval(transaction, asked.caller, approval_id, facts)
            require_control(asked.caller, recording)
            return self._confirmed(transaction, asked, approval, recording, attempt_id)

        return await self._take(asked, facts, work)

    async def withdraw(self, asked: Request, approval_id: UUID) -> Withdrawn:
        """Withdraw one's own waiting stop. Raise ApprovalClosed if it no longer waits."""
        facts = AuditContext(APPROVAL_ACTION, APPROVAL_VERB)

        def work(transaction: Transaction, attempt_id: UUID) -> Withdrawn:
            approval, recording = _permitted_approval(transaction, asked.caller, approval_id, facts)
            changed, seq = withdraw_approval(transaction, asked, approval, recording, self.clock.now())
            self._count_once(transaction, asked, facts, attempt_id)
            return Withdrawn(changed, seq)

        return await self._take(asked, facts, work)

    async def still_needed(self, asked: Request, recording_id: UUID, *, remind_after: timedelta | None) -> Snoozed:
        """Answer a reminder: the recording is still needed, and the next reminder comes after ``remind_after``.

        Raise WrongState if the recording doesn't run now, and AlreadySnoozed if the reminder was answered before.
        """
        facts = AuditContext(STILL_NEEDED_ACTION, STILL_NEEDED_VERB)

        def work(transaction: Transaction, attempt_id: UUID) -> Snoozed:
            recording, reminder = open_reminder(transaction, asked, recording_id, facts)
            snooze = snooze_from(self.clock.now(), remind_after, asked.caller.actor)
            until = {} if snooze.until is None else {"until": snooze.until.astimezone(UTC).isoformat()}
            entry = transaction.append(self._draft(asked, facts, attempt_id, Phase.SUCCEEDED, outcome=until))
            transaction.snooze(reminder, snooze, entry.seq)
            self._count_once(transaction, asked, facts, attempt_id)
            return Snoozed(recording, snooze, entry.seq, shown=reminder.shown)

        return await self._take(asked, facts, work)

    def _stop(
        self, transaction: Transaction, asked: Request, found: Recording, attempt_id: UUID
    ) -> PendingAction | AwaitsConfirmation:
        now = self.clock.now()
        waiting = transaction.open_approval(found.id)
        if waiting is not None and (outcome := lapsed(waiting, found, now)) is not None:
            found, waiting = lapse(transaction, waiting, found, outcome, now), None
        if waiting is not None and waiting.asked_by != asked.caller.actor:
            return self._confirmed(transaction, asked, waiting, found, attempt_id)
        facts = AuditContext(APPROVAL_ACTION, APPROVAL_VERB, found.conversation_id, found.id)
        if waiting is not None:
            self._count_once(transaction, asked, facts, attempt_id)
            outcome_facts = {"error": "already_waiting", "approval_id": str(waiting.id)}
            draft = self._draft(asked, facts, attempt_id, Phase.FAILED, outcome=outcome_facts)
            entry = transaction.append(draft)
            return AwaitsConfirmation(asked, waiting, found, entry.seq, again=True)
        if self.dual_control.guards(found):
            self._count_once(transaction, asked, facts, attempt_id)
            approval, changed, seq = open_approval(
                transaction, asked, found, rule=self.dual_control, approval_id=attempt_id, now=now
            )
            return AwaitsConfirmation(asked, approval, changed, seq)
        return self._change(transaction, asked, Verb.STOP, found, attempt_id)

    def _confirmed(
        self, transaction: Transaction, asked: Request, approval: Approval, recording: Recording, attempt_id: UUID
    ) -> PendingAction:
        now = self.clock.now()
        require_second(asked.caller, approval)
        require_open(transaction, approval, recording, now)
        require_state(recording, approval.verb)
        confirm_approval(transaction, asked, approval, recording, now)
        people = both(approval, asked.caller.actor)
        accepted = self._change(transaction, asked, approval.verb, recording, attempt_id, people=people)
        return replace(accepted, confirmed=approval)

    def _change(
        self,
        transaction: Transaction,
        asked: Request,
        verb: Verb,
        before: Recording,
        attempt_id: UUID,
        *,
        people: dict[str, Any] | None = None,
    ) -> PendingAction:
        require_state(before, verb)
        attempt = self._attempt(attempt_id, verb, asked, before.id, before.state)
        entry = self._append_request(
            transaction, asked, attempt, before.conversation_id, participant_id=before.participant_id, people=people
        )
        recording = transaction.save(before.requested(verb, entry.seq), was=before)
        transaction.add_attempt(attempt, dedupe_key=asked.origin.dedupe_key)
        return PendingAction(asked, attempt, recording, NO_REASON, entry.seq)

    def _attempt(
        self, attempt_id: UUID, verb: Verb, asked: Request, recording_id: UUID, before: RecordingState | None
    ) -> Attempt:
        now = self.clock.now()
        return Attempt(
            attempt_id, verb, asked.caller.actor, recording_id, now, now + ACTION_LIMIT, before, owner=self.owner
        )

    @staticmethod
    def _append_request(
        transaction: Transaction,
        asked: Request,
        attempt: Attempt,
        call: str,
        *,
        participant_id: str | None,
        reason: Reason = NO_REASON,
        people: dict[str, Any] | None = None,
    ) -> Entry:
        """Append the request first: the recording is then written once, with the entry's number."""
        digest = transaction.keep_text(attempt.id, reason.text, attempt.requested_at) if reason.text else None
        return transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=attempt.id,
                occurred_at=attempt.requested_at,
                phase=Phase.REQUESTED,
                action=attempt.verb.action,
                actor=asked.caller.actor,
                conversation_id=call,
                participant_id=participant_id,
                recording_id=attempt.recording_id,
                reason_code=reason.code,
                reason_digest=digest,
                origin=asked.origin.facts() | (people or {}),
            )
        )


def _read_id(typed: str | None) -> tuple[str | None, MalformedId | None]:
    try:
        return conversation_id(typed or ""), None
    except MalformedId as problem:
        return None, problem


def _find(transaction: Transaction, caller: Principal, recording_id: UUID | None, call: str | None) -> Recording:
    if recording_id is not None:
        found = transaction.recording(recording_id)
    elif call is not None:
        found = transaction.live_recording(call)
    else:
        own = transaction.live_recordings_of(caller.actor)
        if len(own) > 1:
            raise SeveralRecordings(recording_ids=tuple(one.id for one in own))
        found = next(iter(own), None)
    if found is None:
        raise NothingToStop
    return found


def _require_newest(
    transaction: Transaction, caller: Principal, call: str, recording_id: UUID, *, that_began: bool
) -> None:
    """Raise WrongState unless the recording is the call's newest one, and its call may go on.

    ``that_began``: starts that failed since then don't count.
    """
    newest = transaction.newest_recording(call, that_began=that_began)
    if newest is None:
        raise NothingToStop
    if newest.id == recording_id and newest.state is RecordingState.FAILED:
        return  # the call's agent may be unknown; the code that carries this one out checks the scope
    require_control(caller, newest)
    if newest.id != recording_id or newest.state is RecordingState.ENDED:
        raise WrongState(**current_state(newest))


def _permitted_approval(
    transaction: Transaction, caller: Principal, approval_id: UUID, facts: AuditContext
) -> tuple[Approval, Recording]:
    """Return the subject of a click; the trail has it even if the caller may do nothing."""
    approval = transaction.approval(approval_id)
    recording = None if approval is None else transaction.recording(approval.recording_id)
    if recording is not None:
        facts.about(recording)
    require(caller, Permission.CONTROL)
    if approval is None or recording is None:
        raise ApprovalClosed
    return approval, recording
