"""Links to saved recordings, for the one person who asked. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.recording.keeping.recording_files import MediaLink, NoMedia, Transcoding
from bot.slack.blocks.mrkdwn import escape, moment
from bot.slack.blocks.reports.digest import section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.i18n.catalog import Catalog
    from bot.recording.keeping.recording_files import SavedRecording
    from bot.slack.blocks.card import CardStyle

LINK_SHOWN = 2800
"""Characters of a link at most: a section's text has 3,000."""
TOO_LONG = "link too long"


def listen_blocks(
    call: str, found: Sequence[tuple[SavedRecording, MediaLink | Transcoding | NoMedia]], style: CardStyle, *, seq: int
) -> tuple[str, list[dict[str, Any]]]:
    """Return a text without links, for notifications, and the blocks with them."""
    title = style.words("listen.title", call=style.call(call), seq=seq)
    lines = [_line(number, file, media, style.words) for number, (file, media) in enumerate(found, 1)]
    return title, [section(title), *(section(line) for line in lines)]


def _line(number: int, file: SavedRecording, media: MediaLink | Transcoding | NoMedia, words: Catalog) -> str:
    kind = f"saved.kind_{file.media_subtype}"
    named = words("listen.file", number=number, kind=words("saved.kind", kind=words(kind)) if words.has(kind) else "")
    match media:
        case MediaLink() if len(escape(media.uri)) > LINK_SHOWN:
            says = words("listen.cannot", state=TOO_LONG)
        case MediaLink():
            until = media.expires_at
            lasts = words("listen.soon") if until is None else words("listen.until", time=moment(until))
            says = f"*<{escape(media.uri)}|{words('listen.link')}>* · {lasts}"
        case Transcoding():
            says = words("listen.waits")
        case NoMedia():
            state = f"saved.state_{media.state}"
            says = words("listen.cannot", state=words(state) if words.has(state) else escape(media.state or "-"))
    return f"{named} · {says}"
