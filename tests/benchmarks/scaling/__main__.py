"""``python -m tests.benchmarks.scaling``: run the model and write ``docs/scaling.md``; a few minutes."""
# ruff: noqa: T201  a command prints

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.scaling.model import (
    WITHOUT_NOTIFICATIONS,
    Result,
    Scenario,
    capacity,
    percentile,
    run,
)

ROOT = Path(__file__).resolve().parents[3]
PAGE = Path(__file__).with_name("page.md")
SIZES = (
    (5_000, 1),
    (20_000, 1),
    (30_000, 1),
    (50_000, 1),
    (100_000, 1),
    (50_000, 3),
    (100_000, 3),
    (100_000, 5),
    (100_000, 10),
    (200_000, 10),
)
COUNTS = (1, 2, 3, 5, 10)
SLACK = ((2_500, 1), (5_000, 1), (10_000, 1), (20_000, 1), (100_000, 1), (100_000, 5), (100_000, 20))
HUNDRED_THOUSAND = Scenario(clients=5)


@dataclass(frozen=True)
class Variant:
    """A change of the assumptions about 100,000 agents on five clients."""

    what: str
    scenario: Scenario


def uneven(count: int) -> tuple[float, ...]:
    """Return the parts of divisions of which each is two thirds of the one before."""
    parts = [(2 / 3) ** number for number in range(count)]
    return tuple(part / sum(parts) for part in parts)


VARIANTS = (
    Variant("any client may control each call", HUNDRED_THOUSAND),
    Variant(
        "five equal divisions, a fifth of the starts by a typed id", replace(HUNDRED_THOUSAND, divisions=(0.2,) * 5)
    ),
    Variant("the same, every start by a typed id", replace(HUNDRED_THOUSAND, divisions=(0.2,) * 5, typed=1.0)),
    Variant("five divisions, each two thirds of the one before", replace(HUNDRED_THOUSAND, divisions=uneven(5))),
    Variant("without notifications", replace(HUNDRED_THOUSAND, costs=WITHOUT_NOTIFICATIONS)),
    Variant("twice as many calls", replace(HUNDRED_THOUSAND, calls_an_hour=16.0)),
    Variant("twice as many calls, ten clients", replace(HUNDRED_THOUSAND, calls_an_hour=16.0, clients=10)),
    Variant(
        "20% of the calls recorded by hand instead of 1%, 5,000 agents",
        Scenario(agents=5_000, recorded=0.2, clients=5),
    ),
)


def seconds(values: list[float], share: float = 0.99) -> str:
    found = percentile(values, share)
    return f"{found:.1f} s" if found < 100 else f"{found / 60:,.0f} min"


def people(result: Result) -> str:
    """Return the cells about what people wait for."""
    cells = [f"{result.busiest:.0%}"]
    for verb in ("pause", "start"):
        cells += [seconds(result.waits.get(verb, [])), f"{result.refused_share(verb):.1%}"]
    return " | ".join([*cells, seconds([result.late_loops])])


def size(agents: int, clients: int) -> str:
    scenario = Scenario(agents=agents, clients=clients)
    return f"| {agents:,} | {clients} | {scenario.recordings_a_minute:.0f} | {people(run(scenario))} |"


def sizes() -> str:
    rows = []
    for agents, clients in SIZES:
        rows.append(size(agents, clients))
        print(rows[-1], flush=True)
    return "\n".join(rows)


def variants() -> str:
    rows = []
    for variant in VARIANTS:
        rows.append(f"| {variant.what} | {people(run(variant.scenario))} |")
        print(rows[-1], flush=True)
    return "\n".join(rows)


def capacities() -> tuple[str, dict[int, int]]:
    rows, found = [], dict[int, int]()
    for clients in COUNTS:
        shared = Scenario(clients=clients, hours=0.5)
        found[clients] = capacity(shared)
        cells = [found[clients]]
        if clients > 1:
            cells += [
                capacity(replace(shared, divisions=parts)) for parts in ((1 / clients,) * clients, uneven(clients))
            ]
        shown = [f"{agents:,}" for agents in cells] + ["the same"] * (3 - len(cells))
        rows.append(f"| {clients} | {' | '.join(shown)} |")
        print(rows[-1], flush=True)
    return "\n".join(rows), found


def slack() -> str:
    rows = []
    for agents, bots in SLACK:
        scenario = Scenario(agents=agents, clients=20, bots=bots, hours=0.5)
        result = run(scenario)
        rows.append(
            f"| {agents:,} | {bots} | {scenario.recordings_a_minute / bots:.1f} | {seconds(result.cards, 0.5)} |"
            f" {seconds(result.cards)} | {seconds(result.lines)} |"
        )
        print(rows[-1], flush=True)
    return "\n".join(rows)


def page() -> str:
    rows, found = capacities()
    assumed = Scenario()
    return PAGE.read_text(encoding="utf-8").format(
        sizes=sizes(),
        capacities=rows,
        variants=variants(),
        slack=slack(),
        one=f"{found[1]:,}",
        five=f"{found[5]:,}",
        ten=f"{found[10]:,}",
        calls=f"{assumed.calls_an_hour:g}",
        minutes=f"{assumed.seconds / 60:g}",
        paused=f"{assumed.paused:g}",
        typed=f"{assumed.typed:.0%}",
        topics=f"{run(Scenario(clients=1, agents=20_000)).topics:,}",
        topics_shared=f"{run(HUNDRED_THOUSAND).topics:,}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "scaling.md")
    arguments = parser.parse_args()
    arguments.output.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
