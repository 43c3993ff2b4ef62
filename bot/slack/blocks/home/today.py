"""App Home for compliance: today's figures, what is unresolved, and the export. Pure functions.

Actions and results are in the digest's English in every language, as all evidence is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.audit.reports.summary import OTHERS
from bot.slack.blocks.reports.digest import count_lines, section

if TYPE_CHECKING:
    from bot.audit.reports.summary import Summary, Unresolved
    from bot.i18n.catalog import Catalog
    from bot.slack.blocks.card import Block, CardStyle

EXPORT = "audit_export_"
PERIODS = ("today", "7d", "30d")


@dataclass(frozen=True, slots=True)
class Today:
    """The figures of the calendar day in a time zone, up to now."""

    summary: Summary
    zone: str


def today_blocks(today: Today, style: CardStyle) -> list[Block]:
    words, summary = style.words, today.summary
    header = {"type": "header", "text": {"type": "plain_text", "text": words("home.today", zone=today.zone)}}
    figures = [words("home.entries", count=summary.entries), *count_lines(summary.counts)]
    blocks: list[Block] = [header, section("\n".join(figures))]
    if summary.denials:
        by = ", ".join(
            f"{words('home.others') if actor == OTHERS else style.person(actor)}: {number}"
            for actor, number in summary.denials.items()
        )
        blocks.append(section(words("home.denied", count=summary.denied, by=by)))
    blocks.append(section(unresolved(summary.unresolved, words)))
    blocks.append(section(words("home.export")))
    blocks.append({"type": "actions", "block_id": "home_export", "elements": [_export(one, words) for one in PERIODS]})
    return blocks


def unresolved(found: Unresolved, words: Catalog) -> str:
    """Say what waits for an outcome, or is missing from the audit channel."""
    said = [
        words("home.open_requests", count=found.requests) if found.requests else "",
        words("home.in_doubt", count=found.in_doubt) if found.in_doubt else "",
        words("home.undelivered", count=found.missing_lines) if found.missing_lines else "",
        words("home.altered", count=found.altered) if found.altered else "",
    ]
    if not any(said):
        return words("home.nothing_unresolved")
    return words("home.unresolved", what=", ".join(filter(None, said)))


def _export(period: str, words: Catalog) -> Block:
    return {
        "type": "button",
        "action_id": f"{EXPORT}{period}",
        "value": period,
        "text": {"type": "plain_text", "text": words(f"home.export_{period}")},
        "accessibility_label": words(f"home.export_{period}_of"),
    }
