"""Counts of what happened in a period. Pure: storage supplies the figures, and a digest's entry keeps them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.audit.entry import GENESIS_HASH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

HOURS = 24
ACTORS_NAMED = 20
"""How many of those who were denied a summary names; the rest are one figure, so that an entry stays small."""
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the chain; number 0 and 64 zeros if there is none."""

    seq: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of ended recordings, from start to end with their pauses, in whole seconds."""

    number: int = 0
    seconds: int = 0
    longest_seconds: int = 0
    longest_call: str | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """What was open when the summary was made."""

    requests: int = 0
    """Requests without an outcome."""
    in_doubt: int = 0
    """Recordings of which nobody knows whether they run."""
    live: int = 0
    """Recordings that began before the period's end and still run; nothing is wrong with that."""
    missing_lines: int = 0
    """Entries that the audit channel lacks, although it has later ones."""
    altered: int = 0
    """Entries that are not what the audit channel was shown, or are gone."""

    @property
    def anything(self) -> bool:
        return bool(self.requests or self.in_doubt or self.missing_lines or self.altered)


@dataclass(frozen=True, slots=True)
class Activity:
    """Events in each hour of the day, by the zone's own clock."""

    started: tuple[int, ...] = (0,) * HOURS
    denied: tuple[int, ...] = (0,) * HOURS
    failed: tuple[int, ...] = (0,) * HOURS

    @property
    def any(self) -> bool:
        return any(self.started) or any(self.denied) or any(self.failed)


@dataclass(frozen=True, slots=True)
class Summary:
    """A period's figures. ``counts``: how often each phase of each action was written."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    recordings: Lengths = field(default_factory=Lengths)
    denials: Mapping[str, int] = field(default_factory=dict)
    unresolved: Unresolved = field(default_factory=Unresolved)
    activity: Activity = field(default_factory=Activity)

    @property
    def entries(self) -> int:
        return sum(sum(phases.values()) for phases in self.counts.values())

    @property
    def denied(self) -> int:
        return sum(self.denials.values())

    def facts(self) -> dict[str, Any]:
        """Return it as JSON values without fractions, for an entry's outcome."""
        return {
            "counts": {action: dict(phases) for action, phases in self.counts.items()},
            "recordings": asdict(self.recordings),
            "denials": dict(self.denials),
            "unresolved": asdict(self.unresolved),
            "activity": {name: list(hours) for name, hours in asdict(self.activity).items()},
        }


def summary_from(facts: Mapping[str, Any]) -> Summary:
    """Read back what ``Summary.facts`` wrote."""
    return Summary(
        counts=facts["counts"],
        recordings=Lengths(**facts["recordings"]),
        denials=facts["denials"],
        unresolved=Unresolved(**facts["unresolved"]),
        activity=Activity(**{name: tuple(hours) for name, hours in facts["activity"].items()}),
    )


def counted(rows: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """Arrange rows of action, phase and number, by name."""
    counts: dict[str, dict[str, int]] = {}
    for action, phase, number in sorted(rows):
        counts.setdefault(action, {})[phase] = number
    return counts


def lengths(rows: Iterable[tuple[str, datetime, datetime]]) -> Lengths:
    """Add up recordings, given as call, start, and end; a length is never negative, even if a clock jumped."""
    number = total = longest = 0
    longest_call = None
    for call, started_at, ended_at in rows:
        seconds = max(0, round((ended_at - started_at).total_seconds()))
        number, total = number + 1, total + seconds
        if longest_call is None or seconds > longest:
            longest, longest_call = seconds, call
    return Lengths(number, total, longest, longest_call)


def denials(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Arrange rows of actor and number, the most denied first; those beyond the limit become ``others``."""
    ranked = sorted(rows, key=lambda row: (-row[1], row[0]))
    named = dict(ranked[:ACTORS_NAMED])
    rest = sum(number for _, number in ranked[ACTORS_NAMED:])
    return named | ({OTHERS: rest} if rest else {})


def by_hour(rows: Iterable[tuple[str, int]], zone: ZoneInfo) -> tuple[int, ...]:
    """Sort rows of minute (UTC, ``2026-01-31T08:15``) and number into the hours of the zone's clock."""
    hours: Counter[int] = Counter()
    for minute, number in rows:
        hours[datetime.fromisoformat(f"{minute}+00:00").astimezone(zone).hour] += number
    return tuple(hours[hour] for hour in range(HOURS))
