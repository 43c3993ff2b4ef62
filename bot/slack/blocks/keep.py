"""What a card and an answer say of keeping a call's recordings, and the buttons. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.i18n.error_messages import MessageFormatter
from bot.i18n.keep_messages import keep_sentence
from bot.recording.keeping.keep import KeepState, KeepVerb
from bot.recording.models import Mechanism, RecordingState
from bot.slack.blocks.button import ID_SPOKEN, button, recording_button
from bot.slack.blocks.mrkdwn import escape, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card

KEEP = "recording_keep"
RELEASE = "recording_release"
KEEP_CALL = "recording_keep_call"
"""Like KEEP, with the call's id as the value: of a call that the bot has perhaps never recorded."""
TIME_FORM = "{date_short_pretty} {time_secs}"


def keep_notes(shown: Card, words: Catalog, person: Callable[[str], str]) -> list[str]:
    """Say how the newest request to keep the call's recordings stands, as mrkdwn."""
    keep = shown.keep
    if keep is None:
        return []
    live = not shown.recording.state.final
    notes = [keep_sentence(keep, keep_voice(words, person), live=live)]
    if keep.verb is KeepVerb.KEEP and shown.recording.mechanism is Mechanism.ADHOC:
        notes.append(words("keep.adhoc"))
    return notes


def keep_voice(words: Catalog, person: Callable[[str], str]) -> MessageFormatter:
    """Return how people and times are named in Slack."""
    return MessageFormatter(words, person, lambda at: moment(at, form=TIME_FORM), escape)


def keep_buttons(shown: Card, words: Catalog, *, offered: bool) -> list[dict[str, Any]]:
    """Return the button that keeps, or releases; none while either is under way.

    What is kept can be released even where nothing can be kept any more.
    """
    recording, keep = shown.recording, shown.keep
    if recording.state in {RecordingState.FAILED, RecordingState.STARTING}:
        return []
    if keep is not None and keep.state is KeepState.WAITING:
        return []
    kept = keep is not None and (
        (keep.verb is KeepVerb.KEEP and keep.state is KeepState.DONE)
        or (keep.verb is KeepVerb.RELEASE and keep.state is not KeepState.DONE and keep.error != "not_kept")
    )
    if kept:
        made = recording_button(RELEASE, words("keep.release"), recording, words, "keep.release_of")
        return [made | {"confirm": _release_dialog(words)}]
    if not offered:
        return []
    again = keep is not None and keep.verb is KeepVerb.KEEP
    text = words("keep.again") if again else words("keep.button")
    return [recording_button(KEEP, text, recording, words, "keep.button_of")]


def keep_call_button(conversation_id: str, words: Catalog) -> dict[str, Any]:
    """Return the button that keeps the recordings of a call that is named by its id."""
    spoken = words("keep.button_of", call=conversation_id[:ID_SPOKEN])
    return button(KEEP_CALL, words("keep.button"), value=conversation_id, spoken=spoken)


def _release_dialog(words: Catalog) -> dict[str, Any]:
    def plain(key: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": words(key)}

    return {
        "title": plain("keep.release_title"),
        "text": plain("keep.release_means"),
        "confirm": plain("keep.release"),
        "deny": plain("keep.release_deny"),
    }
