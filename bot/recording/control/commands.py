"""The commands that change recordings: each is a value, and runs in the first of an action's two transactions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AlreadyRecording, ApprovalClosed, MalformedId, NothingToStop, WrongState
from bot.recording.caller import Permission
from bot.recording.control.dual_control import (
    APPROVAL_ACTIONS,
    APPROVAL_VERBS,
    PAUSED,
    both,
    confirm_approval,
    lapse,
    lapsed,
    open_approval,
    require_open,
    require_second,
    supersede,
    withdraw_approval,
)
from bot.recording.control.named_recording import find, read_id, read_optional_id
from bot.recording.control.request_log import AuditContext
from bot.recording.models import Approval, Attempt, Reason, Recording, RecordingState, Verb
from bot.recording.permissions import current_state, require, require_control, require_state
from bot.recording.requests import AwaitsConfirmation, Extended, PendingAction, Withdrawn
from bot.recording.time_limits.limits import Limit, left_for_one, length_of, used_before

if TYPE_CHECKING:
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.caller import Principal
    from bot.recording.control.request_log import OpenRequest
    from bot.recording.ports import Transaction

ACTION_LIMIT = timedelta(seconds=25)
"""After this an action is unknown, never failed."""
NO_REASON = Reason()


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Ask for a call's recording to start. ``typed_id`` is an id or an interaction link.

    ``reason_code`` is one that was chosen from the list; else the typed reason may begin with one. With several agents
    on the call, the chosen one is named by participant or by user. ``again`` is an earlier recording of the call:
    WrongState is raised where it is not the newest one, or ended with its call. ``verb`` is FOLLOW where the agent of
    that one has left. ``started_by`` is whose recording it is, where the bot asks on their behalf.

    Whether the call is in the caller's scope is decided inside the transaction; for a call that has not been read yet,
    the code that carries the start out checks it again.
    """

    typed_id: str | None
    typed_reason: str | None = None
    reason_code: str | None = None
    agent_user_id: str | None = None
    participant_id: str | None = None
    again: UUID | None = None
    verb: Verb = Verb.START
    started_by: str | None = None

    def context(self) -> AuditContext:
        call, problem = read_id(self.typed_id, Verb.START)
        typed = self.typed_reason if problem is None else " ".join(filter(None, (self.typed_id, self.typed_reason)))
        if self.again is not None:
            typed = None  # perhaps another person's text, which a refusal doesn't need to store
        return AuditContext(self.verb.action, self.verb.value, conversation_id=call, typed=typed or None)

    def __call__(self, opened: OpenRequest) -> PendingAction:
        transaction, request = opened.transaction, opened.request
        call, problem = read_id(self.typed_id, Verb.START)
        require(request.caller, Permission.CONTROL)
        if call is None:
            raise problem or MalformedId
        reason = opened.rules.reasons.read(self.typed_reason, chosen=self.reason_code)
        known = transaction.live_or_newest_recording(call)
        if known is not None and not known.state.final:
            require_control(request.caller, known)
            raise AlreadyRecording(**current_state(known))
        follows = self.verb is Verb.FOLLOW
        if self.again is not None:
            _require_newest(transaction, request.caller, call, self.again, that_began=follows)
        scope = request.caller.scope
        attempt = replace(_attempt(opened, self.verb, uuid7(), None), scope=None if scope.everything else scope)
        place = transaction.card_place(self.again) if self.again is not None and follows else None
        entry = _append_request(opened, attempt, call, participant_id=self.participant_id, reason=reason)
        recording = Recording(
            id=attempt.recording_id,
            conversation_id=call,
            state=RecordingState.STARTING,
            version=1,
            started_by=self.started_by or request.caller.actor,
            requested_at=attempt.requested_at,
            participant_id=self.participant_id,
            reason_code=reason.code,
            reason=reason.text,
            audit_seq=entry.seq,
            requested_seq=entry.seq,
        )
        transaction.add_recording(
            recording,
            channel=place.channel if place else request.origin.channel,
            asked_by=recording.started_by,
            language=request.origin.language or (place.language if place else None),
            first=known is None,
        )
        transaction.add_attempt(attempt, dedupe_key=request.origin.dedupe_key)
        return PendingAction(request, attempt, recording, reason, entry.seq, agent_user_id=self.agent_user_id)


@dataclass(frozen=True, slots=True)
class ChangeRecording:
    """Ask for a live recording to be stopped, paused or resumed: the one with the id, the call's, or the only own one.

    A stop under dual control waits for a second supervisor; where one waits already, another person's stop is the
    confirmation. ``typed_length`` is how long a pause is to last, as it was typed; the settings may allow less.
    """

    verb: Verb
    recording_id: UUID | None = None
    typed_id: str | None = None
    typed_length: str | None = None

    def context(self) -> AuditContext:
        call, problem = read_optional_id(self.typed_id, self.verb)
        typed = " ".join(filter(None, (self.typed_id if problem else None, self.typed_length))) or None
        return AuditContext(self.verb.action, self.verb.value, call, self.recording_id, typed)

    def __call__(self, opened: OpenRequest) -> PendingAction | AwaitsConfirmation | Extended:
        call, problem = read_optional_id(self.typed_id, self.verb)
        require(opened.request.caller, Permission.CONTROL)
        if problem is not None:
            raise problem
        length = None if self.typed_length is None else length_of(self.typed_length)
        found = find(opened.transaction, opened.request.caller, self.recording_id, call)
        opened.context.about(found)
        require_control(opened.request.caller, found)
        match self.verb:
            case Verb.STOP:
                return stop(opened, found)
            case Verb.PAUSE:
                return pause(opened, found, length)
            case _:
                return change(opened, self.verb, found)


@dataclass(frozen=True, slots=True)
class ConfirmApproval:
    """Confirm, as the second supervisor, a stop or longer pause. Raises ApprovalClosed if it waits no longer."""

    approval_id: UUID

    def context(self) -> AuditContext:
        return AuditContext(APPROVAL_ACTIONS[Verb.STOP], APPROVAL_VERBS[Verb.STOP])

    def __call__(self, opened: OpenRequest) -> PendingAction | Extended:
        approval, recording = _permitted_approval(opened, self.approval_id)
        require_control(opened.request.caller, recording)
        return confirm(opened, approval, recording)


@dataclass(frozen=True, slots=True)
class WithdrawApproval:
    """Withdraw one's own waiting stop or longer pause. Raises ApprovalClosed if it waits no longer."""

    approval_id: UUID

    def context(self) -> AuditContext:
        return AuditContext(APPROVAL_ACTIONS[Verb.STOP], APPROVAL_VERBS[Verb.STOP])

    def __call__(self, opened: OpenRequest) -> Withdrawn:
        approval, recording = _permitted_approval(opened, self.approval_id)
        changed, seq = withdraw_approval(opened.transaction, opened.request, approval, recording, opened.now)
        opened.close()
        return Withdrawn(changed, seq, approval.verb)


def stop(opened: OpenRequest, found: Recording) -> PendingAction | AwaitsConfirmation | Extended:
    """Stop a recording; under dual control, wait for a second supervisor, or be the second one."""
    require_state(found, Verb.STOP)
    transaction, request, now, rule = opened.transaction, opened.request, opened.now, opened.rules.dual_control
    found, waiting = waiting_for_second(opened, found)
    if waiting is not None and waiting.verb is Verb.PAUSE:
        found, waiting = supersede(transaction, request, waiting, found, now), None
    if waiting is not None:
        return join(opened, waiting, found)
    if not rule.guards(found):
        return change(opened, Verb.STOP, found)
    replace(opened, context=_about(Verb.STOP, found)).close()
    approval, changed, seq = open_approval(
        transaction, request, found, rule=rule, approval_id=opened.attempt_id, now=now
    )
    return AwaitsConfirmation(request, approval, changed, seq)


def pause(
    opened: OpenRequest, found: Recording, length: timedelta | None
) -> PendingAction | AwaitsConfirmation | Extended:
    """Pause a recording at once, and for as long as one supervisor may; what is longer waits for a second one.

    Nobody has to wait for a pause: a customer may be reading card details. While a longer pause waits, another
    person's request to pause is its confirmation.
    """
    rule, wanted = opened.rules.dual_control, opened.rules.limits.pause_for(length)
    alone = left_for_one(rule.pause_for_one(found), used_before(found, opened.now))
    waiting = None
    if alone is not None or found.state in PAUSED:
        found, waiting = waiting_for_second(opened, found)
    if waiting is not None and waiting.verb is Verb.PAUSE and found.state in PAUSED:
        return join(opened, waiting, found)
    if alone is None or (wanted is not None and wanted <= alone):
        return change(opened, Verb.PAUSE, found, pause=wanted)
    accepted = change(opened, Verb.PAUSE, found, pause=alone)
    if waiting is not None:  # a stop: only one request of a recording can wait
        return accepted
    approval, changed, _ = open_approval(
        opened.transaction,
        opened.request,
        accepted.recording,
        rule=rule,
        approval_id=uuid7(),
        now=opened.now,
        verb=Verb.PAUSE,
        pause=wanted,
    )
    return replace(accepted, recording=changed, longer=approval)


def waiting_for_second(opened: OpenRequest, found: Recording) -> tuple[Recording, Approval | None]:
    """Return what waits for a second supervisor; what can't be confirmed any more is closed first."""
    waiting = opened.transaction.open_approval(found.id)
    if waiting is None or (outcome := lapsed(waiting, found, opened.now)) is None:
        return found, waiting
    return lapse(opened.transaction, waiting, found, outcome, opened.now), None


def join(opened: OpenRequest, waiting: Approval, found: Recording) -> PendingAction | AwaitsConfirmation | Extended:
    """Confirm what waits, or tell the person who asked for it that it still waits."""
    if waiting.asked_by != opened.request.caller.actor:
        return confirm(opened, waiting, found)
    repeated = replace(opened, context=_about(waiting.verb, found))
    repeated.close()
    entry = repeated.append(Phase.FAILED, outcome={"error": "already_waiting", "approval_id": str(waiting.id)})
    return AwaitsConfirmation(opened.request, waiting, found, entry.seq, again=True)


def confirm(opened: OpenRequest, approval: Approval, recording: Recording) -> PendingAction | Extended:
    """Carry out what waits, as the second supervisor; a longer pause is on already, and ends later from now on."""
    transaction, request = opened.transaction, opened.request
    require_second(request.caller, approval)
    require_open(transaction, approval, recording, opened.now)
    if approval.verb is Verb.PAUSE:
        return _confirm_pause(opened, approval, recording)
    require_state(recording, approval.verb)
    confirm_approval(transaction, request, approval, recording, opened.now)
    accepted = change(opened, approval.verb, recording, origin=both(approval, request.caller.actor))
    return replace(accepted, confirmed=approval)


def _confirm_pause(opened: OpenRequest, approval: Approval, recording: Recording) -> Extended:
    if recording.state not in PAUSED:
        raise WrongState(**current_state(recording))
    entry = confirm_approval(opened.transaction, opened.request, approval, recording, opened.now)
    seconds, since = approval.pause_seconds, recording.paused_at
    until = None if seconds is None or since is None else since + timedelta(seconds=seconds)
    after = replace(recording, pause_seconds=seconds, pause_until=until, audit_seq=entry.seq)
    saved = opened.transaction.save(after, was=recording)
    replace(opened, context=_about(Verb.PAUSE, recording)).close()
    return Extended(saved, Limit.PAUSE, until, entry.seq, confirmed=approval)


def _about(verb: Verb, found: Recording) -> AuditContext:
    return AuditContext(APPROVAL_ACTIONS[verb], APPROVAL_VERBS[verb], found.conversation_id, found.id)


def change(
    opened: OpenRequest,
    verb: Verb,
    before: Recording,
    *,
    origin: dict[str, Any] | None = None,
    pause: timedelta | None = None,
) -> PendingAction:
    """Ask for a live recording to be changed. ``origin`` is what its entry says besides; ``pause`` is its length."""
    require_state(before, verb)
    attempt = _attempt(opened, verb, before.id, before.state)
    seconds = None if pause is None else round(pause.total_seconds())
    entry = _append_request(
        opened,
        attempt,
        before.conversation_id,
        participant_id=before.participant_id,
        origin=origin,
        outcome=None if seconds is None else {"seconds": seconds},
    )
    after = before.requested(verb, entry.seq)
    if verb is Verb.PAUSE:
        used = used_before(before, opened.now)
        after = replace(after, paused_by=opened.request.caller.actor, pause_seconds=seconds, pause_used=used)
    recording = opened.transaction.save(after, was=before)
    opened.transaction.add_attempt(attempt, dedupe_key=opened.request.origin.dedupe_key)
    return PendingAction(opened.request, attempt, recording, NO_REASON, entry.seq)


def _attempt(opened: OpenRequest, verb: Verb, recording_id: UUID, before: RecordingState | None) -> Attempt:
    actor, deadline = opened.request.caller.actor, opened.now + ACTION_LIMIT
    return Attempt(opened.attempt_id, verb, actor, recording_id, opened.now, deadline, before, owner=opened.owner)


def _append_request(
    opened: OpenRequest,
    attempt: Attempt,
    call: str,
    *,
    participant_id: str | None,
    reason: Reason = NO_REASON,
    origin: dict[str, Any] | None = None,
    outcome: dict[str, Any] | None = None,
) -> Entry:
    """Append the request first: the recording is then written once, with the entry's number."""
    transaction, request = opened.transaction, opened.request
    digest = transaction.keep_text(attempt.id, reason.text, attempt.requested_at) if reason.text else None
    return transaction.append(
        Draft(
            id=uuid7(),
            attempt_id=attempt.id,
            occurred_at=attempt.requested_at,
            phase=Phase.REQUESTED,
            action=attempt.verb.action,
            actor=request.caller.actor,
            conversation_id=call,
            participant_id=participant_id,
            recording_id=attempt.recording_id,
            reason_code=reason.code,
            reason_digest=digest,
            origin=request.origin.facts() | (origin or {}),
            outcome=outcome or {},
        )
    )


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


def _permitted_approval(opened: OpenRequest, approval_id: UUID) -> tuple[Approval, Recording]:
    """Return the subject of a click; the trail has it even if the caller may do nothing."""
    approval = opened.transaction.approval(approval_id)
    recording = None if approval is None else opened.transaction.recording(approval.recording_id)
    if recording is not None and approval is not None:
        opened.context.about(recording)
        opened.context.action, opened.context.verb = APPROVAL_ACTIONS[approval.verb], APPROVAL_VERBS[approval.verb]
    require(opened.request.caller, Permission.CONTROL)
    if approval is None or recording is None:
        raise ApprovalClosed
    return approval, recording
