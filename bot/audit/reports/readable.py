"""Entries as a table for people: names, local times, and typed reasons. It can't be verified; JSON lines can."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.audit.export import csv_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

HEADER = ("Entry", "Time", "Person", "Action", "Result", "Agent", "Queue", "Reason", "Note", "Detail", "Call", "Hash")
BOM = "\ufeff"
"""Tells spreadsheet programs that the file is UTF-8."""
RESULTS = ("error", "cause", "by", "mechanism", "call", "read", "format")


@dataclass(frozen=True, slots=True)
class Described:
    """What is known about an entry beyond the trail, and can be erased."""

    agent: str = ""
    queue: str = ""
    note: str = ""


def readable_header(zone: ZoneInfo) -> str:
    """Return the header; it names the zone of the times."""
    return csv_row([f"Time ({zone.key})" if name == "Time" else name for name in HEADER])


def readable_line(
    entry: Mapping[str, Any],
    described: Described,
    zone: ZoneInfo,
    *,
    people: Mapping[str, str],
    reasons: Mapping[str, str],
) -> str:
    """Return the entry as a row whose time a spreadsheet takes for a date, and nothing for a formula."""
    code = entry["reason_code"] or ""
    return csv_row(
        [
            entry["seq"],
            local_time(entry["occurred_at"], zone),
            people.get(entry["actor"], entry["actor"]),
            entry["action"],
            result(entry),
            described.agent,
            described.queue,
            reasons.get(code, code),
            described.note,
            detail(entry["outcome"]),
            entry["conversation_id"],
            entry["hash"],
        ]
    )


def local_time(stamp: str, zone: ZoneInfo) -> str:
    """Write a time of the trail as ``2026-11-27 20:15:57`` in the zone: spreadsheets read that as a date."""
    return f"{datetime.fromisoformat(stamp).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def result(entry: Mapping[str, Any]) -> str:
    """Return the phase, and what the bot saw if it saw something."""
    outcome = entry["outcome"]
    if entry["phase"] != "observed":
        return str(entry["phase"])
    if outcome.get("in_effect") is False:
        return "did not take effect"
    return "changed in Genesys" if outcome.get("by") == "outside" else "observed"


def detail(outcome: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {outcome[name]}" for name in RESULTS if outcome.get(name) not in {None, ""})
