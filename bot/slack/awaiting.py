"""What people are told about a stop that has to be confirmed by a second supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.text import moment

if TYPE_CHECKING:
    from bot.recording.requests import Accepted, AwaitsConfirmation, Withdrawn
    from bot.slack.blocks import CardStyle


def awaiting(answer: AwaitsConfirmation, style: CardStyle) -> str:
    """Say that nothing is stopped until a second supervisor confirms, who that can be, how, and until when."""
    return style.words(
        "approval.again" if answer.again else "approval.asked",
        call=style.call(answer.recording.conversation_id),
        id=answer.recording.conversation_id,
        until=moment(answer.approval.expires_at),
        seq=answer.audit_seq,
    )


def confirming(accepted: Accepted, style: CardStyle) -> str:
    """Say to the second supervisor whose stop they have confirmed, or that the stop is on its way."""
    call, seq = style.call(accepted.recording.conversation_id), accepted.audit_seq
    if accepted.confirmed is None:
        return style.words("command.stop", call=call, seq=seq)
    return style.words("approval.confirming", call=call, seq=seq, person=style.person(accepted.confirmed.asked_by))


def taken_back(withdrawn: Withdrawn, style: CardStyle) -> str:
    """Say that a stop does not wait any more."""
    call = style.call(withdrawn.recording.conversation_id)
    return style.words("approval.taken_back", call=call, seq=withdrawn.audit_seq)
