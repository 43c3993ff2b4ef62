"""A recording in one line, for lists, App Home, and ``/record status``. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.error_messages import ends_by_itself
from bot.recording.models import RecordingState
from bot.slack.blocks.card import call_names, state_words
from bot.slack.blocks.mrkdwn import length, moment

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card
    from bot.recording.models import Recording
    from bot.slack.blocks.card import CardStyle

DATE_FORM = "{date_short_pretty} {time}"


def recording_line(shown: Card, style: CardStyle) -> str:
    """Name agent, queue and state, since when (of one that is over: when and how long), by whom, and last the ids."""
    recording, words = shown.recording, style.words
    icon, word = state_words(recording, words)
    final = recording.state.final
    parts = [
        *call_names(shown, words, bold=True),
        _over(recording, f"*{word}*", words) if final else state_since(recording, f"*{word}*", words),
        moment(recording.started_at or recording.requested_at, form=DATE_FORM) if final else "",
        ends_by_itself(recording, words, moment).removesuffix("."),
        words("home.started_by", person=style.person(recording.started_by)) if not final else "",
        words("choice.call", call=style.call(recording.conversation_id, short=True)),
        words("home.audit", seq=recording.audit_seq),
    ]
    return f"{icon}  {' · '.join(filter(None, parts))}"


def state_since(recording: Recording, word: str, words: Catalog) -> str:
    """Say since when a live recording is in its state: a paused one since its pause."""
    since = recording.paused_at if recording.state is RecordingState.PAUSED else recording.started_at
    adopted = recording.adopted and recording.state is RecordingState.ACTIVE
    key = "states.taken_over" if adopted else "states.since"
    return words(key, state=word, time=moment(since or recording.requested_at))


def _over(recording: Recording, word: str, words: Catalog) -> str:
    if recording.adopted:  # since when is not known
        return word
    if recording.state is RecordingState.FAILED or recording.started_at is None or recording.ended_at is None:
        return word
    return words("states.after", state=word, length=length(recording.ended_at - recording.started_at, words))
