"""What the person who asks to keep a call's recordings is told. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.keep_messages import keep_sentence
from bot.recording.keeping.keep import KeepVerb
from bot.slack.blocks.keep import keep_voice

if TYPE_CHECKING:
    from bot.recording.keeping.keep import Keep, PendingKeep
    from bot.slack.blocks.card import CardStyle


def keep_accepted(accepted: PendingKeep, style: CardStyle) -> str:
    """Say that the request was taken, and what happens now."""
    recording = accepted.recording
    live = recording is not None and not recording.state.final
    key = "live" if live and accepted.keep.verb is KeepVerb.KEEP else "now"
    call = style.call(accepted.keep.conversation_id)
    return style.words(f"keep.accepted_{accepted.keep.verb.value}_{key}", call=call, seq=accepted.keep.audit_seq)


def keep_answer(keep: Keep, style: CardStyle) -> str:
    """Say how a request stands to the person who asked, with the call."""
    said = keep_sentence(keep, keep_voice(style.words, style.person))
    return f"{style.words('keep.about', call=style.call(keep.conversation_id))} {said}"
