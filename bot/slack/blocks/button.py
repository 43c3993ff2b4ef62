"""Buttons as Block Kit. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording

ID_SPOKEN = 8
"""Characters of a call's id that screen readers say."""


def button(action_id: str, text: str, *, value: str, spoken: str) -> dict[str, Any]:
    """Return a button; ``spoken`` is what screen readers say, which also names what the button is about."""
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
        "value": value,
        "accessibility_label": spoken,
    }


def recording_button(
    action_id: str, text: str, recording: Recording, words: Catalog, spoken: str, *, value: str = ""
) -> dict[str, Any]:
    """Return a button about a recording, whose id is its value unless another is given.

    ``spoken`` is the key of the text for screen readers; the text gets the beginning of the call's id as ``call``.
    """
    said = words(spoken, call=recording.conversation_id[:ID_SPOKEN])
    return button(action_id, text, value=value or str(recording.id), spoken=said)
