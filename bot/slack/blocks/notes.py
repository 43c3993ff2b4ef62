"""The sentences of a card, below its fields. Pure functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.i18n.error_messages import what_went_wrong
from bot.recording.handover import AGENT_LEFT, POLICY_RECORDER, SNIPPET_RECORDER, TRANSFER
from bot.recording.models import Mechanism, RecordingState, Verb
from bot.slack.blocks.keep import keep_notes
from bot.slack.blocks.mrkdwn import escape, length, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card
    from bot.recording.keeping.recording_files import SavedRecording
    from bot.recording.models import Approval, Recording

SAVED_SHOWN = 5
APPROVAL_TEXTS = {Verb.STOP: "", Verb.PAUSE: "pause_"}
"""How the keys of texts begin about what waits for a second supervisor."""


def notes(shown: Card, words: Catalog, person: Callable[[str], str]) -> list[str]:
    """Return the sentences as mrkdwn; ``person`` names an actor of the trail."""
    recording = shown.recording
    return [
        *_how_it_runs(recording, words),
        *_where_it_goes(recording, words),
        *(
            [approval_note(shown.approval, words, person)]
            if shown.approval and _matters(shown.approval, recording)
            else []
        ),
        *_went_wrong(recording, words),
        # an older version of the bot has credited files of other recorders to ad-hoc recordings
        *_kept(shown.saved if recording.mechanism is Mechanism.POLICY else (), words),
        *keep_notes(shown, words, person),
    ]


def _how_it_runs(recording: Recording, words: Catalog) -> list[str]:
    others = (recording.recorders or "").split()
    if recording.state.final:
        goes_on = POLICY_RECORDER in others and recording.state is RecordingState.STOPPED
        over = [left(recording, words)] if ended_with_agent(recording) else []
        return over + ([words("card.policy_goes_on")] if goes_on else [])
    policy = recording.mechanism is Mechanism.POLICY
    said = {
        "card.adopted": recording.adopted,
        "card.policy": policy,
        "card.also_policy": POLICY_RECORDER in others,
        "card.also_snippet": SNIPPET_RECORDER in others,
    }
    notes = [words(key) for key, holds in said.items() if holds]
    if recording.seen_at is not None and recording.started_at is not None:
        notes.append(words("card.began_between", first=moment(recording.started_at), last=moment(recording.seen_at)))
    if policy and recording.disconnect_type is not None:
        notes.append(words("card.handed_over", how=escape(recording.disconnect_type)))
    return notes


def ended_with_agent(recording: Recording) -> bool:
    """Say whether nobody stopped it: the agent on whose side it ran left the call."""
    return recording.ended_by in {TRANSFER, AGENT_LEFT}


def left(recording: Recording, words: Catalog) -> str:
    """Say how a recording ended with its agent, as mrkdwn."""
    how = escape(recording.disconnect_type or "")
    return words("card.transferred" if recording.ended_by == TRANSFER else "card.agent_left", how=how or "-")


def _where_it_goes(recording: Recording, words: Catalog) -> list[str]:
    """Say where to find an ad-hoc recording: it isn't among the files of the call."""
    if recording.mechanism is not Mechanism.ADHOC or recording.state is RecordingState.FAILED:
        return []
    return [words("card.adhoc")]


def _matters(approval: Approval, recording: Recording) -> bool:
    """Say whether a card still tells of it: what became of a longer pause is of no interest after the pause."""
    paused = recording.state in {RecordingState.PAUSING, RecordingState.PAUSED}
    return approval.verb is not Verb.PAUSE or approval.outcome is None or paused


def longer_pause(approval: Approval, words: Catalog) -> str:
    """Say how long a pause is to last in all; empty for a stop."""
    if approval.verb is not Verb.PAUSE:
        return ""
    if approval.pause_seconds is None:
        return words("approval.pause_endless")
    return words("approval.pause_for", length=length(timedelta(seconds=approval.pause_seconds), words))


def approval_note(approval: Approval, words: Catalog, person: Callable[[str], str]) -> str:
    """Say who asked for a stop under dual control and until when it waits, or its result."""
    outcome = "waits" if approval.outcome is None else approval.outcome.value
    return words(
        f"approval.{APPROVAL_TEXTS[approval.verb]}{outcome}",
        how=longer_pause(approval, words),
        person=person(approval.asked_by),
        asked=moment(approval.asked_at),
        until=moment(approval.expires_at),
        by=person(approval.closed_by or approval.asked_by),
        closed=moment(approval.closed_at or approval.expires_at),
    )


def _went_wrong(recording: Recording, words: Catalog) -> list[str]:
    what = escape(what_went_wrong(recording, words))
    if not what:
        return []
    return [what if recording.state.final else words("card.not_carried_out", what=what)]


def _kept(saved: tuple[SavedRecording, ...], words: Catalog) -> list[str]:
    told = [_one_kept(one, words) for one in saved[:SAVED_SHOWN]]
    more = len(saved) - SAVED_SHOWN
    return [*told, words("saved.more", number=more)] if more > 0 else told


def _one_kept(one: SavedRecording, words: Catalog) -> str:
    key = f"saved.state_{one.state}"
    state = words(key) if words.has(key) else escape(one.state)
    kind = f"saved.kind_{one.media_subtype}"
    named = words("saved.kind", kind=words(kind)) if words.has(kind) else ""
    if one.length is None:
        return words("saved.known", kind=named, state=state)
    return words("saved.with_length", kind=named, state=state, length=length(one.length, words))
