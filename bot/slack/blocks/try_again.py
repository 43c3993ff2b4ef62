"""The answer to a start that failed: why, and a button to ask again where that can help. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.i18n.shorten import shorten
from bot.recording.models import RecordingState
from bot.slack.blocks.button import recording_button
from bot.slack.blocks.mrkdwn import mrkdwn

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording

TRY_AGAIN = "recording_try_again"
ANSWER = "start_failed"
"""The block of the button in an answer, which the result of the click replaces; a card is never replaced."""
PASSING = frozenset(
    {
        "conflict",
        "genesys_error",
        "genesys_unavailable",
        "no_agent_connected",
        "not_found",
        "not_in_effect",
        "outcome_unknown",
        "rate_limited",
        "recording_not_said",
        "too_late",
    }
)
"""The kinds of errors that may be gone at the next attempt."""
TEXT_SHOWN = 3000


def may_help(recording: Recording) -> bool:
    """Say whether asking again for a start that failed may succeed."""
    return recording.state is RecordingState.FAILED and recording.error in PASSING


def try_again_button(recording: Recording, words: Catalog) -> dict[str, Any]:
    """Return the button; its value is the recording, whose call, reason and channel count again."""
    return recording_button(TRY_AGAIN, words("again.try"), recording, words, "again.try_of")


def failed_start(text: str, recording: Recording, words: Catalog) -> list[dict[str, Any]] | None:
    """Return the blocks of the answer; None if asking again can't help, so that the text is enough."""
    if not may_help(recording):
        return None
    return [
        {"type": "section", "text": mrkdwn(shorten(text, TEXT_SHOWN))},
        {"type": "actions", "block_id": ANSWER, "elements": [try_again_button(recording, words)]},
    ]
