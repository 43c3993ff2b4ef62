"""Messages to people about recordings, as text and Block Kit. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.i18n.error_messages import now
from bot.recording.card import Card
from bot.recording.handover import POLICY_RECORDER
from bot.recording.models import ApprovalOutcome, RecordingState, Verb
from bot.recording.monitoring.observations import CALL_ENDED
from bot.recording.notices import NoticeKind, Result
from bot.slack.blocks.button import recording_button
from bot.slack.blocks.card import (
    NAME_SHOWN,
    about,
    approval_buttons,
    call_names,
    control_buttons,
    follow_button,
    state_words,
)
from bot.slack.blocks.mrkdwn import group_mention, inline, length, moment, mrkdwn
from bot.slack.blocks.notes import APPROVAL_TEXTS, approval_note, left
from bot.slack.blocks.time_limits.extend_button import extend_button
from bot.slack.blocks.time_limits.limit_notice import ANNOUNCEMENTS, about_limit, ends_later, left_paused, shown_end

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording
    from bot.recording.monitoring.reminders import LastAction, OpenNotice
    from bot.recording.time_limits.snooze import Snooze
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
    NoticeKind.PAUSE_ENDS: ":hourglass:",
    NoticeKind.RECORDING_ENDS: ":hourglass:",
    NoticeKind.LIMIT_FAILED: ":warning:",
    NoticeKind.PAUSE_LEFT_ON: ":double_vertical_bar:",
}
ANSWERED_ICON = ":white_check_mark:"
CLOSED_ICONS = {
    None: ":bust_in_silhouette:",
    ApprovalOutcome.CONFIRMED: ANSWERED_ICON,
    ApprovalOutcome.WITHDRAWN: ":leftwards_arrow_with_hook:",
    ApprovalOutcome.EXPIRED: ":hourglass:",
    ApprovalOutcome.OVER: ":telephone_receiver:",
}
"""How the wait for a second supervisor ended; only a confirmed stop is a success."""
OFFERED = {
    NoticeKind.LONG_RECORDING: (Verb.STOP, RecordingState.ACTIVE),
    NoticeKind.LONG_PAUSE: (Verb.RESUME, RecordingState.PAUSED),
    NoticeKind.PAUSE_ENDS: (Verb.RESUME, RecordingState.PAUSED),
    NoticeKind.RECORDING_ENDS: (Verb.STOP, RecordingState.ACTIVE),
}
"""What a reminder has a button for, and the state in which it holds; it keeps the button while an action runs."""
STILL_NEEDED = "recording_still_needed"
CONTROLS = "notice_controls"


@dataclass(frozen=True, slots=True)
class SharedReminder:
    """A reminder in the message that it may share with others. ``done``: it has its result instead of buttons."""

    notice: OpenNotice
    done: bool = False
    deed: LastAction | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one notice adds to a message."""

    notice: OpenNotice
    text: str
    blocks: list[Block]


def notice(one: OpenNotice, style: CardStyle, at: datetime, escalate: str | None = None) -> dict[str, Any]:
    """Return the message of a notice, as arguments of ``chat.postMessage``; ``at`` is the time now.

    ``escalate`` is the user group that the repeated message about a waiting stop names.
    """
    return _message([_question(one, style, at, escalate)])


def answered(one: OpenNotice, deed: LastAction | None, style: CardStyle) -> dict[str, Any]:
    """Return a reminder with its result, as arguments of ``chat.update``."""
    return _message([_result(one, deed, style)])


def reminders(shown: Sequence[SharedReminder], style: CardStyle, at: datetime) -> dict[str, Any]:
    """Return the message that several reminders for one person share, each with its own row of buttons."""
    parts = [
        _result(one.notice, one.deed, style)
        if one.done
        else _question(one.notice, style, at, block_id=f"{CONTROLS}_{number}")
        for number, one in enumerate(shown, 1)
    ]
    count = sum(not one.done for one in shown)
    return _message(parts, head=style.words("notices.several", count=count) if count else "")


def snoozed_text(snooze: Snooze, style: CardStyle) -> str:
    """Say who answered that the recording is still needed, and when the next reminder comes."""
    person = style.person(snooze.by)
    if snooze.until is None:
        return style.words("notices.snoozed_for_good", person=person)
    return style.words("notices.snoozed", person=person, until=_at(snooze.until))


def _question(
    one: OpenNotice, style: CardStyle, at: datetime, escalate: str | None = None, *, block_id: str = CONTROLS
) -> Part:
    if one.approval is None:
        buttons = _buttons(one, style.words)
    else:
        buttons = approval_buttons(one.approval, one.recording, style.words, about=about(_shown(one)))
    actions: list[Block] = [{"type": "actions", "block_id": block_id, "elements": buttons}] if buttons else []
    again = style.words("notices.sent_again") if one.posts_begun else ""
    says, title, note = _says(one, style, at), "", ""
    if one.notice.kind is NoticeKind.STOP_WAITS and one.notice.repetition:
        again_of = style.words(f"approval.{APPROVAL_TEXTS[one.notice.verb or Verb.STOP]}notice_again")
        says = " ".join(filter(None, (group_mention(escalate), again_of, says)))
    if one.notice.kind is NoticeKind.LONG_RECORDING:
        title, paused = style.words("notices.still_recording"), timedelta(seconds=one.recording.paused_seconds)
        note = style.words("card.paused_in_all", length=length(paused, style.words)) if paused else ""
    return _part(one, style, ICONS[one.notice.kind], says, title=title, note=note, actions=actions, end=again)


def _result(one: OpenNotice, deed: LastAction | None, style: CardStyle) -> Part:
    if one.approval is not None:
        return _part(
            one, style, CLOSED_ICONS[one.approval.outcome], approval_note(one.approval, style.words, style.person)
        )
    if one.notice.kind is NoticeKind.TRANSFERRED:
        return _part(one, style, ANSWERED_ICON, style.words("notices.followed"))
    if one.snooze is not None and one.recording.state is RecordingState.ACTIVE:
        return _part(one, style, ANSWERED_ICON, snoozed_text(one.snooze, style))
    later = ends_later(one, style.words)
    says = f"{_came_of(one.recording, deed, style)} {later or style.words('notices.answered')}"
    return _part(one, style, ANSWERED_ICON, says)


def _part(
    one: OpenNotice,
    style: CardStyle,
    icon: str,
    says: str,
    *,
    title: str = "",
    note: str = "",
    actions: list[Block] | None = None,
    end: str = "",
) -> Part:
    """Return a notice's part of a message. With a ``title``, agent and queue stand beside it, as on a card."""
    words, shown = style.words, _shown(one)
    names, facts = call_names(shown, words), [note, *_facts(one, style), end]
    if title:
        bold = " · ".join([f"*{title}*", *call_names(shown, words, bold=True)])
        said, section = [title, *names, says], f"{icon}  {bold}\n{says}"
    else:
        # A request to confirm a stop names the call's id, so agent and queue come before it.
        said = [says, *names] if one.approval is None else [*names, says]
        section, facts = f"{icon}  {says}", [*names, *facts]
    said += [note, words("card.call", call=one.recording.conversation_id), *facts[-2:]]
    blocks: list[Block] = [
        {"type": "section", "text": mrkdwn(section)},
        {"type": "context", "elements": [mrkdwn(" · ".join(filter(None, facts)))]},
        *(actions or []),
    ]
    return Part(one, " · ".join(filter(None, said)), blocks)


def _facts(one: OpenNotice, style: CardStyle) -> list[str]:
    """Name the call, short and linked, and the audit number."""
    recording, seq = one.recording, max(one.recording.audit_seq, one.notice.audit_seq)
    return [
        style.words("card.call", call=style.call(recording.conversation_id, short=True)),
        style.words("card.audit", seq=seq),
    ]


def _message(parts: Sequence[Part], *, head: str = "") -> dict[str, Any]:
    about_all = [
        {"recording_id": str(part.notice.recording.id), "kind": part.notice.notice.kind.value} for part in parts
    ]
    payload = about_all[0] | ({"recordings": about_all} if len(parts) > 1 else {})
    opening: list[Block] = [{"type": "section", "text": mrkdwn(f"*{head}*")}] if head else []
    return {
        "text": "\n".join(filter(None, [head, *(part.text for part in parts)])),
        "blocks": [*opening, *(block for part in parts for block in part.blocks)],
        "parse": "none",
        "metadata": {"event_type": "recording_notice", "event_payload": payload},
    }


def _shown(one: OpenNotice) -> Card:
    """Return the recording with its names, as cards have them."""
    return Card(one.recording, "", one.notice.person, agent_name=one.agent_name, queue_name=one.queue_name)


def _says(one: OpenNotice, style: CardStyle, at: datetime) -> str:
    words, recording = style.words, one.recording
    match one.notice.kind:
        case NoticeKind.LONG_RECORDING:
            since = recording.started_at or recording.requested_at
            key = "notices.long_recording_taken_over" if recording.adopted else "notices.long_recording"
            return words(key, length=length(at - since, words), since=_at(since))
        case NoticeKind.CALL_ENDED | NoticeKind.PAUSE_LEFT_ON:
            ended = one.notice.kind is NoticeKind.CALL_ENDED
            said = words("notices.call_ended") if ended else left_paused(one, words)
            return f"{said} {_recorded(recording, words)}".rstrip()
        case NoticeKind.STOP_WAITS:
            return _stop_waits(one, style)
        case NoticeKind.TRANSFERRED:
            return _transferred(one, style)
        case NoticeKind.LONG_PAUSE | NoticeKind.PAUSE_ENDS | NoticeKind.RECORDING_ENDS | NoticeKind.LIMIT_FAILED:
            paused = _at(recording.paused_at or recording.requested_at)
            long = one.notice.kind is NoticeKind.LONG_PAUSE
            return words("notices.long_pause", since=paused) if long else about_limit(one, words)
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
    text = APPROVAL_TEXTS[one.notice.verb or Verb.STOP]
    how = style.words(f"approval.{text}notice", call=one.recording.conversation_id)
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
    if one.notice.kind not in OFFERED:
        return []
    verb, state = OFFERED[one.notice.kind]
    asked_about = replace(one.recording, state=state, in_doubt=False)
    controls = [
        button
        for button in control_buttons(asked_about, words, about=about(_shown(one)))
        if button["action_id"] == f"recording_{verb.value}"
    ]
    if one.notice.kind in ANNOUNCEMENTS:
        return [extend_button(one.recording, one.notice.limit, words, shown_end(one)), *controls]
    if one.notice.kind is NoticeKind.LONG_RECORDING:
        text = words("buttons.still_needed")
        return [recording_button(STILL_NEEDED, text, one.recording, words, "buttons.still_needed_of"), *controls]
    return controls


def _at(when: datetime) -> str:
    return moment(when, form=DATE_FORM)
