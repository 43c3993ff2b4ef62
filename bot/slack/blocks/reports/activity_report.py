"""The report of a period in the reader's language: tables by supervisor, queue and reason, and a chart."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.recording.caller import rule_label
from bot.slack.blocks.mrkdwn import inline, length
from bot.slack.blocks.reports.chart import Chart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.audit.reports.activity_report import ActivityReport, Row
    from bot.slack.blocks.card import CardStyle

ROWS = 20
"""Of each table; the rest are counted."""
NAME_SHOWN = 60


def report_pieces(report: ActivityReport, style: CardStyle, people: Mapping[str, str]) -> list[str]:
    """Return the report as pieces of mrkdwn, each for a separate section."""
    words = style.words
    if not report.recordings:
        return [words("report.nothing")]

    def person(actor: str) -> str:
        return inline(people[actor], NAME_SHOWN) if actor in people else style.person(actor)

    def queue(name: str) -> str:
        return inline(name, NAME_SHOWN) if name else words("report.no_queue")

    def reason(code: str) -> str:
        return inline(style.reason_labels.get(code, code), NAME_SHOWN) if code else words("report.no_reason")

    return [
        _table(words("report.by_supervisor"), report.by_supervisor, person, style),
        _table(words("report.by_queue"), report.by_queue, queue, style),
        _table(words("report.by_reason"), report.by_reason, reason, style),
    ]


def report_chart(report: ActivityReport, style: CardStyle, people: Mapping[str, str]) -> Chart | None:
    """Return the chart of recordings by supervisor; None if there are none."""
    rows = report.by_supervisor[:ROWS]
    if not rows:
        return None
    words = style.words

    def plain(actor: str) -> str:
        label = rule_label(actor)
        return actor.rpartition(":")[2] if label is None else words("people.rule", label=label)

    names = tuple(people.get(row.key) or plain(row.key) for row in rows)
    return Chart(
        words("report.by_supervisor_plain"), names, {words("report.series"): tuple(row.number for row in rows)}
    )


def _table(title: str, rows: Sequence[Row], name: Callable[[str], str], style: CardStyle) -> str:
    words = style.words
    lines = [
        words("report.row", name=name(row.key), count=row.number, length=length(timedelta(seconds=row.seconds), words))
        for row in rows[:ROWS]
    ]
    if len(rows) > ROWS:
        lines.append(words("report.more", count=len(rows) - ROWS))
    return "\n".join([title, *lines])
