"""Messages to people about recordings, as text and Block Kit. Pure functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.i18n.error_messages import now
from bot.recording.handover import POLICY_RECORDER
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.observations import CALL_ENDED
from bot.recording.notices import NoticeKind, Result
from bot.slack.blocks.card import NAME_SHOWN, approval_buttons, control_buttons, follow_button, state_words
from bot.slack.blocks.mrkdwn import group_mention, inline, length, moment, mrkdwn
from bot.slack.blocks.notes import approval_note, left

if TYPE_CHECKING:
    from datetime import datetime

    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording
    from bot.recording.monitoring.reminders import LastAction, OpenNotice
    from bot.slack.blocks.card import Block, CardStyle

DATE_FORM = "{date_short_pretty} {time_secs}"
ICONS = {
    NoticeKind.LONG_RECORDING: ":alarm_clock:",
    NoticeKind.LONG_PAUSE: ":double_vertical_bar:",
    NoticeKind.CALL_ENDED: ":telephone_receiver:",
    NoticeKind.OUTCOME_UNKNOWN: ":grey_question:",
    NoticeKind.OUTCOME_SETTLED: ":information_source:",
    NoticeKind.STOP_WAITS: ":bust_in_silhouette:",
    NoticeKind.TRANSFERRED: ":twisted_rightwards_arrows:",
}
ANSWERED_ICON = ":white_check_mark:"
OFFERED = {
    NoticeKind.LONG_RECORDING: (Verb.PAUSE, Verb.STOP),
    NoticeKind.LONG_PAUSE: (Verb.RESUME,),
}
"""What a reminder has buttons for."""


def notice(one: OpenNotice, style: CardStyle, escalate: str | None = None) -> dict[str, Any]:
    """Return the message of a notice, as arguments of ``chat.postMessage``.

    ``escalate`` is the user group that the repeated message about a waiting stop names.
    """
    if one.approval is None:
        buttons = _buttons(one, style.words)
    else:
        buttons = approval_buttons(one.approval, one.recording, style.words)
    actions: list[Block] = [{"type": "actions", "block_id": "notice_controls", "elements": buttons}] if buttons else []
    again = style.words("notices.sent_again") if one.posts_begun else ""
    says = _says(one, style)
    if one.notice.kind is NoticeKind.STOP_WAITS and one.notice.repetition:
        says = " ".join(filter(None, (group_mention(escalate), style.words("approval.notice_again"), says)))
    return _message(one, style, ICONS[one.notice.kind], says, actions=actions, end=again)


def answered(one: OpenNotice, deed: LastAction | None, style: CardStyle) -> dict[str, Any]:
    """Return a reminder with its result, as arguments of ``chat.update``."""
    if one.approval is not None:
        return _message(one, style, ANSWERED_ICON, approval_note(one.approval, style.words, style.person))
    if one.notice.kind is NoticeKind.TRANSFERRED:
        return _message(one, style, ANSWERED_ICON, style.words("notices.followed"))
    says = f"{_came_of(one.recording, deed, style)} {style.words('notices.answered')}"
    return _message(one, style, ANSWERED_ICON, says)


def _message(
    one: OpenNotice, style: CardStyle, icon: str, says: str, *, actions: list[Block] | None = None, end: str = ""
) -> dict[str, Any]:
    words, recording, seq = style.words, one.recording, max(one.recording.audit_seq, one.notice.audit_seq)
    agent, queue = (inline(name or "", NAME_SHOWN) for name in (one.agent_name, one.queue_name))
    facts = [
        f"{words('card.call')} {style.call(recording.conversation_id)}",
        f"{words('card.agent')} {agent}" if agent else "",
        f"{words('card.queue')} {queue}" if queue else "",
        words("card.audit", seq=seq),
        end,
    ]
    said = [says, f"{words('card.call')} {recording.conversation_id}", *facts[1:]]
    blocks: list[Block] = [
        {"type": "section", "text": mrkdwn(f"{icon}  {says}")},
        {"type": "context", "elements": [mrkdwn(" · ".join(filter(None, facts)))]},
        *(actions or []),
    ]
    return {
        "text": " · ".join(filter(None, said)),
        "blocks": blocks,
        "parse": "none",
        "metadata": {
            "event_type": "recording_notice",
            "event_payload": {"recording_id": str(recording.id), "kind": one.notice.kind.value},
        },
    }


def _says(one: OpenNotice, style: CardStyle) -> str:
    words, recording = style.words, one.recording
    match one.notice.kind:
        case NoticeKind.LONG_RECORDING:
            return words("notices.long_recording", since=_at(recording.started_at or recording.requested_at))
        case NoticeKind.LONG_PAUSE:
            return words("notices.long_pause", since=_at(recording.paused_at or recording.requested_at))
        case NoticeKind.CALL_ENDED:
            return f"{words('notices.call_ended')} {_recorded(recording, words)}".rstrip()
        case NoticeKind.STOP_WAITS:
            return _stop_waits(one, style)
        case NoticeKind.TRANSFERRED:
            return _transferred(one, style)
        case NoticeKind.OUTCOME_UNKNOWN:
            key = f"notices.unknown_{_verb(one)}"
        case NoticeKind.OUTCOME_SETTLED:
            key = f"notices.settled_{_verb(one)}_{(one.notice.result or Result.NOT_IN_EFFECT).value}"
    says = f"{words(key, time=_at(one.asked_at or recording.requested_at))} {now(recording, words)}"
    return f"{says} {_recorded(recording, words)}" if one.notice.result is Result.CALL_ENDED else says


def _transferred(one: OpenNotice, style: CardStyle) -> str:
    """Say how the recording ended, who is on the call instead, and whether it is being recorded now."""
    words, recording = style.words, one.recording
    number = len((recording.successors or "").split())
    who = "nobody" if number == 0 else "one" if number == 1 else "several"
    named = one.successor_name or words("calls.unnamed", id=(recording.successors or "")[:8])
    return " ".join(
        [
            left(recording, words),
            words(f"notices.taken_over_{who}", agent=inline(named, NAME_SHOWN)),
            words("card.policy_goes_on" if POLICY_RECORDER in (recording.recorders or "").split() else "now.stopped"),
        ]
    )


def _stop_waits(one: OpenNotice, style: CardStyle) -> str:
    how = style.words("approval.notice", call=one.recording.conversation_id)
    if one.approval is None:  # the row has gone, and with it what could be said of it
        return how
    return f"{approval_note(one.approval, style.words, style.person)} {how}"


def _verb(one: OpenNotice) -> str:
    return (one.notice.verb or Verb.START).value


def _recorded(recording: Recording, words: Catalog) -> str:
    """Say how long was recorded, pauses left out; nothing of what never began, or what Genesys began by itself."""
    if recording.adopted:
        return ""
    if recording.state is RecordingState.FAILED or recording.started_at is None or recording.ended_at is None:
        return ""
    rest = timedelta(seconds=recording.paused_seconds)
    recorded = length(recording.ended_at - recording.started_at - rest, words)
    if not rest:
        return words("notices.recorded", length=recorded)
    return words("notices.recorded_with_pauses", length=recorded, paused=length(rest, words))


def _came_of(recording: Recording, deed: LastAction | None, style: CardStyle) -> str:
    if deed is None:  # the entry has been archived since
        return f"{state_words(recording, style.words)[1]}."
    what = "call_ended" if deed.action == CALL_ENDED else deed.action.rpartition(":")[2]
    return style.words(f"notices.came_{what}", person=style.person(deed.actor), time=_at(deed.at))


def _buttons(one: OpenNotice, words: Catalog) -> list[Block]:
    if one.notice.kind is NoticeKind.TRANSFERRED:
        return [follow_button(one.recording, words, agent=one.successor_name)]
    wanted = {f"recording_{verb.value}" for verb in OFFERED.get(one.notice.kind, ())}
    return [button for button in control_buttons(one.recording, words) if button["action_id"] in wanted]


def _at(when: datetime) -> str:
    return moment(when, form=DATE_FORM)
