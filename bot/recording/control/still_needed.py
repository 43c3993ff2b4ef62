"""The click on *Still needed*: a reminder of a long recording is answered, and the next one comes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from bot.audit.entry import Phase
from bot.errors import AlreadySnoozed, NothingToStop, WrongState
from bot.recording.caller import Permission
from bot.recording.control.request_log import AuditContext
from bot.recording.models import RecordingState
from bot.recording.permissions import current_state, require, require_control
from bot.recording.time_limits.snooze import STILL_NEEDED_ACTION, STILL_NEEDED_VERB, Snooze

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from bot.recording.control.request_log import OpenRequest
    from bot.recording.models import Recording
    from bot.recording.time_limits.snooze import Reminder


@dataclass(frozen=True, slots=True)
class Snoozed:
    """An answered reminder. ``shown``: its message is going to say so; else nothing in Slack does."""

    recording: Recording
    snooze: Snooze
    audit_seq: int
    shown: bool


@dataclass(frozen=True, slots=True)
class StillNeeded:
    """Answer a reminder: the recording is still needed. ``remind_after`` None: no reminder follows.

    The click is authorized like a stop. Raises WrongState if the recording doesn't run now, and AlreadySnoozed if the
    newest reminder was answered before.
    """

    recording_id: UUID
    remind_after: timedelta | None

    def context(self) -> AuditContext:
        return AuditContext(STILL_NEEDED_ACTION, STILL_NEEDED_VERB)

    def __call__(self, opened: OpenRequest) -> Snoozed:
        recording, reminder = self._open_reminder(opened)
        until = None if self.remind_after is None else opened.now + self.remind_after
        snooze = Snooze(opened.now, until, opened.request.caller.actor)
        outcome = {} if until is None else {"until": until.astimezone(UTC).isoformat()}
        entry = opened.append(Phase.SUCCEEDED, outcome=outcome)
        opened.transaction.snooze(reminder, snooze, entry.seq)
        opened.close()
        return Snoozed(recording, snooze, entry.seq, shown=reminder.shown)

    def _open_reminder(self, opened: OpenRequest) -> tuple[Recording, Reminder]:
        recording = opened.transaction.recording(self.recording_id)
        if recording is not None:
            opened.context.about(recording)
        require(opened.request.caller, Permission.CONTROL)
        if recording is None:
            raise NothingToStop
        require_control(opened.request.caller, recording)
        reminder = opened.transaction.reminder(recording.id)
        if recording.state is not RecordingState.ACTIVE or reminder is None:
            raise WrongState(**current_state(recording))
        if reminder.snooze is not None:
            raise AlreadySnoozed(by=reminder.snooze.by, until=reminder.snooze.until)
        return recording, reminder
