"""The button that has a pause or a recording end later. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bot.audit.entry import timestamp
from bot.errors import MalformedId
from bot.recording.time_limits.limits import Limit
from bot.slack.blocks.button import recording_button
from bot.slack.blocks.mrkdwn import length

if TYPE_CHECKING:
    from typing import Any

    from bot.i18n.catalog import Catalog
    from bot.recording.models import Recording

EXTEND = "recording_extend"


def extend_button(recording: Recording, limit: Limit, words: Catalog, until: datetime | None = None) -> dict[str, Any]:
    """Return the button; it carries the end that is shown beside it, so that two clicks extend once."""
    ends = until or limit.until(recording)
    if ends is None:
        raise AssertionError
    text = words("buttons.extend", length=length(limit.step(recording), words))
    value = f"{recording.id} {limit.value} {timestamp(ends)}"
    return recording_button(EXTEND, text, recording, words, f"buttons.extend_{limit.value}_of", value=value)


def read_extend(value: str) -> tuple[UUID, Limit, datetime]:
    """Read back what the button carries. Raise MalformedId."""
    try:
        recording_id, limit, until = value.split(" ")
        return UUID(recording_id), Limit(limit), datetime.fromisoformat(until)
    except ValueError:
        raise MalformedId from None
