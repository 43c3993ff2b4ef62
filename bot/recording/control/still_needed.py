"""The click on *Still needed*: a reminder of a long recording is answered, and the next one comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import AlreadySnoozed, NothingToStop, WrongState
from bot.recording.caller import Permission
from bot.recording.models import RecordingState
from bot.recording.permissions import current_state, require, require_control
from bot.recording.snooze import Snooze

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from bot.recording.control.request_log import AuditContext
    from bot.recording.models import Recording
    from bot.recording.ports import Transaction
    from bot.recording.requests import Request
    from bot.recording.snooze import Reminder


@dataclass(frozen=True, slots=True)
class Snoozed:
    """An answered reminder. ``shown``: its message is going to say so; else nothing in Slack does."""

    recording: Recording
    snooze: Snooze
    audit_seq: int
    shown: bool


def open_reminder(
    transaction: Transaction, asked: Request, recording_id: UUID, facts: AuditContext
) -> tuple[Recording, Reminder]:
    """Return the reminder that the click answers.

    The click is authorized like a stop. Raise WrongState if the recording doesn't run now, and AlreadySnoozed if the
    newest reminder was answered before.
    """
    recording = transaction.recording(recording_id)
    if recording is not None:
        facts.about(recording)
    require(asked.caller, Permission.CONTROL)
    if recording is None:
        raise NothingToStop
    require_control(asked.caller, recording)
    reminder = transaction.reminder(recording.id)
    if recording.state is not RecordingState.ACTIVE or reminder is None:
        raise WrongState(**current_state(recording))
    if reminder.snooze is not None:
        raise AlreadySnoozed(by=reminder.snooze.by, until=reminder.snooze.until)
    return recording, reminder


def snooze_from(now: datetime, after: timedelta | None, by: str) -> Snooze:
    """Return the answer; ``after`` None: reminders are turned off."""
    return Snooze(now, None if after is None else now + after, by)
