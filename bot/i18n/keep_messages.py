"""How a request to keep a call's recordings stands, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.error_messages import what_happened
from bot.recording.keeping.keep import KeepState, KeepVerb

if TYPE_CHECKING:
    from bot.i18n.error_messages import MessageFormatter
    from bot.recording.keeping.keep import Keep


def keep_sentence(keep: Keep, voice: MessageFormatter, *, live: bool = False) -> str:
    """Say how a request stands, who asked for it, and why it failed if it did."""
    words = voice.words
    facts = {
        "person": voice.person(keep.asked_by),
        "time": voice.time(keep.settled_at or keep.asked_at),
        "seq": keep.settled_seq or keep.audit_seq,
    }
    said = words(f"keep.{_key(keep, live=live)}", **facts, why=_why(keep, voice))
    return " ".join(filter(None, (said, _retry(keep, voice), _annotation(keep, voice))))


def _key(keep: Keep, *, live: bool) -> str:
    if keep.state is not KeepState.WAITING:
        return f"{keep.verb.value}_{keep.state.value}"
    if keep.in_doubt:
        return f"{keep.verb.value}_in_doubt"
    if keep.verb is KeepVerb.KEEP and live:
        return "keep_live"
    return f"{keep.verb.value}_waiting"


def _why(keep: Keep, voice: MessageFormatter) -> str:
    """Say why it failed; a missing permission by its name."""
    if keep.error is None:
        return ""
    what = voice.plain(what_happened(keep.error, voice.words))
    if keep.permission is None:
        return what
    return f"{what} {voice.plain(voice.words('details.permission', permission=keep.permission))}"


def _retry(keep: Keep, voice: MessageFormatter) -> str:
    """Say when the next try comes, after one that failed."""
    if keep.state is not KeepState.WAITING or keep.error is None or keep.in_doubt or keep.next_at is None:
        return ""
    return voice.words(
        "keep.next_try", what=voice.plain(what_happened(keep.error, voice.words)), time=voice.time(keep.next_at)
    )


def _annotation(keep: Keep, voice: MessageFormatter) -> str:
    """Say whether the reason is on the recording in Genesys; nothing if there was none to add."""
    if keep.state is not KeepState.DONE or keep.annotation is None:
        return ""
    if keep.annotation == "added":
        return voice.words("keep.annotated")
    what = voice.plain(what_happened(keep.annotation, voice.words))
    if keep.annotation_permission is not None:
        what = voice.plain(voice.words("details.permission", permission=keep.annotation_permission))
    return voice.words("keep.not_annotated", why=what)
