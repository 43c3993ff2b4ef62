"""What messages say about pauses and recordings that end by themselves, and about pauses that were left on. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.i18n.error_messages import what_went_wrong
from bot.recording.models import RecordingState
from bot.recording.notices import WRAP_UP, NoticeKind
from bot.slack.blocks.mrkdwn import escape, moment

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.monitoring.reminders import OpenNotice

ANNOUNCEMENTS = frozenset({NoticeKind.PAUSE_ENDS, NoticeKind.RECORDING_ENDS})


def shown_end(one: OpenNotice) -> datetime:
    """Return the end of a time that a message is about; the recording may have another one by now."""
    return datetime.fromisoformat(one.notice.occasion.removesuffix(WRAP_UP))


def about_limit(one: OpenNotice, words: Catalog) -> str:
    """Say that a time is nearly up, or that it is up and could not be ended."""
    until = moment(shown_end(one))
    if one.notice.kind is not NoticeKind.LIMIT_FAILED:
        return words(f"notices.{one.notice.kind.value}", until=until)
    return words(
        f"notices.limit_failed_{one.notice.limit.verb.value}",
        until=until,
        why=escape(what_went_wrong(one.recording, words)),
    )


def ends_later(one: OpenNotice, words: Catalog) -> str:
    """Say until when it lasts now, if it was extended since; empty otherwise."""
    limit, recording = one.notice.limit, one.recording
    if one.notice.kind not in ANNOUNCEMENTS or recording.state not in limit.states:
        return ""
    until = limit.until(recording)
    return "" if until is None else words(f"limits.{limit.value}_ends", time=moment(until))


def left_paused(one: OpenNotice, words: Catalog) -> str:
    """Say that nobody ended a pause before the agent, or everybody, was gone."""
    if one.notice.occasion.endswith(WRAP_UP):
        how = "wrap_up"
    else:
        how = "call" if one.recording.state is RecordingState.ENDED else "agent"
    return words(f"notices.pause_left_on_{how}", since=moment(shown_end(one)))
