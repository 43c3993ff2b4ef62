"""The direct messages about recordings, and those that an outcome calls for.

The transaction that writes an outcome adds its notices, so no crash comes between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.audit.entry import timestamp
from bot.recording.caller import GUARD
from bot.recording.handover import AGENT_LEFT
from bot.recording.models import RecordingState, Verb
from bot.recording.requests import is_person
from bot.recording.time_limits.limits import Limit

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.models import Attempt, Recording

WRAP_UP = "/wrap_up"
"""The end of a notice's occasion if the call goes on."""
REPETITION = "/"
"""The separator before the number of the repetition in a notice's occasion: of a waiting stop, or of a reminder."""


class NoticeKind(StrEnum):
    LONG_RECORDING = "long_recording"
    LONG_PAUSE = "long_pause"
    CALL_ENDED = "call_ended"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OUTCOME_SETTLED = "outcome_settled"
    STOP_WAITS = "stop_waits"
    """To everyone in a channel: a stop, or a longer pause, waits for a second supervisor."""
    TRANSFERRED = "transferred"
    """An ad-hoc recording ended when its agent left, and the call goes on."""
    PAUSE_ENDS = "pause_ends"
    """A pause is about to end by itself."""
    RECORDING_ENDS = "recording_ends"
    """A recording is about to be stopped because it has run for as long as it may."""
    LIMIT_FAILED = "limit_failed"
    """The time is up, and Genesys refused to end it; the bot keeps trying."""
    PAUSE_LEFT_ON = "pause_left_on"
    """The agent wraps up, or the call is over, and nobody has ended the pause."""

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
            NoticeKind.PAUSE_ENDS,
            NoticeKind.RECORDING_ENDS,
        }


ENDS = {Limit.PAUSE: NoticeKind.PAUSE_ENDS, Limit.RECORDING: NoticeKind.RECORDING_ENDS}
"""What announces that the time is nearly up."""


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
    def limit(self) -> Limit:
        """Return the time that it is about, if it is about one."""
        ended = self.kind is NoticeKind.PAUSE_ENDS or self.verb is Limit.PAUSE.verb
        return Limit.PAUSE if ended else Limit.RECORDING

    @property
    def repetition(self) -> int:
        """Return how often a stop that waits was said before this notice."""
        return int(self.occasion.partition(REPETITION)[2] or 0)


def of_outcome(
    seq: int,
    recording: Recording,
    attempt: Attempt | None = None,
    *,
    call_over: bool = False,
    in_effect: bool = True,
    doubted: bool = False,
    was: Recording | None = None,
) -> tuple[Notice, ...]:
    """Tell the person who asked how a doubt was settled, and the one who started it that the call is over.

    ``seq`` is the outcome's entry; ``attempt`` is None where nobody asked. ``doubted``: until then nobody knew, or
    nobody could say. ``was`` is the recording before it.
    """
    notices = list[Notice]()
    if was is not None:
        notices += of_pause_left_on(seq, was, recording)
    if attempt is not None and attempt.actor == GUARD and not (in_effect or recording.state.final):
        notices += _of_failed_end(seq, attempt, recording)
    if attempt is not None and doubted and is_person(attempt.actor):
        settled = NoticeKind.OUTCOME_SETTLED
        result = _result(call_over=call_over, in_effect=in_effect)
        notices.append(
            Notice(settled, recording.id, str(attempt.id), attempt.actor, seq, verb=attempt.verb, result=result)
        )
    stopper = attempt.actor if attempt is not None and attempt.verb is Verb.STOP else None
    told = {stopper, *(one.person for one in notices)}  # one message to a person says both
    if call_over and recording.state is RecordingState.ENDED and is_person(recording.started_by):
        notices += [
            Notice(NoticeKind.CALL_ENDED, recording.id, "", person, seq) for person in {recording.started_by} - told
        ]
    return tuple(notices)


def of_ending(recording: Recording, limit: Limit) -> tuple[Notice, ...]:
    """Announce to the person who paused, or who started the recording, that the time is nearly up; once each time."""
    until, person = limit.until(recording), limit.person(recording)
    if until is None or person is None or not is_person(person):
        return ()
    return (Notice(ENDS[limit], recording.id, timestamp(until), person, recording.audit_seq),)


def _of_failed_end(seq: int, attempt: Attempt, recording: Recording) -> tuple[Notice, ...]:
    """Tell the same person, once, that the bot could not end it yet."""
    limit = Limit.PAUSE if attempt.verb is Verb.RESUME else Limit.RECORDING
    until, person = limit.until(recording), limit.person(recording)
    if until is None or person is None or not is_person(person):
        return ()
    return (Notice(NoticeKind.LIMIT_FAILED, recording.id, timestamp(until), person, seq, verb=attempt.verb),)


def of_pause_left_on(seq: int, was: Recording, now: Recording) -> tuple[Notice, ...]:
    """Tell the person who paused that the call, or the agent's part in it, ended with the pause still on."""
    over = now.state is RecordingState.ENDED or now.ended_by == AGENT_LEFT
    if not over or was.paused_at is None or was.paused_by is None or not is_person(was.paused_by):
        return ()
    return (Notice(NoticeKind.PAUSE_LEFT_ON, now.id, timestamp(was.paused_at), was.paused_by, seq),)


def of_wrap_up(recording: Recording) -> tuple[Notice, ...]:
    """Tell the person who paused that the agent wraps up and the call goes on with the pause still on."""
    paused_at, person = recording.paused_at, recording.paused_by
    if recording.state is not RecordingState.PAUSED or paused_at is None or person is None or not is_person(person):
        return ()
    occasion = f"{timestamp(paused_at)}{WRAP_UP}"
    return (Notice(NoticeKind.PAUSE_LEFT_ON, recording.id, occasion, person, recording.audit_seq),)


def _result(*, call_over: bool, in_effect: bool) -> Result:
    if call_over:
        return Result.CALL_ENDED
    return Result.IN_EFFECT if in_effect else Result.NOT_IN_EFFECT
