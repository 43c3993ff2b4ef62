"""Stops and longer pauses that wait for a second supervisor: opens, confirms, and closes them, each with an entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import structlog
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import ApprovalClosed, AuditUnavailable, NotPermitted, TooLate
from bot.recording.caller import BOT
from bot.recording.models import Approval, ApprovalOutcome, RecordingState, Verb
from bot.recording.requests import PendingAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.audit.entry import Entry
    from bot.recording.caller import Principal
    from bot.recording.control.outcomes import OutcomeRecorder
    from bot.recording.models import Recording
    from bot.recording.policy import DualControl
    from bot.recording.ports import Clock, RecordingStore, Transaction
    from bot.recording.requests import AwaitsConfirmation, Request

log = structlog.get_logger(__name__)

APPROVAL_ACTIONS = {Verb.STOP: "recording:stop_approval", Verb.PAUSE: "recording:pause_approval"}
APPROVAL_VERBS = {Verb.STOP: "stop_approval", Verb.PAUSE: "pause_approval"}
"""What can wait for a second supervisor, and what the trail calls the wait."""
PAUSED = frozenset({RecordingState.PAUSING, RecordingState.PAUSED})
PAUSE_MAY_RETURN = PAUSED | {RecordingState.RESUMING, RecordingState.STOPPING}
"""The states of a recording in which its pause is not over for sure."""
LAPSED = {ApprovalOutcome.EXPIRED: "approval_expired", ApprovalOutcome.OVER: "recording_over"}
"""The entry's outcome if nobody's decision closed an approval."""


def require_second(caller: Principal, approval: Approval) -> None:
    """Raise NotPermitted if the caller is the person who asked."""
    if approval.asked_by == caller.actor:
        raise NotPermitted(cause="own_request")


def both(approval: Approval, second: str) -> dict[str, Any]:
    """Return what entries say of the two people."""
    return {"approval_id": str(approval.id), "asked_by": approval.asked_by, "confirmed_by": second}


def open_approval(
    transaction: Transaction,
    request: Request,
    recording: Recording,
    *,
    rule: DualControl,
    approval_id: UUID,
    now: datetime,
    verb: Verb = Verb.STOP,
    pause: timedelta | None = None,
) -> tuple[Approval, Recording, int]:
    """Write that a stop, or a pause of this length, waits for a second supervisor, and have the card say so."""
    seconds = None if pause is None else round(pause.total_seconds())
    expires_at = now + rule.within
    approval = Approval(approval_id, recording.id, verb, request.caller.actor, now, expires_at, pause_seconds=seconds)
    transaction.add_approval(approval)
    draft = _draft(
        approval,
        recording,
        now,
        Phase.REQUESTED,
        request.caller.actor,
        origin=request.origin.facts(),
        outcome={"until": approval.expires_at.astimezone(UTC).isoformat()}
        | ({} if seconds is None else {"seconds": seconds}),
    )
    entry = transaction.append(draft)
    return approval, redrawn(transaction, recording, entry), entry.seq


def confirm_approval(
    transaction: Transaction, request: Request, approval: Approval, recording: Recording, now: datetime
) -> Entry:
    """Close it as confirmed by the one who asks now."""
    transaction.close_approval(approval, now, by=request.caller.actor, outcome=ApprovalOutcome.CONFIRMED)
    return transaction.append(
        _draft(
            approval,
            recording,
            now,
            Phase.SUCCEEDED,
            request.caller.actor,
            origin=request.origin.facts(),
            outcome=both(approval, request.caller.actor),
        )
    )


def withdraw_approval(
    transaction: Transaction, request: Request, approval: Approval, recording: Recording, now: datetime
) -> tuple[Recording, int]:
    """Close it as not wanted any more. Raise ApprovalClosed, and NotPermitted for all but the one who asked."""
    if approval.asked_by != request.caller.actor:
        raise NotPermitted(cause="not_own_request")
    require_open(transaction, approval, recording, now)
    transaction.close_approval(approval, now, by=request.caller.actor, outcome=ApprovalOutcome.WITHDRAWN)
    entry = transaction.append(
        _draft(
            approval,
            recording,
            now,
            Phase.FAILED,
            request.caller.actor,
            origin=request.origin.facts(),
            outcome={"error": "withdrawn"},
        )
    )
    return redrawn(transaction, recording, entry), entry.seq


def require_open(transaction: Transaction, approval: Approval, recording: Recording, now: datetime) -> None:
    """Raise ApprovalClosed unless the approval waits; one whose time is up, or whose recording is over, is closed."""
    outcome = approval.outcome or lapsed(approval, recording, now)
    if outcome is None:
        return
    if approval.outcome is None:
        lapse(transaction, approval, recording, outcome, now)
    raise ApprovalClosed(outcome=outcome.value, recording_id=recording.id)


def lapsed(approval: Approval, recording: Recording, now: datetime) -> ApprovalOutcome | None:
    """Return why an open approval can't be confirmed any more; None while it can."""
    pause_over = recording.state not in PAUSE_MAY_RETURN or recording.paused_by is None
    if recording.state.final or (approval.verb is Verb.PAUSE and pause_over):
        return ApprovalOutcome.OVER
    return None if approval.waits(now) else ApprovalOutcome.EXPIRED


def lapse(
    transaction: Transaction, approval: Approval, recording: Recording, outcome: ApprovalOutcome, now: datetime
) -> Recording:
    """Close an approval that nobody decided on, as the bot, and have the card say so."""
    if not transaction.close_approval(approval, now, by=BOT, outcome=outcome):
        return recording
    facts = {"in_effect": False, "error": LAPSED[outcome], "asked_by": approval.asked_by}
    entry = transaction.append(_draft(approval, recording, now, Phase.OBSERVED, BOT, outcome=facts))
    return redrawn(transaction, recording, entry)


def supersede(
    transaction: Transaction, request: Request, approval: Approval, recording: Recording, now: datetime
) -> Recording:
    """Close a longer pause that waits, because a stop is asked for, and only one request of a recording can wait."""
    transaction.close_approval(approval, now, by=request.caller.actor, outcome=ApprovalOutcome.WITHDRAWN)
    facts = {"error": "superseded", "asked_by": approval.asked_by}
    actor, origin = request.caller.actor, request.origin.facts()
    draft = _draft(approval, recording, now, Phase.FAILED, actor, origin=origin, outcome=facts)
    return redrawn(transaction, recording, transaction.append(draft))


def redrawn(transaction: Transaction, recording: Recording, entry: Entry) -> Recording:
    """Give the recording a new version, so that its card is redrawn."""
    return transaction.save(replace(recording, audit_seq=entry.seq), was=recording)


def _draft(
    approval: Approval,
    recording: Recording,
    now: datetime,
    phase: Phase,
    actor: str,
    *,
    origin: dict[str, Any] | None = None,
    outcome: dict[str, Any] | None = None,
) -> Draft:
    return Draft(
        id=uuid7(),
        attempt_id=approval.id,
        occurred_at=now,
        phase=phase,
        action=APPROVAL_ACTIONS[approval.verb],
        actor=actor,
        conversation_id=recording.conversation_id,
        participant_id=recording.participant_id,
        recording_id=recording.id,
        reason_code=recording.reason_code,
        origin=origin or {},
        outcome=outcome or {},
    )


def closing_late(
    outcomes: OutcomeRecorder, approvals: Approvals
) -> Callable[[PendingAction | AwaitsConfirmation], Awaitable[None]]:
    """Return what closes a request that was written after the person was told that nothing was done."""

    async def close(late: PendingAction | AwaitsConfirmation) -> None:
        if isinstance(late, PendingAction):
            await outcomes.expired(late)
        elif not late.again:  # else the earlier request is the one that waits, and its person knows of it
            await approvals.too_late(late.approval)

    return close


@dataclass(frozen=True, slots=True)
class Approvals:
    """Closes stops that nobody confirmed in time, from the database alone, whichever process opened them."""

    store: RecordingStore
    clock: Clock

    async def close_lapsed(self) -> float | None:
        """Close the approvals that have lapsed; return in how many seconds the next one does, None without one."""
        waiting = await self.store.open_approvals()
        for approval in waiting:
            try:
                await self._close_if_lapsed(approval)
            except AuditUnavailable:
                log.warning("approval_write_failed")
            except Exception:  # one that can't be closed keeps no other from being closed
                log.exception("approval_expiry_failed", approval_id=str(approval.id))
        now = self.clock.now()
        return min((max(1.0, (one.expires_at - now).total_seconds()) for one in waiting), default=None)

    async def _close_if_lapsed(self, approval: Approval) -> None:
        recording = await self.store.recording(approval.recording_id)
        if recording is None or lapsed(approval, recording, self.clock.now()) is None:
            return

        def work(transaction: Transaction) -> None:
            current = transaction.recording(approval.recording_id)
            found = transaction.approval(approval.id)
            if current is None or found is None or found.outcome is not None:
                return
            now = self.clock.now()
            if (outcome := lapsed(found, current, now)) is not None:
                lapse(transaction, found, current, outcome, now)

        await self.store.write(work)

    async def too_late(self, approval: Approval) -> None:
        """Close an approval of which nobody knows that it is open."""

        def work(transaction: Transaction) -> None:
            current = transaction.recording(approval.recording_id)
            if current is None:
                raise AssertionError
            now = self.clock.now()
            if not transaction.close_approval(approval, now, by=BOT, outcome=ApprovalOutcome.EXPIRED):
                return
            outcome = {"error": TooLate.kind}
            entry = transaction.append(_draft(approval, current, now, Phase.FAILED, BOT, outcome=outcome))
            redrawn(transaction, current, entry)

        await self.store.write(work)
