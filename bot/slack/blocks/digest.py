"""The daily digest in words: what an ``audit:digest`` entry says, and the same figures on request. Pure.

In English for every reader: evidence says the same to everyone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from bot.audit.summary import OTHERS, Summary, summary_from
from bot.i18n.shorten import shorten
from bot.slack.blocks.card import SECTION_LIMIT
from bot.slack.blocks.mrkdwn import escape, length, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.audit.entry import Entry
    from bot.slack.blocks.card import Block, CardStyle

EVENT_TYPE = "audit_digest"


def message(entry: Entry, style: CardStyle, *, again: bool = False, note: str = "") -> dict[str, Any]:
    """Return the arguments of ``chat.postMessage`` for a digest.

    ``again`` marks one that may stand in the channel already; ``note`` says why there is no picture.
    """
    facts = entry.outcome
    title = f"Digest of {long_date(facts['day'])}"
    whole = f"The whole day, by the clock of {escape(facts['zone'])}"
    witness = [
        f"*Head of the chain*: #{facts['head_seq']} `{facts['head_hash']}`",
        f"It can be held against the trail: `record-bot audit verify --head {facts['head_hash']}`",
    ]
    end = [f"Audit #{entry.seq}", "sent again" if again else "", note]
    lines = [whole, *totals(summary_from(facts), style), "\n".join(witness)]
    return {
        "text": "\n".join([title, *lines, ". ".join(filter(None, end))]),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title}},
            _context(whole),
            *map(section, lines[1:]),
            _context(" · ".join(filter(None, (end[0], f"_{end[1]}_" if again else "", escape(note))))),
        ],
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {
                "day": facts["day"],
                "seq": facts["head_seq"],
                "hash": facts["head_hash"],
                "entry": entry.seq,
                "entry_hash": entry.hash,
            },
        },
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }


def totals(summary: Summary, style: CardStyle) -> list[str]:
    """Return the figures as pieces of mrkdwn, each for a separate section."""
    if not summary.entries:
        pieces = ["*No activity*: nothing was written into the trail."]
    else:
        pieces = [_counts(summary.counts, summary.entries)]
    pieces.append(_recordings(summary, style))
    if summary.denials:
        pieces.append(_denials(summary.denials, summary.denied, style))
    pieces.append(_unresolved(summary))
    return pieces


def alt_text(entry: Entry) -> str:
    """Describe the digest's chart as text."""
    activity = summary_from(entry.outcome).activity
    parts = [
        f"{sum(numbers)} {name} ({', '.join(f'{n} at {hour:02}' for hour, n in enumerate(numbers) if n)})"
        for name, numbers in (
            ("recordings started", activity.started),
            ("requests denied", activity.denied),
            ("requests failed", activity.failed),
        )
        if any(numbers)
    ]
    return shorten(f"Bar chart of {entry.outcome['day']} by hour: {'; '.join(parts)}.", 1000)


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(shorten(text, SECTION_LIMIT))}


def long_date(day: str) -> str:
    """Write a day out: ``Sunday, 1 March 2026``."""
    found = date.fromisoformat(day)
    return f"{found:%A}, {found.day} {found:%B %Y}"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def _counts(counts: Mapping[str, Mapping[str, int]], entries: int) -> str:
    lines = [
        f"• `{escape(action)}` {', '.join(f'{number} {escape(phase)}' for phase, number in phases.items())}"
        for action, phases in counts.items()
    ]
    return "\n".join([f"*{_number(entries, 'entry', 'entries')}*", *lines])


def _recordings(summary: Summary, style: CardStyle) -> str:
    found = summary.recordings
    if not found.number:
        return "*Recordings*: none ended."
    text = f"*Recordings*: {found.number} ended, {_span(found.seconds, style)} in all"
    if found.longest_call is None:
        return f"{text}."
    return f"{text}; the longest took {_span(found.longest_seconds, style)}, of call {style.call(found.longest_call)}."


def _denials(denials: Mapping[str, int], denied: int, style: CardStyle) -> str:
    by = ", ".join(
        f"{number} of {OTHERS if actor == OTHERS else style.person(actor)}" for actor, number in denials.items()
    )
    return f":no_entry: *Denied*: {_number(denied, 'request', 'requests')}: {by}."


def _unresolved(summary: Summary) -> str:
    found = summary.unresolved
    open_ones = [
        f"{_number(found.requests, 'request', 'requests')} without an outcome" if found.requests else "",
        f"{_number(found.in_doubt, 'recording', 'recordings')} in doubt" if found.in_doubt else "",
        f"{_number(found.missing_lines, 'entry', 'entries')} that the audit channel lacks"
        if found.missing_lines
        else "",
        f"*{_number(found.altered, 'entry', 'entries')} not as the audit channel shows them*" if found.altered else "",
    ]
    live = f" {_number(found.live, 'recording runs', 'recordings run')} still." if found.live else ""
    if not found.anything:
        return f":white_check_mark: *Unresolved*: nothing.{live}"
    return f":grey_question: *Unresolved*: {', '.join(filter(None, open_ones))}.{live}"


def _span(seconds: int, style: CardStyle) -> str:
    return length(timedelta(seconds=seconds), style.words)


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
