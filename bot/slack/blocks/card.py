"""The card of a recording as Block Kit. Pure functions; the size limits are Slack's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.i18n.error_messages import ends_by_itself
from bot.i18n.shorten import shorten
from bot.recording.handover import POLICY_RECORDER
from bot.recording.models import Mechanism, RecordingState, Verb
from bot.recording.permissions import ALLOWED_FROM
from bot.recording.time_limits.limits import running_limit
from bot.slack.blocks.button import recording_button
from bot.slack.blocks.keep import keep_buttons
from bot.slack.blocks.mrkdwn import actor_name, inline, isolated, length, moment, mrkdwn
from bot.slack.blocks.notes import APPROVAL_TEXTS, ended_with_agent, notes
from bot.slack.blocks.time_limits.extend_button import extend_button
from bot.slack.blocks.try_again import may_help, try_again_button

if TYPE_CHECKING:
    from collections.abc import Mapping
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
DIALOG_NAME_SHOWN = 35
"""A dialog's title has 100 characters."""
FOLLOW_NAME_SHOWN = 60
"""A button's text has 75 characters."""
SECTION_LIMIT = 3000
TIME_FORM = "{date_short_pretty} {time_secs}"
START_AGAIN = "recording_start_again"
FOLLOW = "recording_follow"
CONFIRM_STOP = "recording_confirm_stop"
WITHDRAW_STOP = "recording_withdraw_stop"
CONFIRM_PAUSE = "recording_confirm_pause"
WITHDRAW_PAUSE = "recording_withdraw_pause"
CONTROLS = (Verb.PAUSE, Verb.RESUME, Verb.STOP)
"""The verbs that have a button, in the order of the buttons."""


@dataclass(frozen=True, slots=True)
class CardStyle:
    """What a card needs beyond its recording, including the language."""

    team_id: str
    words: Catalog
    interaction_url: str = ""
    reason_labels: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    """Whether recordings can be kept: cards then have the button."""

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
    """Render a recording's card: its text for screen readers and notifications, and its blocks.

    First state, agent and queue; then since when and by whom, what else to know, and why; the call's id and the audit
    number come last, small.
    """
    recording, words = shown.recording, style.words
    icon, word = state_words(recording, words)
    blocks: list[Block] = [
        _section(f"{icon}  {' · '.join([f'*{word}*', *call_names(shown, words, bold=True)])}"),
        _section("\n".join(_standing(recording, style))),
    ]
    if sentences := notes(shown, words, style.person):
        blocks.append(_section(shorten("\n".join(sentences), SECTION_LIMIT)))
    if reason := style.reason(recording):
        blocks.append(_plain_context(words("card.reason", reason=isolated(shorten(reason, REASON_SHOWN)))))
    buttons = control_buttons(recording, words, shown.approval, about=about(shown)) or _again(shown, words)
    if buttons := [*buttons, *keep_buttons(shown, words, offered=style.keep)]:
        blocks.append({"type": "actions", "block_id": "recording_controls", "elements": buttons})
    end = [
        words("card.call", call=style.call(recording.conversation_id, short=True)),
        words("card.audit", seq=recording.audit_seq),
        words("card.sent_again") if _sent_again(shown) else "",
    ]
    blocks.append({"type": "context", "elements": [mrkdwn(" · ".join(filter(None, end)))]})
    if _in_shared_channel(shown):
        blocks.append({"type": "context", "elements": [mrkdwn(words("shared.card"))]})
    return card_text(shown, style), blocks


def card_text(shown: Card, style: CardStyle) -> str:
    """Say in one text all that the blocks say; agent and queue come before any id, since notifications are cut."""
    recording, words = shown.recording, style.words
    reason = style.reason(recording)
    parts = [
        state_words(recording, words)[1],
        *call_names(shown, words),
        *_standing(recording, style),
        *notes(shown, words, style.person),
        words("card.reason", reason=inline(reason, REASON_SHOWN)) if reason else "",
        words("card.call", call=recording.conversation_id),
        words("card.sent_again") if _sent_again(shown) else "",
        words("shared.card_text") if _in_shared_channel(shown) else "",
        words("card.audit", seq=recording.audit_seq),
    ]
    return " · ".join(part.removesuffix(".") for part in parts if part)


def call_names(shown: Card, words: Catalog, *, bold: bool = False) -> list[str]:
    """Name a call's agent and queue as mrkdwn, as far as they are known."""
    recording = shown.recording
    agent = inline(shown.agent_name or "", NAME_SHOWN)
    if not agent and recording.agent_user_id:
        agent = words("calls.unnamed", id=recording.agent_user_id[:8])
    queue = inline(shown.queue_name or "", NAME_SHOWN)
    return [name for name in (f"*{agent}*" if agent and bold else agent, queue) if name]


def about(shown: Card) -> str:
    """Name a call in a dialog's title, as plain text; empty if neither its agent nor its queue is known."""
    names = [isolated(shorten(name, DIALOG_NAME_SHOWN)) for name in (shown.agent_name, shown.queue_name) if name]
    return ", ".join(names)


def control_buttons(
    recording: Recording, words: Catalog, approval: Approval | None = None, *, about: str = ""
) -> list[Block]:
    """Return the buttons for what is possible now; none while an action runs or is in doubt.

    ``about`` names the call in the dialog of a stop.

    While a stop waits for a second supervisor, it is confirmed or withdrawn in the place of Stop.
    """
    if recording.in_doubt:
        return []
    waits = approval is not None and approval.outcome is None
    stop_waits = waits and approval is not None and approval.verb is Verb.STOP
    allowed = [verb for verb in CONTROLS if recording.state in ALLOWED_FROM[verb]]
    buttons = [_button(verb, recording, words, about) for verb in allowed if not (stop_waits and verb is Verb.STOP)]
    if (limit := running_limit(recording)) is not None:
        buttons.insert(1, extend_button(recording, limit, words))
    if approval is not None and waits and Verb.STOP in allowed:
        buttons += approval_buttons(approval, recording, words, about=about)
    return buttons


def approval_buttons(approval: Approval, recording: Recording, words: Catalog, *, about: str = "") -> list[Block]:
    """Return the buttons about what waits for a second supervisor; the click decides who may press which."""
    text, value = APPROVAL_TEXTS[approval.verb], str(approval.id)
    sure, withdraw = words(f"approval.{text}confirm"), words(f"approval.{text}withdraw")
    if approval.verb is Verb.PAUSE:
        return [
            recording_button(CONFIRM_PAUSE, sure, recording, words, "approval.pause_confirm_of", value=value),
            recording_button(WITHDRAW_PAUSE, withdraw, recording, words, "approval.pause_withdraw_of", value=value),
        ]
    confirm = recording_button(CONFIRM_STOP, sure, recording, words, "approval.confirm_of", value=value)
    dialog = _stop_dialog(recording, words, about, sure=sure)
    return [
        confirm | {"style": "danger", "confirm": dialog},
        recording_button(WITHDRAW_STOP, withdraw, recording, words, "approval.withdraw_of", value=value),
    ]


def _again(shown: Card, words: Catalog) -> list[Block]:
    """Return the button that records a call again after a stop; none once its file shows that the call is over."""
    if may_help(shown.recording):
        return [try_again_button(shown.recording, words)]
    if not shown.startable or shown.saved:
        return []
    if ended_with_agent(shown.recording):
        return [follow_button(shown.recording, words)]
    return [recording_button(START_AGAIN, words("again.button"), shown.recording, words, "again.button_of")]


def follow_button(recording: Recording, words: Catalog, *, agent: str | None = None) -> Block:
    """Return the button that records the agent who is on the call after a transfer; the click finds out who that is."""
    named = words("again.record_agent", agent=isolated(shorten(agent, FOLLOW_NAME_SHOWN))) if agent else ""
    return recording_button(FOLLOW, named or words("again.record_new_agent"), recording, words, "again.follow_of")


def _button(verb: Verb, recording: Recording, words: Catalog, about: str) -> Block:
    text = f"buttons.{verb.value}"
    made = recording_button(f"recording_{verb.value}", words(text), recording, words, f"{text}_of")
    if verb is Verb.STOP:
        dialog = _stop_dialog(recording, words, about, sure=words("buttons.stop_confirm"))
        made |= {"style": "danger", "confirm": dialog}
    return made


def _stop_dialog(recording: Recording, words: Catalog, about: str, *, sure: str) -> Block:
    means = "stop_means_policy" if recording.mechanism is Mechanism.POLICY else "stop_means"
    if means == "stop_means" and POLICY_RECORDER in (recording.recorders or "").split():
        means = "stop_means_both"
    return {
        "title": _plain(words("buttons.stop_title_of", call=about) if about else words("buttons.stop_title")),
        "text": _plain(words(f"buttons.{means}")),
        "confirm": _plain(sure),
        "deny": _plain(words("buttons.stop_deny")),
        "style": "danger",
    }


def _standing(recording: Recording, style: CardStyle) -> list[str]:
    """Say since when, or from when to when, it ran, and by whom, as far as that is known."""
    words, state = style.words, recording.state
    began = recording.started_at
    if began is None:
        requested = moment(recording.requested_at, form=TIME_FORM)
        return [words("card.requested", time=requested, person=style.person(recording.started_by))]
    taken_over = recording.adopted or recording.mechanism is Mechanism.POLICY  # someone else had started it
    since = state is RecordingState.ACTIVE and not recording.in_doubt
    key = "taken_over" if taken_over else "since" if since else "started"
    lines = [words(f"card.{key}", time=moment(began, form=TIME_FORM), person=style.person(recording.started_by))]
    if state is RecordingState.PAUSED and recording.paused_at:
        lines.insert(0, words("card.paused_since", time=moment(recording.paused_at, form=TIME_FORM)))
    if ends := ends_by_itself(recording, words, moment):
        lines.insert(1, ends)
    if state.final and recording.ended_at is not None:
        lines.append(_end(recording, style))
    if recording.paused_seconds:
        paused = length(timedelta(seconds=recording.paused_seconds), words)
        lines.append(words("card.paused_in_all", length=paused))
    return lines


def _end(recording: Recording, style: CardStyle) -> str:
    """Say when it ended, by whom, and after how long; of one that was taken over nobody knows how long it ran."""
    words, ended = style.words, recording.ended_at
    if ended is None or recording.started_at is None:
        raise AssertionError
    by_someone = recording.state is RecordingState.STOPPED and recording.ended_by is not None
    time = moment(ended, form=TIME_FORM)
    said = (
        words("card.stopped", time=time, person=style.person(str(recording.ended_by)))
        if by_someone
        else words("card.ended", time=time)
    )
    if recording.adopted:
        return said
    return words("states.after", state=said, length=length(ended - recording.started_at, words))


def _sent_again(shown: Card) -> bool:
    return shown.posts_begun > 1 or bool(shown.posts_begun and shown.ts is None)


def _in_shared_channel(shown: Card) -> bool:
    """Say whether another organization reads the card; one that went to a person directly is read by nobody else."""
    return shown.shared_channel and shown.posted_channel in {None, shown.channel}


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _plain_context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}
