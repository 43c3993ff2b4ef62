"""One line of the audit channel for each entry, never edited afterwards.

In English for every reader: evidence says the same to everyone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.audit.entry import Phase
from bot.recording.control.dual_control import APPROVAL_ACTION
from bot.recording.control.outcomes import AGENT_LEFT, TRANSFER
from bot.slack.blocks.mrkdwn import escape, moment, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.audit.entry import Entry
    from bot.slack.blocks.card import CardStyle

ICONS = {
    Phase.REQUESTED: ":arrow_right:",
    Phase.SUCCEEDED: ":white_check_mark:",
    Phase.FAILED: ":x:",
    Phase.DENIED: ":no_entry:",
    Phase.UNKNOWN: ":grey_question:",
    Phase.OBSERVED: ":eyes:",
}
EVENT_TYPE = "audit_entry"
HASH_SHOWN = 12
FIRST_HTTP_ERROR = 400


def line(entry: Entry, style: CardStyle, *, again: bool = False, about_call: bool = True) -> str:
    """Render one entry, with its call or without; ``again`` marks a line that may already be in the channel."""
    outcome = entry.outcome
    facts = [
        f"{ICONS[entry.phase]} *#{entry.seq}* *{entry.phase.value}* `{escape(entry.action)}`",
        style.person(entry.actor),
        f"call {style.call(entry.conversation_id)}" if entry.conversation_id and about_call else "",
        f"reason {escape(style.reason_labels.get(entry.reason_code, entry.reason_code))}" if entry.reason_code else "",
        "in a channel shared with another organization" if entry.origin.get("shared_channel") else "",
        "reason in words" if entry.reason_digest and entry.phase is Phase.REQUESTED else "",
        *_two_people(entry, style),
        f"by {escape(str(outcome['mechanism']))}" if "mechanism" in outcome else "",
        "was so already" if outcome.get("created") is False else "",
        f"error `{escape(str(outcome.get('cause', outcome['error'])))}`" if "error" in outcome else "",
        f"{outcome['refused']} more of {style.person(str(outcome['person']))}" if "refused" in outcome else "",
        *_group(outcome, style),
        "call ended" if outcome.get("call") == "ended" else "",
        *_handed_over(outcome, style),
        f"HTTP {outcome['http_status']}"
        if "error" in outcome and outcome.get("http_status", 0) >= FIRST_HTTP_ERROR
        else "",
        moment(entry.occurred_at, form="{date_short_pretty} {time_secs}"),
        f"`{entry.hash[:HASH_SHOWN]}`",
        "_sent again_" if again else "",
    ]
    return " · ".join(filter(None, facts))


def _handed_over(outcome: Mapping[str, Any], style: CardStyle) -> list[str]:
    """Say of a recording's end or going on that the agent left, and which other recorders run."""
    how = f" `{escape(str(outcome['disconnect_type']))}`" if "disconnect_type" in outcome else ""
    by = str(outcome.get("by", ""))
    others = outcome.get("other_recorders") or ()
    return [
        f"by {style.person(by)}{how}" if by in {TRANSFER, AGENT_LEFT} else "",
        "goes on" if outcome.get("goes_on") is True else "",
        f"also recording: {escape(', '.join(map(str, others)))}" if others else "",
    ]


def _two_people(entry: Entry, style: CardStyle) -> list[str]:
    """Say of a stop that takes two supervisors who the other one is, and until when it waits."""
    known = {**entry.origin, **entry.outcome}
    first = known.get("asked_by")
    until = known.get("until") if entry.action == APPROVAL_ACTION else None  # of an export it is the period's end
    return [
        f"asked for by {style.person(str(first))}" if first else "",
        f"confirmed by {style.person(str(known['confirmed_by']))}" if "confirmed_by" in known else "",
        f"to be confirmed by {moment(datetime.fromisoformat(str(until)))}" if until else "",
    ]


def _group(outcome: Mapping[str, Any], style: CardStyle) -> list[str]:
    """Say of a user group with rights what has changed: its state, and who came and left."""
    if "group" not in outcome:
        return []
    members = {
        way: ", ".join(style.person(f"slack:{style.team_id}:{user}") for user in outcome.get(way, ()))
        for way in ("came", "left")
    }
    return [
        f"user group `{escape(str(outcome['group']))}` of {outcome['members']}",
        f"now {escape(str(outcome['state']))}" if "state" in outcome else "",
        *(f"{way}: {people}" for way, people in members.items() if people),
        f"part {outcome['part']} of {outcome['parts']}" if "part" in outcome else "",
    ]


def message(entries: Sequence[tuple[Entry, bool]], style: CardStyle) -> dict[str, Any]:
    """Return the arguments of ``chat.postMessage`` for some entries: a line each, and the whole hashes as metadata."""
    lines = [line(entry, style, again=again) for entry, again in entries]
    first, last = entries[0][0], entries[-1][0]
    payload: dict[str, Any] = {"seq": last.seq, "hash": last.hash}
    if first.seq != last.seq:
        payload |= {"first_seq": first.seq, "hashes": {str(entry.seq): entry.hash for entry, _ in entries}}
    return {
        "text": "\n".join(lines),
        "blocks": [{"type": "section", "text": mrkdwn(text)} for text in lines],
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }
