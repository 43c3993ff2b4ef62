"""What ends by itself: the end of a pause or a recording whose time is up, and its extension."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from bot.audit.entry import Phase
from bot.errors import AlreadyExtended, ApprovalPending, WrongState
from bot.recording.caller import GUARD, Permission, Principal, Role
from bot.recording.control.commands import change, join, waiting_for_second
from bot.recording.control.dual_control import open_approval
from bot.recording.control.named_recording import find, read_optional_id
from bot.recording.control.request_log import AuditContext
from bot.recording.models import RecordingState, Verb
from bot.recording.permissions import current_state, require, require_control
from bot.recording.requests import AwaitsConfirmation, Extended, Request, RequestSource
from bot.recording.time_limits.limits import EXTEND_ACTION, EXTEND_VERB, GUARD_SOURCE, Limit, left_for_one

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.recording.control.request_log import OpenRequest
    from bot.recording.models import Recording
    from bot.recording.requests import PendingAction

BY_ITSELF = Request(Principal(GUARD, frozenset({Role.SUPERVISOR})), RequestSource(GUARD_SOURCE))
"""The request of the bot itself, because the time is up."""


@dataclass(frozen=True, slots=True)
class EndByItself:
    """Resume a pause, or stop a recording, whose time is up; None if that is no longer so.

    ``until`` is the end that the bot has waited for: a pause that was extended, or that began since, has another one.
    """

    recording_id: UUID
    limit: Limit
    until: datetime

    def context(self) -> AuditContext:
        return AuditContext(self.limit.verb.action, self.limit.verb.value, recording_id=self.recording_id)

    def __call__(self, opened: OpenRequest) -> PendingAction | None:
        found = opened.transaction.recording(self.recording_id)
        if found is None or found.in_doubt or not self._is_up(found):
            return None
        if self.limit is Limit.RECORDING and opened.rules.dual_control.guards(found):
            return None  # a stop takes two people here, and the bot is neither of them
        opened.context.about(found)
        facts = {"limit": self.limit.value, "until": _iso(self.until)}
        return change(opened, self.limit.verb, found, origin=facts)

    def _is_up(self, found: Recording) -> bool:
        return found.state in self.limit.states and self.limit.until(found) == self.until


@dataclass(frozen=True, slots=True)
class Extend:
    """Have a pause, or a recording, end later, by the length that it was to have at first.

    Authorized like a resume. ``until`` is the end that the person was shown: if it is another one by now,
    AlreadyExtended is raised. Without ``limit`` it is the pause of a paused recording, else the recording. Raises
    WrongState if it doesn't end by itself.

    A pause that gets longer in all than one supervisor may make it lasts as long as that, and the rest waits for a
    second one; while it waits, another person's extension is the confirmation. Raises ApprovalPending if a stop waits.
    """

    recording_id: UUID | None = None
    limit: Limit | None = None
    until: datetime | None = None
    typed_id: str | None = None

    def context(self) -> AuditContext:
        call, problem = read_optional_id(self.typed_id, EXTEND_VERB)
        return AuditContext(EXTEND_ACTION, EXTEND_VERB, call, self.recording_id, self.typed_id if problem else None)

    def __call__(self, opened: OpenRequest) -> PendingAction | AwaitsConfirmation | Extended:
        call, problem = read_optional_id(self.typed_id, EXTEND_VERB)
        require(opened.request.caller, Permission.CONTROL)
        if problem is not None:
            raise problem
        found = find(opened.transaction, opened.request.caller, self.recording_id, call)
        opened.context.about(found)
        require_control(opened.request.caller, found)
        limit = self.limit or (Limit.PAUSE if found.state is RecordingState.PAUSED else Limit.RECORDING)
        ends = limit.until(found)
        if found.in_doubt or found.state not in limit.states or (ends is None and self.until is None):
            raise WrongState(**current_state(found))
        if self.until is not None and ends != self.until:
            raise AlreadyExtended(until=ends)
        until = max(ends or opened.now, opened.now) + limit.step(found)
        alone = _longest_for_one(opened, found, limit)
        if alone is None or until <= alone:
            return extend(opened, found, limit, until)
        return _with_second(opened, found, alone, until)


def _longest_for_one(opened: OpenRequest, found: Recording, limit: Limit) -> datetime | None:
    """Return until when one supervisor alone may have a pause last, counted from its beginning; None: for good."""
    alone = opened.rules.dual_control.pause_for_one(found) if limit is Limit.PAUSE else None
    alone = left_for_one(alone, found.pause_used)
    return None if alone is None or found.paused_at is None else found.paused_at + alone


def _with_second(
    opened: OpenRequest, found: Recording, alone: datetime, until: datetime
) -> PendingAction | AwaitsConfirmation | Extended:
    found, waiting = waiting_for_second(opened, found)
    if waiting is not None and waiting.verb is not Verb.PAUSE:
        raise ApprovalPending
    if waiting is not None:
        return join(opened, waiting, found)
    if found.pause_until is not None and found.pause_until < alone and opened.now < alone:
        found = extend(opened, found, Limit.PAUSE, alone).recording
    else:
        opened.close()
    since = found.paused_at or opened.now
    approval, changed, seq = open_approval(
        opened.transaction,
        opened.request,
        found,
        rule=opened.rules.dual_control,
        approval_id=uuid7(),
        now=opened.now,
        verb=Verb.PAUSE,
        pause=until - since,
    )
    return AwaitsConfirmation(opened.request, approval, changed, seq)


def extend(opened: OpenRequest, found: Recording, limit: Limit, until: datetime | None) -> Extended:
    """Write down that it ends later; ``until`` None: that it no longer ends by itself."""
    outcome = {"limit": limit.value} | ({} if until is None else {"until": _iso(until)})
    entry = opened.append(Phase.SUCCEEDED, outcome=outcome)
    longer = replace(found, pause_until=until) if limit is Limit.PAUSE else replace(found, run_until=until)
    saved = opened.transaction.save(replace(longer, audit_seq=entry.seq), was=found)
    opened.close()
    return Extended(saved, limit, until, entry.seq)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
