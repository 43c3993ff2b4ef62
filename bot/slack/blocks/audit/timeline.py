"""The timeline of a call's evidence: one page of HTML that needs nothing else, and prints well.

The sentences are those of the audit channel, in English for every reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.audit.entry import Phase, entry_from
from bot.audit.evidence.file import WHY_UNPROVEN
from bot.i18n.catalog import read_languages
from bot.slack.blocks.audit.names import LineNames, RecordedCall
from bot.slack.blocks.audit.sentences import Teller
from bot.slack.blocks.card import CardStyle
from bot.slack.blocks.mrkdwn import unescape

if TYPE_CHECKING:
    from bot.audit.entry import Entry
    from bot.audit.evidence.file import Evidence

MARKUP = re.compile(r"<!date\^[^|>]*\|([^>]*)>|<[@#!]([^|>]*)(?:\|[^>]*)?>|<[^|>]*\|([^>]*)>")
SYMBOLS = {
    Phase.REQUESTED: "\u2192",
    Phase.SUCCEEDED: "\u2713",
    Phase.FAILED: "\u2717",
    Phase.DENIED: "\u26d4\ufe0e",
    Phase.UNKNOWN: "?",
    Phase.OBSERVED: "\u25c9",
}
HASH_SHOWN = 12
STYLE = """
body{font:14px/1.45 "Helvetica Neue",Arial,sans-serif;color:#1d1c1d;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
code{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
p{margin:.4rem 0}.note{color:#555}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.45rem .6rem .45rem 0}
th{border-bottom:2px solid #1d1c1d;font-weight:600}td{border-bottom:1px solid #ccc}
tr{break-inside:avoid}thead{display:table-header-group}
td.when,td.entry{white-space:nowrap;font-variant-numeric:tabular-nums}td.what{width:100%}
.typed{border-left:3px solid #999;padding-left:.6rem;margin-top:.3rem;white-space:pre-wrap;overflow-wrap:anywhere}
.small{font-size:12px;color:#555}
@media (max-width:40rem){td.when{white-space:normal}}
@media print{body{margin:0;max-width:none;font-size:11pt}@page{margin:18mm}}
"""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Renders the page of an evidence file."""

    evidence: Evidence

    def page(self) -> str:
        """Return the page. The same evidence gives the same page, so that ``audit verify`` can compare it."""
        evidence, zone = self.evidence, ZoneInfo(self.evidence.zone)
        first, last, made = (
            moment_in(datetime.fromisoformat(stamp), zone)
            for stamp in (evidence.entries[0]["occurred_at"], evidence.entries[-1]["occurred_at"], evidence.made_at)
        )
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Call {escape(evidence.conversation_id)}: record of its recording</title>
<style>{STYLE}</style>
</head>
<body>
<h1>What happened to the recording of one call</h1>
<p>Call <code>{escape(evidence.conversation_id)}</code> in Genesys Cloud</p>
<p>{first} to {last}, {len(evidence.entries)} {"entry" if len(evidence.entries) == 1 else "entries"} of the audit \
trail. Times are those of {escape(evidence.zone)}.</p>
<p class="note">A row is proven if its last column names a root: <code>evidence.json</code> beside this page has the \
proof, and <code>how-to-check.html</code> says how to check it. Names are shown as they were known when the file was \
made; the ids in the entries are what is proven.</p>
<table>
<thead><tr><th>Time</th><th>What happened</th><th>Entry</th></tr></thead>
<tbody>
{self._rows(zone)}
</tbody>
</table>
<h2>Roots to compare</h2>
{self._roots()}
<p class="small">Made {made} by {escape(evidence.made_by)}.</p>
</body>
</html>
"""

    def _rows(self, zone: ZoneInfo) -> str:
        teller = Teller(self._style(), self._names())
        entries = [entry_from(one) for one in self.evidence.entries]
        requests = {entry.attempt_id: entry for entry in entries if entry.phase is Phase.REQUESTED}
        return "\n".join(self._row(entry, requests.get(entry.attempt_id), teller, zone) for entry in entries)

    def _row(self, entry: Entry, request: Entry | None, teller: Teller, zone: ZoneInfo) -> str:
        _, sentence = teller.tell(entry, request if request is not entry else None)
        facts = " \u00b7 ".join(html(fact) for fact in teller.facts(entry) if fact)
        return (
            f'<tr><td class="when">{moment_in(entry.occurred_at, zone)}</td>'
            f'<td class="what">{SYMBOLS[entry.phase]} {html(sentence)}{self._typed(entry)}'
            f"{f'<div class=small>{facts}</div>' if facts else ''}</td>"
            f'<td class="entry">#{entry.seq}<div class="small"><code>{escape(entry.hash[:HASH_SHOWN])}</code>'
            f"<br>{self._proven(entry.seq)}</div></td></tr>"
        )

    def _typed(self, entry: Entry) -> str:
        """Return the words that the entry's digest stands for; they are shown once, with the entry that has it."""
        if entry.reason_digest is None:
            return ""
        typed = next((one for one in self.evidence.typed if one.attempt_id == str(entry.attempt_id)), None)
        if typed is None:
            return '<div class="small">A note was typed. Its text has been erased since.</div>'
        return f'<div class="typed">{escape(typed.text)}</div>'

    def _proven(self, seq: int) -> str:
        proof = next((one for one in self.evidence.proofs if one.seq == seq), None)
        if proof is None:
            return f"not proven: {escape(WHY_UNPROVEN.get(self.evidence.unproven.get(seq, ''), 'no proof'))}"
        return next(f"root of {escape(one.day)}" for one in self.evidence.trees if one.digest_seq == proof.digest_seq)

    def _roots(self) -> str:
        if not self.evidence.trees:
            return "<p>None of these entries stands under a published root yet.</p>"
        rows = "\n".join(
            f"<tr><td>{escape(tree.day)}</td><td>#{tree.digest_seq}</td><td><code>{escape(tree.root)}</code></td></tr>"
            for tree in self.evidence.trees
        )
        return (
            "<p>The daily digest in the audit channel shows the root of each day. It has to be the same as here.</p>\n"
            "<table><thead><tr><th>Day</th><th>Digest</th><th>Root</th></tr></thead>\n"
            f"<tbody>\n{rows}\n</tbody></table>"
        )

    def _style(self) -> CardStyle:
        teams = [one["actor"].split(":")[1] for one in self.evidence.entries if one["actor"].startswith("slack:")]
        return CardStyle(team_id=teams[0] if teams else "", words=read_languages().of("en"))

    def _names(self) -> LineNames:
        known = self.evidence.names
        calls = {UUID(key): RecordedCall(*call) for key, call in known.calls.items()}
        return LineNames(known.people, known.agents, calls)


def moment_in(when: datetime, zone: ZoneInfo) -> str:
    """Write a time in a zone, with its distance from UTC: ``2026-11-27 20:15:57 +01:00``."""
    shown = when.astimezone(zone)
    return f"{shown:%Y-%m-%d %H:%M:%S} {shown.isoformat()[-6:]}"


def html(mrkdwn: str) -> str:
    """Turn a sentence in Slack's format into HTML: links and mentions become what they show."""
    plain = MARKUP.sub(lambda found: next(filter(None, found.groups()), ""), mrkdwn)
    text = escape(unescape(plain))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
