"""The daily digest in words: what an ``audit:digest`` entry says, and the same figures on request. Pure.

In English for every reader: evidence says the same to everyone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from bot.audit.reports.summary import OTHERS, Summary, summary_from
from bot.i18n.shorten import shorten
from bot.slack.blocks.card import SECTION_LIMIT
from bot.slack.blocks.mrkdwn import escape, length, mrkdwn
from bot.slack.blocks.reports.chart import by_hours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.audit.entry import Entry
    from bot.audit.reports.summary import Activity
    from bot.slack.blocks.card import Block, CardStyle
    from bot.slack.blocks.reports.chart import Chart

EVENT_TYPE = "audit_digest"
NAMES = {
    "audit:archive": "Archive",
    "audit:destroy": "Destruction of archive files",
    "audit:digest": "Digest",
    "audit:export": "Export",
    "audit:hold": "Legal hold",
    "audit:release": "Release of a legal hold",
    "audit:report": "Report",
    "bot:start": "record-bot started",
    "bot:stop": "record-bot stopped",
    "call:ended": "Call ended",
    "recording:extend": "Extension",
    "recording:follow": "Start after a transfer",
    "recording:pause": "Pause",
    "recording:pause_approval": "Longer pause with a second supervisor",
    "recording:read": "Look-up",
    "recording:resume": "Resume",
    "recording:saved": "Recording saved",
    "recording:start": "Start",
    "recording:still_needed": "Still needed",
    "recording:stop": "Stop",
    "recording:stop_approval": "Stop with a second supervisor",
    "requests:refused": "More requests refused",
}
"""What actions are called; others go by their code."""
DONE = {
    "recording:extend": "extended",
    "recording:follow": "started",
    "recording:pause": "paused",
    "recording:pause_approval": "confirmed",
    "recording:resume": "resumed",
    "recording:start": "started",
    "recording:still_needed": "confirmed",
    "recording:stop": "stopped",
    "recording:stop_approval": "confirmed",
}
UNDONE = {"unknown": "not confirmed at first"}


def message(
    entry: Entry,
    style: CardStyle,
    *,
    again: bool = False,
    chart: Chart | None = None,
    drawn: Block | None = None,
    person: Callable[[str], str] | None = None,
) -> dict[str, Any]:
    """Return the arguments of ``chat.postMessage`` for a digest.

    ``again`` marks one that may stand in the channel already; ``drawn`` is the day's chart as a block; ``person``
    names people, by default as mentions, which notify those who are in the channel.
    """
    facts = entry.outcome
    title = f"Recording activity on {long_date(facts['day'])}"
    whole = f"Midnight to midnight, {escape(facts['zone'])} time"
    witness = [
        f"*Newest entry and hash*: #{facts['head_seq']} `{facts['head_hash']}`",
        f"To prove that nothing was removed since: `record-bot audit verify --head {facts['head_hash']}`",
    ]
    tree: Mapping[str, Any] = facts.get("tree") or {}
    if tree:
        witness += [
            f"*Root of the day's entries* #{tree['first_seq']}\u2013#{tree['last_seq']}: `{tree['root']}`",
            f"To check the evidence for one call: `record-bot audit verify FILE.zip --root {tree['root']}`",
        ]
    end = [f"Audit #{entry.seq}", "reposted" if again else ""]
    lines = [whole, *totals(summary_from(facts), style, person), "\n".join(witness)]
    seen = [] if chart is None else [chart.words()]
    return {
        "text": "\n".join([title, *lines, *seen, ". ".join(filter(None, end))]),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title}},
            _context(whole),
            *([] if drawn is None else [drawn]),
            *map(section, lines[1:]),
            _context(" · ".join(filter(None, (end[0], f"_{end[1]}_" if again else "")))),
        ],
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {
                "day": facts["day"],
                "seq": facts["head_seq"],
                "hash": facts["head_hash"],
                "entry": entry.seq,
                "entry_hash": entry.hash,
                **tree,
            },
        },
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }


def day_chart(entry: Entry) -> Chart | None:
    """Return the chart of a digest's day; None if nothing happened."""
    return activity_chart(summary_from(entry.outcome).activity, entry.outcome["day"], entry.outcome["zone"])


def activity_chart(activity: Activity, days: str, zone: str) -> Chart | None:
    """Return the chart of a period's activity by the hour of the day; None if there was none."""
    hours = {"started": activity.started, "denied": activity.denied, "failed": activity.failed}
    return by_hours(f"Recordings by hour, {days}", hours, f"Hour ({zone})") if activity.any else None


def totals(summary: Summary, style: CardStyle, person: Callable[[str], str] | None = None) -> list[str]:
    """Return the figures as pieces of mrkdwn, each for a separate section."""
    if not summary.entries:
        pieces = ["*No activity*: nothing was recorded in the audit trail."]
    else:
        pieces = [_counts(summary.counts, summary.entries)]
    pieces.append(_recordings(summary, style))
    if summary.denials:
        pieces.append(_denials(summary.denials, summary.denied, person or style.person))
    pieces.append(_unresolved(summary))
    return pieces


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(shorten(text, SECTION_LIMIT))}


def long_date(day: str) -> str:
    """Write a day out: ``Sunday, 1 March 2026``."""
    found = date.fromisoformat(day)
    return f"{found:%A}, {found.day} {found:%B %Y}"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def _counts(counts: Mapping[str, Mapping[str, int]], entries: int) -> str:
    return "\n".join([f"*{_number(entries, 'entry', 'entries')}*", *count_lines(counts)])


def count_lines(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say of each action, in a line, how often it was requested, and how that ended."""
    return [f"• {_count(action, phases)}" for action, phases in counts.items()]


def _count(action: str, phases: Mapping[str, int]) -> str:
    """Say how often an action was requested, and how that ended."""
    known = dict(phases)
    done = {
        "succeeded": known.pop("succeeded", 0),
        "failed": known.pop("failed", 0),
        "unknown": known.pop("unknown", 0),
    }
    asked, denied = known.pop("requested", 0), known.pop("denied", 0)
    ended = ", ".join(
        f"{number} {DONE.get(action, phase) if phase == 'succeeded' else UNDONE.get(phase, phase)}"
        for phase, number in done.items()
        if number
    )
    parts = [
        f"{asked} requested"
        if asked and asked >= sum(done.values())
        else "",  # some requests are one entry with their result
        ended,
    ]
    text = " \u2013 ".join(filter(None, parts))
    rest = [f"{denied} denied" if denied else "", *(f"{number} {escape(phase)}" for phase, number in known.items())]
    return f"*{NAMES.get(action) or escape(action)}*: {'; '.join(filter(None, [text, *rest]))}"


def _recordings(summary: Summary, style: CardStyle) -> str:
    found = summary.recordings
    if not found.number:
        return "*Recordings*: none finished."
    text = f"*Recordings*: {found.number} finished, {_span(found.seconds, style)} in total"
    if found.longest_call is None:
        return f"{text}."
    call = style.call(found.longest_call)
    return f"{text}; longest {_span(found.longest_seconds, style)} (call {call})."


def _denials(denials: Mapping[str, int], denied: int, person: Callable[[str], str]) -> str:
    by = ", ".join(f"{OTHERS if actor == OTHERS else person(actor)} {number}" for actor, number in denials.items())
    return f":no_entry: *Denied*: {_number(denied, 'request', 'requests')} \u2013 {by}."


def _unresolved(summary: Summary) -> str:
    found = summary.unresolved
    missing = _number(found.missing_lines, "entry is", "entries are")
    altered = _number(found.altered, "entry doesn't", "entries don't")
    open_ones = [
        f"{_number(found.requests, 'request', 'requests')} without a result" if found.requests else "",
        f"{_number(found.in_doubt, 'recording', 'recordings')} not confirmed" if found.in_doubt else "",
        f"{missing} missing from the audit channel" if found.missing_lines else "",
        f"*{altered} match the audit channel*" if found.altered else "",
    ]
    live = f" {_number(found.live, 'recording is', 'recordings are')} still running." if found.live else ""
    if not found.anything:
        return f":white_check_mark: *Open issues*: none.{live}"
    return f":grey_question: *Open issues*: {', '.join(filter(None, open_ones))}.{live}"


def _span(seconds: int, style: CardStyle) -> str:
    return length(timedelta(seconds=seconds), style.words)


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
