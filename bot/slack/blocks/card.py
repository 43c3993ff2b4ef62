"""The card of a recording as Block Kit. Pure functions; the size limits are Slack's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.i18n.shorten import shorten
from bot.recording.handover import POLICY_RECORDER
from bot.recording.models import ALLOWED_FROM, Mechanism, RecordingState, Verb
from bot.slack.blocks.mrkdwn import actor_name, inline, isolated, length, moment, mrkdwn
from bot.slack.blocks.notes import ended_with_agent, notes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Self

    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card
    from bot.recording.models import Approval, Recording

Block = dict[str, Any]

STATE_ICONS = {
    RecordingState.STARTING: ":hourglass_flowing_sand:",
    RecordingState.ACTIVE: ":red_circle:",
    RecordingState.PAUSING: ":hourglass_flowing_sand:",
    RecordingState.PAUSED: ":double_vertical_bar:",
    RecordingState.RESUMING: ":hourglass_flowing_sand:",
    RecordingState.STOPPING: ":hourglass_flowing_sand:",
    RecordingState.STOPPED: ":black_square_for_stop:",
    RecordingState.FAILED: ":warning:",
    RecordingState.ENDED: ":telephone_receiver:",
}
IN_DOUBT_ICON = ":grey_question:"
REASON_SHOWN = 600
NAME_SHOWN = 100
FOLLOW_NAME_SHOWN = 60
"""A button's text has 75 characters."""
SECTION_LIMIT = 3000
START_AGAIN = "recording_start_again"
FOLLOW = "recording_follow"
CONFIRM_STOP = "recording_confirm_stop"
WITHDRAW_STOP = "recording_withdraw_stop"
CONTROLS = (Verb.PAUSE, Verb.RESUME, Verb.STOP)
"""The verbs that have a button, in the order of the buttons."""


@dataclass(frozen=True, slots=True)
class CardStyle:
    """What a card needs beyond its recording, including the language."""

    team_id: str
    words: Catalog
    interaction_url: str = ""
    reason_labels: Mapping[str, str] = field(default_factory=dict)

    def in_(self, words: Catalog) -> Self:
        """Return the same style in another language."""
        return replace(self, words=words)

    def call(self, conversation_id: str, *, short: bool = False) -> str:
        """Name a call, linked to the interaction if the link is known."""
        shown = f"{conversation_id[:8]}…" if short else conversation_id
        if not self.interaction_url:
            return f"`{shown}`"
        return f"<{self.interaction_url.replace('{conversation_id}', conversation_id)}|{shown}>"

    def person(self, actor: str) -> str:
        """Name an actor of the trail."""
        return actor_name(actor, self.team_id, self.words)

    def reason(self, recording: Recording) -> str:
        """Return the reason as plain text; show it only where markup isn't rendered."""
        label = self.reason_labels.get(recording.reason_code or "", recording.reason_code)
        return ": ".join(filter(None, (label, recording.reason)))


def state_words(recording: Recording, words: Catalog) -> tuple[str, str]:
    """Return the icon and the word for a recording's state."""
    if recording.in_doubt:
        return IN_DOUBT_ICON, words("states.in_doubt")
    if recording.state is RecordingState.STOPPED and recording.mechanism is Mechanism.POLICY:
        return STATE_ICONS[recording.state], words("states.stopped_policy")
    return STATE_ICONS[recording.state], words(f"states.{recording.state.value}")


def card(shown: Card, style: CardStyle) -> tuple[str, list[Block]]:
    """Render a recording's card: its text for screen readers and notifications, and its blocks."""
    recording, words = shown.recording, style.words
    icon, word = state_words(recording, words)
    blocks: list[Block] = [_section(f"{icon}  {_standing(recording, f'*{word}*', words)}"), _fields(shown, style)]
    if sentences := notes(shown, words, style.person):
        blocks.append(_section(shorten("\n".join(sentences), SECTION_LIMIT)))
    if reason := style.reason(recording):
        blocks.append(_plain_context(words("card.reason", reason=isolated(shorten(reason, REASON_SHOWN)))))
    if buttons := control_buttons(recording, words, shown.approval) or _again(shown, words):
        blocks.append({"type": "actions", "block_id": "recording_controls", "elements": buttons})
    end = [words("card.audit", seq=recording.audit_seq), words("card.sent_again") if _sent_again(shown) else ""]
    blocks.append({"type": "context", "elements": [mrkdwn(" · ".join(filter(None, end)))]})
    if _in_shared_channel(shown):
        blocks.append({"type": "context", "elements": [mrkdwn(words("shared.card"))]})
    return card_text(shown, style), blocks


def card_text(shown: Card, style: CardStyle) -> str:
    """Say in one text all that the blocks say."""
    recording, words = shown.recording, style.words
    standing = _standing(recording, state_words(recording, words)[1], words)
    began = _beginning(recording)
    reason = style.reason(recording)
    over = _over(recording)
    parts = [
        words("card.text_call", state=standing, call=recording.conversation_id),
        words("card.text_agent", name=inline(shown.agent_name, NAME_SHOWN)) if shown.agent_name else "",
        words("card.text_queue", name=inline(shown.queue_name, NAME_SHOWN)) if shown.queue_name else "",
        words(f"card.text_{began}_by", person=style.person(recording.started_by)),
        words(f"card.text_{began}", time=_began(recording)),
        words(f"card.text_{over}", person=style.person(recording.ended_by)) if over and recording.ended_by else "",
        words("card.text_reason", reason=inline(reason, REASON_SHOWN)) if reason else "",
        words("card.text_paused", length=_paused(recording, words)) if recording.paused_seconds else "",
        *notes(shown, words, style.person),
        words("card.text_audit", seq=recording.audit_seq),
        words("card.sent_again") if _sent_again(shown) else "",
        words("shared.card_text") if _in_shared_channel(shown) else "",
    ]
    return ", ".join(part.removesuffix(".") for part in parts if part)


def control_buttons(recording: Recording, words: Catalog, approval: Approval | None = None) -> list[Block]:
    """Return the buttons for what is possible now; none while an action runs or is in doubt.

    While a stop waits for a second supervisor, it is confirmed or withdrawn in the place of Stop.
    """
    if recording.in_doubt:
        return []
    waits = approval is not None and approval.outcome is None
    allowed = [verb for verb in CONTROLS if recording.state in ALLOWED_FROM[verb]]
    buttons = [_button(verb, recording, words) for verb in allowed if not (waits and verb is Verb.STOP)]
    if approval is not None and waits and Verb.STOP in allowed:
        buttons += approval_buttons(approval, recording, words)
    return buttons


def approval_buttons(approval: Approval, recording: Recording, words: Catalog) -> list[Block]:
    """Return the buttons about a stop that waits for a second supervisor; the click decides who may press which."""
    call = recording.conversation_id[:8]
    confirm: Block = {
        "type": "button",
        "action_id": CONFIRM_STOP,
        "text": _plain(words("approval.confirm")),
        "value": str(approval.id),
        "accessibility_label": words("approval.confirm_of", call=call),
        "style": "danger",
        "confirm": _stop_dialog(recording, words, button=words("approval.confirm")),
    }
    withdraw: Block = {
        "type": "button",
        "action_id": WITHDRAW_STOP,
        "text": _plain(words("approval.withdraw")),
        "value": str(approval.id),
        "accessibility_label": words("approval.withdraw_of", call=call),
    }
    return [confirm, withdraw]


def _again(shown: Card, words: Catalog) -> list[Block]:
    """Return the button that records a call again after a stop; none once its file shows that the call is over."""
    if not shown.startable or shown.saved:
        return []
    if ended_with_agent(shown.recording):
        return [follow_button(shown.recording, words)]
    button: Block = {
        "type": "button",
        "action_id": START_AGAIN,
        "text": _plain(words("again.button")),
        "value": str(shown.recording.id),
        "accessibility_label": words("again.button_of", call=shown.recording.conversation_id[:8]),
    }
    return [button]


def follow_button(recording: Recording, words: Catalog, *, agent: str | None = None) -> Block:
    """Return the button that records the agent who is on the call after a transfer; the click finds out who that is."""
    call = recording.conversation_id[:8]
    named = words("again.record_agent", agent=isolated(shorten(agent, FOLLOW_NAME_SHOWN))) if agent else ""
    return {
        "type": "button",
        "action_id": FOLLOW,
        "text": _plain(named or words("again.record_new_agent")),
        "value": str(recording.id),
        "accessibility_label": words("again.follow_of", call=call),
    }


def _button(verb: Verb, recording: Recording, words: Catalog) -> Block:
    button: Block = {
        "type": "button",
        "action_id": f"recording_{verb.value}",
        "text": _plain(words(f"buttons.{verb.value}")),
        "value": str(recording.id),
        "accessibility_label": words(f"buttons.{verb.value}_of", call=recording.conversation_id[:8]),
    }
    if verb is Verb.STOP:
        button["style"] = "danger"
        button["confirm"] = _stop_dialog(recording, words, button=words("buttons.stop_confirm"))
    return button


def _stop_dialog(recording: Recording, words: Catalog, *, button: str) -> Block:
    means = "stop_means_policy" if recording.mechanism is Mechanism.POLICY else "stop_means"
    if means == "stop_means" and POLICY_RECORDER in (recording.recorders or "").split():
        means = "stop_means_both"
    return {
        "title": _plain(words("buttons.stop_title")),
        "text": _plain(words(f"buttons.{means}")),
        "confirm": _plain(button),
        "deny": _plain(words("buttons.stop_deny")),
        "style": "danger",
    }


def _standing(recording: Recording, word: str, words: Catalog) -> str:
    """Return the state's word with since when, or after how long, if that is known."""
    if recording.adopted and recording.state is RecordingState.ACTIVE and recording.started_at:
        return words("states.taken_over", state=word, time=moment(recording.started_at))
    if recording.adopted and recording.state.final:
        return word
    if recording.state in {RecordingState.STOPPED, RecordingState.ENDED} and recording.started_at:
        end: datetime = recording.ended_at or recording.started_at
        return words("states.after", state=word, length=length(end - recording.started_at, words))
    if recording.state is RecordingState.PAUSED and recording.paused_at:
        return words("states.since", state=word, time=moment(recording.paused_at))
    if recording.state is RecordingState.ACTIVE and recording.started_at:
        return words("states.since", state=word, time=moment(recording.started_at))
    return word


def _beginning(recording: Recording) -> str:
    """Return the key for how it began; a recording that Genesys already had was started by someone else."""
    if recording.started_at is None:
        return "asked"
    return "taken_over" if recording.adopted or recording.mechanism is Mechanism.POLICY else "started"


def _over(recording: Recording) -> str:
    """Return the key for who ended it; empty if nobody did, because the recording never began."""
    if recording.state is RecordingState.FAILED or recording.ended_by is None:
        return ""
    return "stopped_by" if recording.state is RecordingState.STOPPED else "closed_by"


def _began(recording: Recording) -> str:
    return moment(recording.started_at or recording.requested_at, form="{date_short_pretty} {time_secs}")


def _paused(recording: Recording, words: Catalog) -> str:
    return length(timedelta(seconds=recording.paused_seconds), words)


def _sent_again(shown: Card) -> bool:
    return shown.posts_begun > 1 or bool(shown.posts_begun and shown.ts is None)


def _in_shared_channel(shown: Card) -> bool:
    """Say whether another organization reads the card; one that went to a person directly is read by nobody else."""
    return shown.shared_channel and shown.posted_channel in {None, shown.channel}


def _fields(shown: Card, style: CardStyle) -> Block:
    recording = shown.recording
    began, over = _beginning(recording), _over(recording)
    fields = [
        ("call", style.call(recording.conversation_id)),
        ("agent", inline(shown.agent_name or "", NAME_SHOWN)),
        ("queue", inline(shown.queue_name or "", NAME_SHOWN)),
        (f"{began}_by", style.person(recording.started_by)),
        (began, _began(recording)),
        (over, style.person(recording.ended_by) if over and recording.ended_by else ""),
    ]
    if recording.paused_seconds:
        fields.append(("paused", style.words("card.paused_in_all", length=_paused(recording, style.words))))
    shown_fields = [mrkdwn(f"*{style.words(f'card.{name}')}*\n{value}") for name, value in fields if value]
    return {"type": "section", "fields": shown_fields}


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _plain_context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}
