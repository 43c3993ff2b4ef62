"""Answers about a request in progress, or a stop that a second supervisor has to confirm."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.i18n.error_messages import now
from bot.recording.models import Verb
from bot.recording.requests import AwaitsConfirmation, Extended
from bot.slack.blocks.mrkdwn import length, moment
from bot.slack.blocks.notes import APPROVAL_TEXTS

if TYPE_CHECKING:
    from bot.recording.requests import PendingAction, Withdrawn
    from bot.slack.blocks.card import CardStyle


def answer_to(done: PendingAction | AwaitsConfirmation | Extended, style: CardStyle) -> str:
    """Answer a request to change a recording."""
    if isinstance(done, AwaitsConfirmation):
        return awaiting(done, style)
    return extended(done, style) if isinstance(done, Extended) else confirming(done, style)


def awaiting(answer: AwaitsConfirmation, style: CardStyle) -> str:
    """Say that nothing is stopped until a second supervisor confirms, who that can be, how, and until when.

    Of a longer pause: that it ends as it would, until then.
    """
    which = APPROVAL_TEXTS[answer.approval.verb]
    return style.words(
        f"approval.{which}again" if answer.again else f"approval.{which}asked",
        call=style.call(answer.recording.conversation_id),
        id=answer.recording.conversation_id,
        until=moment(answer.approval.expires_at),
        now=now(answer.recording, style.words),
        seq=answer.audit_seq,
    )


def under_way(accepted: PendingAction, style: CardStyle) -> str:
    """Say that the requested action is in progress, and where to follow it."""
    call = style.call(accepted.recording.conversation_id, short=True)
    said = style.words(f"command.{accepted.attempt.verb.value}", call=call, seq=accepted.audit_seq)
    if accepted.attempt.verb is Verb.PAUSE and (seconds := accepted.recording.pause_seconds) is not None:
        shown = length(timedelta(seconds=seconds), style.words)
        if accepted.longer is None:
            return f"{said}\n{style.words('limits.pause', length=shown)}"
        call_id, until = accepted.recording.conversation_id, moment(accepted.longer.expires_at)
        return f"{said}\n{style.words('approval.pause_bounded', length=shown, id=call_id, until=until)}"
    if accepted.attempt.verb is not Verb.START or not accepted.request.origin.shared_channel:
        return said
    return f"{said}\n{style.words('shared.start')}"


def confirming(accepted: PendingAction, style: CardStyle) -> str:
    """Say to the second supervisor whose stop they have confirmed, or that the stop is on its way."""
    if accepted.confirmed is None:
        return under_way(accepted, style)
    call, seq = style.call(accepted.recording.conversation_id, short=True), accepted.audit_seq
    return style.words("approval.confirming", call=call, seq=seq, person=style.person(accepted.confirmed.asked_by))


def taken_back(withdrawn: Withdrawn, style: CardStyle) -> str:
    """Say that a stop does not wait any more."""
    call = style.call(withdrawn.recording.conversation_id)
    return style.words(f"approval.{APPROVAL_TEXTS[withdrawn.verb]}taken_back", call=call, seq=withdrawn.audit_seq)


def extended(done: Extended, style: CardStyle) -> str:
    """Say until when a pause or a recording now lasts, and whose request that was if it was confirmed."""
    call, seq = style.call(done.recording.conversation_id), done.audit_seq
    until = "" if done.until is None else moment(done.until)
    if done.confirmed is not None:
        person = style.person(done.confirmed.asked_by)
        return style.words("approval.pause_confirming", call=call, seq=seq, person=person)
    return style.words(f"limits.{done.limit.value}_extended", call=call, until=until, seq=seq)
