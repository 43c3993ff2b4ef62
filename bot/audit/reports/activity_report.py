"""A report of recordings by supervisor, queue and reason. Pure: storage supplies the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording that began in the period. ``queue`` is its name, else its id."""

    actor: str
    queue: str | None
    reason_code: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """Recordings with something in common: how many, and their length in seconds, pauses included."""

    key: str
    number: int
    seconds: int


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """The recordings that began in a period, counted in three ways; the most first."""

    recordings: Sequence[Recorded] = ()

    @property
    def by_supervisor(self) -> tuple[Row, ...]:
        return _counted(self.recordings, lambda one: one.actor)

    @property
    def by_queue(self) -> tuple[Row, ...]:
        return _counted(self.recordings, lambda one: one.queue or "")

    @property
    def by_reason(self) -> tuple[Row, ...]:
        return _counted(self.recordings, lambda one: one.reason_code or "")


def _counted(recordings: Sequence[Recorded], key: Callable[[Recorded], str]) -> tuple[Row, ...]:
    found: dict[str, list[int]] = {}
    for one in recordings:
        ended = one.ended_at or one.started_at
        found.setdefault(key(one), []).append(max(0, round((ended - one.started_at).total_seconds())))
    rows = [Row(name, len(lengths), sum(lengths)) for name, lengths in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.number, row.key)))
