"""How a measurement grows with a size, and how it may."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CONSTANT, LINEAR = "does not grow", "at most linear"
NOISE = 1.5
"""By how much a measurement may be larger than its complexity says."""
ROUNDS = 9


@dataclass(frozen=True)
class Growth:
    """Measurements of one thing at several sizes, and the complexity that the code should have.

    The last two sizes decide: at the smallest one, what is independent of the size takes the most time.
    """

    what: str
    expected: str
    measured: Mapping[int, float]
    unit: str = "ms"

    @property
    def kept(self) -> bool:
        *_, (few, less), (many, more) = sorted(self.measured.items())
        allowed = NOISE if self.expected == CONSTANT else NOISE * many / few
        return more <= allowed * less

    def row(self) -> str:
        first = next(iter(self.measured.values()))
        ratios = " → ".join(f"{value / first:.1f}" for value in self.measured.values()) if first else "0"
        values = " → ".join(f"{value:.3g}" for value in self.measured.values())
        return (
            f"| {self.what} | {self.expected} | {ratios} | {values} {self.unit} | {'yes' if self.kept else '**no**'} |"
        )


def table(size: str, rows: list[Growth]) -> str:
    sizes = " → ".join(f"{one:,}" for one in rows[0].measured)
    head = f"| {size}: {sizes} | expected | times the first | measured | kept |\n|---|---|---:|---:|---|"
    return "\n".join([head, *(row.row() for row in rows)])


async def in_turns(
    what: str,
    expected: str,
    steps: Mapping[int, Callable[[], Awaitable[object]]],
    *,
    rounds: int = ROUNDS,
    timer: Callable[[], float] = time.process_time,
) -> Growth:
    """Take each step in turns, and the best of its milliseconds: what else runs only adds. The first round warms up.

    The processor time counts, in all threads: how busy the machine is changes it least.
    """
    seconds: dict[int, list[float]] = {size: [] for size in steps}
    for turn in range(rounds + 1):
        for size, step in steps.items():
            began = timer()
            await step()
            if turn:
                seconds[size].append(timer() - began)
    return Growth(what, expected, {size: 1000 * min(values) for size, values in seconds.items()})
