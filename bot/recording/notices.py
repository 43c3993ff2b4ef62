"""The direct messages about recordings, and those that an outcome calls for.

The transaction that writes an outcome adds its notices, so no crash comes between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.recording.models import RecordingState, Verb
from bot.recording.requests import is_person

if TYPE_CHECKING:
    from uuid import UUID

    from bot.recording.models import Attempt, Recording

REPETITION = "/"
"""The separator before the number of the repetition in a notice's occasion: of a waiting stop, or of a reminder."""


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


def of_outcome(
    seq: int,
    recording: Recording,
    attempt: Attempt | None = None,
    *,
    call_over: bool = False,
    in_effect: bool = True,
    doubted: bool = False,
) -> tuple[Notice, ...]:
    """Tell the person who asked how a doubt was settled, and the one who started it that the call is over.

    ``seq`` is the outcome's entry; ``attempt`` is None where nobody asked. ``doubted``: until then nobody knew, or
    nobody could say.
    """
    notices = list[Notice]()
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


def _result(*, call_over: bool, in_effect: bool) -> Result:
    if call_over:
        return Result.CALL_ENDED
    return Result.IN_EFFECT if in_effect else Result.NOT_IN_EFFECT
