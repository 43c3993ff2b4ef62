"""Decides who gets which notice and when: pure rules over recordings, attempts, and the trail's entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.recording.control.commands import ACTION_LIMIT
from bot.recording.handover import FollowUp
from bot.recording.models import RecordingState, Verb
from bot.recording.requests import is_person

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from bot.recording.models import Approval, Attempt, Recording
    from bot.recording.snooze import Snooze

NEWS_LASTS = timedelta(hours=1)
"""Nobody is notified of anything older than this when it is first seen."""
SILENCE = ACTION_LIMIT + timedelta(seconds=5)
"""After this, the process that worked on an attempt has reported its result, or is gone."""
SHARED = ("C", "G")
"""What the ids of channels begin with that more than one person reads."""
REPEAT_AFTER = timedelta(seconds=30)
"""After this a stop that waits is said again, and then after twice as long each time."""
REPETITION = "/"
"""The separator before the number of the repetition in a notice's occasion: of a waiting stop, or of a reminder."""
TOGETHER_AT_MOST = 6
"""How many reminders share a message; Slack takes 50 blocks, and 4,000 characters of text in an edit."""
PAUSE_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


class NoticeKind(StrEnum):
    LONG_RECORDING = "long_recording"
    LONG_PAUSE = "long_pause"
    CALL_ENDED = "call_ended"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OUTCOME_SETTLED = "outcome_settled"
    STOP_WAITS = "stop_waits"
    """To everyone in a channel: a stop waits for a second supervisor."""
    TRANSFERRED = "transferred"
    """An ad-hoc recording ended when its agent left, and the call goes on."""

    @property
    def groups(self) -> bool:
        """Whether several of the kind for one person go into one message."""
        return self in {NoticeKind.LONG_RECORDING, NoticeKind.LONG_PAUSE}

    @property
    def reminds(self) -> bool:
        """Whether something can be done about it; then it has buttons, which go once something was."""
        return self in {
            NoticeKind.LONG_RECORDING,
            NoticeKind.LONG_PAUSE,
            NoticeKind.STOP_WAITS,
            NoticeKind.TRANSFERRED,
        }


class Result(StrEnum):
    """The result of an attempt that had been in doubt."""

    IN_EFFECT = "in_effect"
    NOT_IN_EFFECT = "not_in_effect"
    CALL_ENDED = "call_ended"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one person, at most once: the first four fields identify it.

    ``occasion`` tells one pause, attempt or approval of a recording from the others; ``audit_seq`` is the entry that it
    rests on. One that everybody in a channel is to see goes there, and ``person`` is whose request it is about.
    """

    kind: NoticeKind
    recording_id: UUID
    occasion: str
    person: str
    audit_seq: int
    verb: Verb | None = None
    result: Result | None = None
    channel: str | None = None

    @property
    def repetition(self) -> int:
        """Return how often a stop that waits was said before this notice."""
        return int(self.occasion.partition(REPETITION)[2] or 0)


@dataclass(frozen=True, slots=True)
class ReminderTimes:
    """The time after which a person is reminded; None: never."""

    recording: timedelta | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """An entry that says how something ended, with the recording as it is now.

    ``requester`` and ``verb`` are those of the attempt behind it, None where nobody asked. ``doubted``: until then
    nobody knew, or nobody could say.
    """

    seq: int
    at: datetime
    recording: Recording
    call_over: bool
    in_effect: bool
    doubted: bool
    attempt_id: UUID
    requester: str | None = None
    verb: Verb | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the trail reports since the last check. ``upto``: the last entry to mark as checked, if any."""

    found: tuple[Outcome, ...]
    upto: int | None
    more: bool


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
    return "" if recording.paused_at is None else recording.paused_at.astimezone(UTC).strftime(PAUSE_FORM)


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


def of_ending(ending: Outcome) -> tuple[Notice, ...]:
    """Tell the person who asked how a doubt was settled, and the one who started it that the call is over."""
    notices = [*_settled(ending), *_call_ended(ending)]
    told = {one.person: one for one in reversed(notices)}  # one message to a person says both
    return tuple(one for one in notices if told[one.person] is one)


def _settled(ending: Outcome) -> Iterable[Notice]:
    if not ending.doubted or ending.verb is None or ending.requester is None or not is_person(ending.requester):
        return
    result = Result.IN_EFFECT if ending.in_effect else Result.NOT_IN_EFFECT
    yield Notice(
        NoticeKind.OUTCOME_SETTLED,
        ending.recording.id,
        str(ending.attempt_id),
        ending.requester,
        ending.seq,
        verb=ending.verb,
        result=Result.CALL_ENDED if ending.call_over else result,
    )


def _call_ended(ending: Outcome) -> Iterable[Notice]:
    recording = ending.recording
    stopped_by_themselves = ending.verb is Verb.STOP and ending.requester == recording.started_by
    if not ending.call_over or recording.state is not RecordingState.ENDED or stopped_by_themselves:
        return
    if is_person(recording.started_by):
        yield Notice(NoticeKind.CALL_ENDED, recording.id, "", recording.started_by, ending.seq)


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
        case NoticeKind.OUTCOME_UNKNOWN:
            return NoticeStatus.HOLDS if attempt_open else NoticeStatus.OVER
        case NoticeKind.TRANSFERRED:
            return NoticeStatus.OVER if recorded_since else NoticeStatus.HOLDS
        case NoticeKind.CALL_ENDED | NoticeKind.OUTCOME_SETTLED:
            return NoticeStatus.HOLDS
    settled = recording.state in {RecordingState.ACTIVE, RecordingState.PAUSED} or recording.state.final
    if not settled or recording.in_doubt:
        return NoticeStatus.WAIT
    return NoticeStatus.HOLDS if holds else NoticeStatus.OVER
