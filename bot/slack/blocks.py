"""Block Kit from a recording. Pure functions; the sizes are Slack's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.recording.models import Mechanism, RecordingState, Verb
from bot.recording.policy import STEPS
from bot.slack.replies import SENTENCES
from bot.slack.text import actor_name, escape, length, moment, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.recording.models import Card, Recording

Block = dict[str, Any]

STATE_WORDS = {
    RecordingState.STARTING: (":hourglass_flowing_sand:", "Starting…"),
    RecordingState.ACTIVE: (":red_circle:", "Recording"),
    RecordingState.PAUSING: (":hourglass_flowing_sand:", "Pausing…"),
    RecordingState.PAUSED: (":double_vertical_bar:", "Paused"),
    RecordingState.RESUMING: (":hourglass_flowing_sand:", "Resuming…"),
    RecordingState.STOPPING: (":hourglass_flowing_sand:", "Stopping…"),
    RecordingState.STOPPED: (":black_square_for_stop:", "Stopped"),
    RecordingState.FAILED: (":warning:", "Not recorded"),
    RecordingState.ENDED: (":telephone_receiver:", "Call ended"),
}
IN_DOUBT = (":grey_question:", "Outcome unknown, checking")
REASON_SHOWN = 600
SENT_AGAIN = "sent again: an older copy of this card may stand above"
BUTTON_LABELS = {Verb.STOP: "Stop", Verb.PAUSE: "Pause", Verb.RESUME: "Resume"}


@dataclass(frozen=True, slots=True)
class CardStyle:
    """What a card needs to know beyond its recording."""

    team_id: str
    interaction_url: str = ""
    reason_labels: Mapping[str, str] = field(default_factory=dict)

    def call(self, conversation_id: str, *, short: bool = False) -> str:
        """Name a call, linked to the interaction where the link is known."""
        shown = f"{conversation_id[:8]}…" if short else conversation_id
        if not self.interaction_url:
            return f"`{shown}`"
        return f"<{self.interaction_url.replace('{conversation_id}', conversation_id)}|{shown}>"

    def reason(self, recording: Recording) -> str:
        """Return the reason in plain words; show it only where markup can't come alive."""
        label = self.reason_labels.get(recording.reason_code or "", recording.reason_code)
        return ": ".join(filter(None, (label, recording.reason)))


def state_words(recording: Recording) -> tuple[str, str]:
    """Return the icon and the word for a recording's state."""
    if recording.in_doubt:
        return IN_DOUBT
    icon, word = STATE_WORDS[recording.state]
    if recording.state is RecordingState.STOPPED and recording.mechanism is Mechanism.POLICY:
        word = "Stopped: in secure pause, not deleted"
    return icon, word


def card(shown: Card, style: CardStyle) -> tuple[str, list[Block]]:
    """Render a recording's card: its text for screen readers and notifications, and its blocks."""
    recording = shown.recording
    icon, word = state_words(recording)
    blocks: list[Block] = [_section(f"{icon}  *{word}*{_when(recording)}"), _fields(shown, style)]
    notes = [note for note in (_mechanism_note(recording), _error_note(recording)) if note]
    if notes:
        blocks.append(_section("\n".join(notes)))
    if reason := style.reason(recording):
        blocks.append(_plain_context(f"Reason: {shorten(reason, REASON_SHOWN)}"))
    if buttons := control_buttons(recording):
        blocks.append({"type": "actions", "block_id": "recording_controls", "elements": buttons})
    again = f" · {SENT_AGAIN}" if shown.posts_begun > 1 or (shown.posts_begun and shown.ts is None) else ""
    blocks.append({"type": "context", "elements": [_mrkdwn(f"Audit #{recording.audit_seq}{again}")]})
    return card_text(shown, style), blocks


def card_text(shown: Card, style: CardStyle) -> str:
    """Say in one text all that the blocks say."""
    recording = shown.recording
    parts = [
        f"{state_words(recording)[1]}{_when(recording)}: call {recording.conversation_id}",
        f"agent {escape(shown.agent_name)}" if shown.agent_name else "",
        f"queue {escape(shown.queue_name)}" if shown.queue_name else "",
        f"started by {actor_name(recording.started_by, style.team_id)}",
        f"{_over(recording)[0].lower()} {actor_name(recording.ended_by, style.team_id)}" if recording.ended_by else "",
        f"reason {escape(shorten(style.reason(recording), REASON_SHOWN))}" if style.reason(recording) else "",
        _error_note(recording),
        f"audit #{recording.audit_seq}",
    ]
    return ", ".join(filter(None, parts))


def control_buttons(recording: Recording) -> list[Block]:
    """Return the buttons for what may be done now; none while an action runs or is in doubt."""
    if recording.in_doubt:
        return []
    allowed = [verb for verb in BUTTON_LABELS if recording.state in STEPS[verb].allowed_from]
    return [_button(verb, recording) for verb in sorted(allowed, key=lambda verb: verb is Verb.STOP)]


def _button(verb: Verb, recording: Recording) -> Block:
    button: Block = {
        "type": "button",
        "action_id": f"recording_{verb.value}",
        "text": {"type": "plain_text", "text": BUTTON_LABELS[verb]},
        "value": str(recording.id),
        "accessibility_label": f"{BUTTON_LABELS[verb]} the recording of call {recording.conversation_id[:8]}",
    }
    if verb is Verb.STOP:
        policy = recording.mechanism is Mechanism.POLICY
        button["style"] = "danger"
        button["confirm"] = {
            "title": {"type": "plain_text", "text": "Stop this recording?"},
            "text": {
                "type": "plain_text",
                "text": "A policy records this call. It goes into secure pause; nothing recorded so far is deleted."
                if policy
                else "Nothing more of the call is recorded from then on. What was recorded so far is kept.",
            },
            "confirm": {"type": "plain_text", "text": "Stop recording"},
            "deny": {"type": "plain_text", "text": "Keep recording"},
            "style": "danger",
        }
    return button


def _when(recording: Recording) -> str:
    if recording.state in {RecordingState.STOPPED, RecordingState.ENDED} and recording.started_at:
        end: datetime = recording.ended_at or recording.started_at
        return f" after {length(end - recording.started_at)}"
    if recording.state is RecordingState.PAUSED and recording.paused_at:
        return f" since {moment(recording.paused_at)}"
    if recording.state is RecordingState.ACTIVE and recording.started_at:
        return f" since {moment(recording.started_at)}"
    return ""


def _over(recording: Recording) -> tuple[str, str]:
    if recording.state is RecordingState.FAILED:
        return "Settled by", "failed"
    return ("Stopped by", "stopped") if recording.state is RecordingState.STOPPED else ("Closed by", "closed")


def _fields(shown: Card, style: CardStyle) -> Block:
    recording = shown.recording
    fields = [("Call", style.call(recording.conversation_id))]
    if shown.agent_name:
        fields.append(("Agent", escape(shorten(shown.agent_name, 200))))
    if shown.queue_name:
        fields.append(("Queue", escape(shorten(shown.queue_name, 200))))
    began = recording.started_at or recording.requested_at
    fields.append(
        ("Started by" if recording.started_at else "Asked by", actor_name(recording.started_by, style.team_id))
    )
    fields.append(
        ("Started" if recording.started_at else "Asked", moment(began, form="{date_short_pretty} {time_secs}"))
    )
    if recording.ended_by and recording.state is not RecordingState.FAILED:
        fields.append((_over(recording)[0], actor_name(recording.ended_by, style.team_id)))
    return {"type": "section", "fields": [_mrkdwn(f"*{name}*\n{value}") for name, value in fields]}


def _mechanism_note(recording: Recording) -> str:
    if recording.state.final:
        return ""
    adopted = "This call was being recorded already; the bot has taken over its control." if recording.adopted else ""
    policy = recording.mechanism is Mechanism.POLICY
    stop = "A recording policy records this call: Stop puts it in secure pause." if policy else ""
    return " ".join(filter(None, (adopted, stop)))


def _error_note(recording: Recording) -> str:
    if recording.error is None:
        return ""
    what = SENTENCES[recording.error].what
    if recording.state.final:
        return what
    return f"The last request was not carried out: {what}"


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def _plain_context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}
