"""Decides who gets which notice and when: pure rules over recordings, attempts, and the trail's entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.audit.entry import timestamp
from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.handover import FollowUp
from bot.recording.models import RecordingState
from bot.recording.notices import REPETITION, WRAP_UP, Notice, NoticeKind
from bot.recording.requests import is_person

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bot.recording.models import Approval, Attempt, Recording
    from bot.recording.time_limits.snooze import Snooze

NEWS_LASTS = timedelta(hours=1)
"""Nobody is notified of anything older than this when it is first seen."""
SILENCE = ACTION_LIMIT + timedelta(seconds=5)
"""After this, the process that worked on an attempt has reported its result, or is gone."""
SHARED = ("C", "G")
"""What the ids of channels begin with that more than one person reads."""
REPEAT_AFTER = timedelta(seconds=30)
"""After this a stop that waits is said again, and then after twice as long each time."""
TOGETHER_AT_MOST = 6
"""How many reminders share a message; Slack takes 50 blocks, and 4,000 characters of text in an edit."""
RUNNING = frozenset({RecordingState.ACTIVE, RecordingState.PAUSED})


@dataclass(frozen=True, slots=True)
class ReminderTimes:
    """The time after which a person is reminded; None: never."""

    recording: timedelta | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class LastAction:
    """The last event of a recording: a person's attempt, or something that the bot saw."""

    seq: int
    at: datetime
    action: str
    actor: str


@dataclass(frozen=True, slots=True)
class OpenNotice:
    """A notice with something left to do: post it, or remove its buttons.

    ``ts`` and ``channel`` say where it is, once it was posted. ``language`` is that of the recording's card.
    """

    notice: Notice
    recording: Recording
    posts_begun: int = 0
    attempt_open: bool = False
    asked_at: datetime | None = None
    channel: str | None = None
    ts: str | None = None
    agent_name: str | None = None
    queue_name: str | None = None
    language: str | None = None
    approval: Approval | None = None
    """The stop that it is about, if any."""
    recorded_since: bool = False
    """Whether a later recording of the call came about."""
    snooze: Snooze | None = None
    """The answer that the recording is still needed, if there is one."""
    closed: bool = False
    """Whether nothing is left to do about it; the message that it shares may still have to be edited."""
    successor_name: str | None = None
    """The name of the agent who took over, if there is one and the name is known."""


def too_old(at: datetime, now: datetime) -> bool:
    return now - at > NEWS_LASTS


def of_long_recording(
    recording: Recording, times: ReminderTimes, now: datetime, *, number: int = 1
) -> tuple[Notice, ...]:
    """Remind the one who started it, once, and again after each answer that it is still needed.

    ``number`` counts the reminders of a recording, this one included.
    """
    due = (
        times.recording is not None
        and recording.state is RecordingState.ACTIVE
        and not recording.in_doubt
        and recording.started_at is not None
        and now - recording.started_at >= times.recording
        and is_person(recording.started_by)
    )
    if not due:
        return ()
    occasion = f"{REPETITION}{number}" if number > 1 else ""
    return (Notice(NoticeKind.LONG_RECORDING, recording.id, occasion, recording.started_by, recording.audit_seq),)


def of_long_pause(
    recording: Recording, paused_by: str | None, times: ReminderTimes, now: datetime
) -> tuple[Notice, ...]:
    """Remind the person who paused and the person who started it, once a pause; skip pauses from outside."""
    if times.pause is None or recording.state is not RecordingState.PAUSED or recording.in_doubt or paused_by is None:
        return ()
    if recording.paused_at is None or now - recording.paused_at < times.pause:
        return ()
    people = dict.fromkeys(one for one in (paused_by, recording.started_by) if is_person(one))
    return tuple(
        Notice(NoticeKind.LONG_PAUSE, recording.id, pause_of(recording), person, recording.audit_seq)
        for person in people
    )


def pause_of(recording: Recording) -> str:
    """Name the pause that a recording is in; empty if it isn't paused."""
    return "" if recording.paused_at is None else timestamp(recording.paused_at)


def _ends(until: datetime | None) -> str:
    return "" if until is None else timestamp(until)


def of_silent_attempt(attempt: Attempt, recording: Recording, now: datetime) -> tuple[Notice, ...]:
    """Tell a person whose request was interrupted that its outcome is unknown."""
    age = now - attempt.requested_at
    if not is_person(attempt.actor) or age < SILENCE or age > NEWS_LASTS:
        return ()
    unknown = NoticeKind.OUTCOME_UNKNOWN
    return (Notice(unknown, recording.id, str(attempt.id), attempt.actor, recording.audit_seq, verb=attempt.verb),)


def repetition(approval: Approval, now: datetime) -> int:
    """Return how often a stop that waits should have been said again by now: first after 30 s, then after 90 s."""
    elapsed, due = now - approval.asked_at, 0
    while elapsed >= REPEAT_AFTER * (2 ** (due + 1) - 1):
        due += 1
    return due


def of_approval(
    approval: Approval, recording: Recording, channels: Iterable[str | None], *, repetition: int = 0
) -> tuple[Notice, ...]:
    """Announce a waiting stop where the recording's card is, or else where the stop was requested.

    A direct message reaches no second supervisor; where there is no channel, the audit channel's line says it.
    ``repetition`` is how often it was said before.
    """
    channel = next((one for one in channels if one is not None and one.startswith(SHARED)), None)
    if channel is None or approval.outcome is not None:
        return ()
    kind = NoticeKind.STOP_WAITS
    occasion = f"{approval.id}{REPETITION}{repetition}" if repetition else str(approval.id)
    return (
        Notice(kind, recording.id, occasion, approval.asked_by, recording.audit_seq, approval.verb, channel=channel),
    )


def of_transfer(recording: Recording, now: datetime) -> tuple[Notice, ...]:
    """Ask the one who started a recording that ended with its agent, once, whether to record the new agent."""
    ended = recording.ended_at
    due = recording.follow_up is FollowUp.ASK and ended is not None and not too_old(ended, now)
    if not due or not is_person(recording.started_by):
        return ()
    return (Notice(NoticeKind.TRANSFERRED, recording.id, "", recording.started_by, recording.audit_seq),)


class NoticeStatus(StrEnum):
    """What to do about a notice that is not delivered yet, or still has its buttons."""

    HOLDS = "holds"
    WAIT = "wait"
    """An action runs, or its outcome is in doubt: it may be over in a moment."""
    OVER = "over"


def notice_status(
    notice: Notice,
    recording: Recording,
    *,
    attempt_open: bool = False,
    approval: Approval | None = None,
    recorded_since: bool = False,
    snoozed: bool = False,
) -> NoticeStatus:
    """Say whether what a notice says is still so; what is over needs no reminder, and no buttons."""
    match notice.kind:
        case NoticeKind.STOP_WAITS:
            return NoticeStatus.HOLDS if approval is not None and approval.outcome is None else NoticeStatus.OVER
        case NoticeKind.LONG_RECORDING:
            holds = recording.state is RecordingState.ACTIVE and not snoozed
        case NoticeKind.LONG_PAUSE:
            holds = recording.state is RecordingState.PAUSED and pause_of(recording) == notice.occasion
        case NoticeKind.PAUSE_ENDS | NoticeKind.RECORDING_ENDS | NoticeKind.LIMIT_FAILED:
            limit = notice.limit
            holds = recording.state in limit.states and _ends(limit.until(recording)) == notice.occasion
        case NoticeKind.PAUSE_LEFT_ON:
            holds = recording.state is RecordingState.PAUSED or not notice.occasion.endswith(WRAP_UP)
        case NoticeKind.OUTCOME_UNKNOWN:
            return NoticeStatus.HOLDS if attempt_open else NoticeStatus.OVER
        case NoticeKind.TRANSFERRED:
            return NoticeStatus.OVER if recorded_since else NoticeStatus.HOLDS
        case NoticeKind.CALL_ENDED | NoticeKind.OUTCOME_SETTLED:
            return NoticeStatus.HOLDS
    settled = recording.state in RUNNING or recording.state.final
    if not settled or recording.in_doubt:
        return NoticeStatus.WAIT
    return NoticeStatus.HOLDS if holds else NoticeStatus.OVER
