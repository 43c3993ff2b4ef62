"""The commands that keep and release a call's recordings; each runs in the request's transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.errors import AlreadyKept, KeepUnavailable, NothingToKeep, ReleaseHeld
from bot.recording.caller import BOT, Permission, Role
from bot.recording.control.named_recording import only_own, read_optional_id
from bot.recording.control.request_log import AuditContext
from bot.recording.keeping.keep import Keep, KeepState, KeepVerb, PendingKeep
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.permissions import require, require_control
from bot.recording.requests import ReasonRules

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.recording.caller import Principal, Scope
    from bot.recording.control.request_log import OpenRequest
    from bot.recording.models import Recording
    from bot.recording.ports import Transaction

SETTING = "RECORDING_KEEP"
PERMISSIONS = {KeepVerb.KEEP: Permission.KEEP, KeepVerb.RELEASE: Permission.RELEASE}


@dataclass(frozen=True, slots=True)
class KeepCall:
    """Ask for a call's recordings to be kept or released: the recording's call, the named one, or the only own one.

    ``unavailable`` is why nothing can be kept here, if it can't. ``first_try_after`` is how long to wait if none of our
    recordings shows the end of the call. Whether a call of which we have no record is in the person's scope is decided
    by a reading of it.
    """

    verb: KeepVerb
    recording_id: UUID | None = None
    typed_id: str | None = None
    typed_reason: str | None = None
    unavailable: str = ""
    first_try_after: timedelta | None = None

    def context(self) -> AuditContext:
        call, problem = read_optional_id(self.typed_id, self.verb)
        typed = " ".join(filter(None, (self.typed_id, self.typed_reason))) if problem else self.typed_reason
        return AuditContext(self.verb.action, self.verb.value, call, self.recording_id, typed or None)

    def __call__(self, opened: OpenRequest) -> PendingKeep:
        transaction, request = opened.transaction, opened.request
        call, problem = read_optional_id(self.typed_id, self.verb)
        require(request.caller, PERMISSIONS[self.verb])
        if self.unavailable:
            raise KeepUnavailable(cause=self.unavailable)
        if problem is not None:
            raise problem
        recording = self._recording(opened, call)
        call = call if recording is None else recording.conversation_id
        if call is None:
            raise NothingToKeep
        opened.context.conversation_id = call
        if recording is not None:
            opened.context.about(recording)
        scope = _scope(request.caller, recording)
        if self.verb is KeepVerb.RELEASE and transaction.keeps.held():
            raise ReleaseHeld
        waiting = transaction.keeps.waiting(call)
        if waiting and waiting[-1].verb is self.verb:
            raise AlreadyKept(by=waiting[-1].asked_by, since=waiting[-1].asked_at)
        return self._accept(opened, call, recording, scope, waiting)

    def _accept(
        self,
        opened: OpenRequest,
        call: str,
        recording: Recording | None,
        scope: Scope | None,
        waiting: tuple[Keep, ...],
    ) -> PendingKeep:
        transaction, request, now = opened.transaction, opened.request, opened.now
        reason = ReasonRules(opened.rules.reasons.labels).read(self.typed_reason)  # here, nobody has to give one
        entry = opened.append(Phase.REQUESTED, text=reason.text, reason_code=reason.code)
        running = tuple(one for one in waiting if one.owner is not None)
        for one in waiting:
            if one.owner is None:
                supersede(transaction, one, by=entry.seq, now=now)
        later, first_at = self._later(now, recording, running=bool(running))
        keep = Keep(
            id=opened.attempt_id,
            conversation_id=call,
            verb=self.verb,
            asked_by=request.caller.actor,
            asked_at=now,
            audit_seq=entry.seq,
            recording_id=None if recording is None else recording.id,
            reason_code=reason.code,
            # an earlier request may be on its way to Genesys: the worker tries this one after it
            tries=0 if later else 1,
            next_at=first_at,
            owner=None if later else opened.owner,
            claimed_at=None if later else now,
            scope=scope,
            language=request.origin.language,
            cancels=len(waiting) - len(running),
        )
        transaction.keeps.add(keep)
        transaction.keeps.redraw(call)
        opened.close()
        return PendingKeep(request, keep, recording, queued=later)

    def _later(self, now: datetime, recording: Recording | None, *, running: bool) -> tuple[bool, datetime | None]:
        """Return whether the first try comes later, and when; without a time, once our recording is over."""
        if running or self.first_try_after is None:
            return running, now if running else None
        ends = recording is not None and not recording.state.final
        return True, None if ends else now + self.first_try_after

    def _recording(self, opened: OpenRequest, call: str | None) -> Recording | None:
        """Return our newest recording of the call; None if there is none."""
        transaction = opened.transaction
        if self.recording_id is not None:
            found = transaction.recording(self.recording_id)
            if found is None:
                raise NothingToKeep
            return found
        if call is not None:
            return transaction.newest_recording(call, telling_whose=True) or transaction.newest_recording(call)
        return only_own(transaction, opened.request.caller)


def _scope(caller: Principal, recording: Recording | None) -> Scope | None:
    """Return the scope by which a reading has to decide; None if nothing is left to decide. Raise NotPermitted."""
    if Role.COMPLIANCE in caller.roles or caller.scope.everything:
        return None
    if recording is None:
        return caller.scope
    require_control(caller, recording)
    return None


def supersede(transaction: Transaction, keep: Keep, *, by: int, now: datetime) -> Keep:
    """Close a request that nobody is carrying out, because a later one, of entry ``by``, asks for the opposite."""
    entry = transaction.append(outcome_draft(keep, Phase.OBSERVED, now, {"in_effect": False, "superseded_by": by}))
    over = replace(keep, state=KeepState.SUPERSEDED, next_at=None, owner=None, settled_at=now, settled_seq=entry.seq)
    over = replace(over, told=not over.needs_answer)
    transaction.keeps.save(over, was=keep)
    return over


def outcome_draft(keep: Keep, phase: Phase, now: datetime, outcome: dict[str, object]) -> Draft:
    """Return an entry about the result of a request; the bot is the actor of what it observed."""
    return Draft(
        id=uuid7(),
        attempt_id=keep.id,
        occurred_at=now,
        phase=phase,
        action=keep.verb.action,
        actor=BOT if phase is Phase.OBSERVED else keep.asked_by,
        conversation_id=keep.conversation_id,
        recording_id=keep.recording_id,
        reason_code=keep.reason_code,
        outcome=outcome,
    )


@dataclass(frozen=True, slots=True)
class KeepStarted:
    """Keeps every recording that is started, in the transaction that notes the start."""

    mode: KeepMode

    def __call__(self, transaction: Transaction, recording: Recording, now: datetime) -> None:
        """Add the bot's own request, unless the call's recordings are going to be kept anyway."""
        if self.mode is not KeepMode.ALWAYS:
            return
        newest = transaction.keeps.newest(recording.conversation_id)
        if newest is not None and newest.verb is KeepVerb.KEEP and newest.state is KeepState.WAITING:
            return
        attempt_id = uuid7()
        entry = transaction.append(
            Draft(
                id=uuid7(),
                attempt_id=attempt_id,
                occurred_at=now,
                phase=Phase.REQUESTED,
                action=KeepVerb.KEEP.action,
                actor=BOT,
                conversation_id=recording.conversation_id,
                recording_id=recording.id,
                reason_code=recording.reason_code,
                origin={"source": SETTING},
            )
        )
        transaction.keeps.add(
            Keep(
                id=attempt_id,
                conversation_id=recording.conversation_id,
                verb=KeepVerb.KEEP,
                asked_by=BOT,
                asked_at=now,
                audit_seq=entry.seq,
                recording_id=recording.id,
                reason_code=recording.reason_code,
                told=True,
            )
        )
