"""When a growth is kept, and where its section goes on the page."""

from __future__ import annotations

import pytest

from tests.benchmarks.growth.__main__ import HEADING, with_section
from tests.benchmarks.growth.rows import CONSTANT, LINEAR, Growth, table


@pytest.mark.parametrize(
    ("expected", "milliseconds", "kept"),
    [
        (CONSTANT, (1.0, 1.0, 1.4), True),
        (CONSTANT, (1.0, 1.0, 1.6), False),
        (LINEAR, (5.0, 6.0, 60.0), True),
        (LINEAR, (5.0, 10.0, 140.0), True),
        (LINEAR, (1.0, 10.0, 1_000.0), False),
    ],
)
def test_the_last_two_sizes_decide(expected: str, milliseconds: tuple[float, ...], *, kept: bool) -> None:
    assert Growth("x", expected, dict(zip((1, 1_000, 10_000), milliseconds, strict=True))).kept is kept


def test_a_table_has_ratios_and_values() -> None:
    (head, _, row) = table("live", [Growth("one look", LINEAR, {1: 2.0, 10: 4.0, 100: 30.0})]).splitlines()

    assert head.startswith("| live: 1 → 10 → 100 |")
    assert row == "| one look | at most linear | 1.0 → 2.0 → 15.0 | 2 → 4 → 30 ms | yes |"


def test_a_section_is_replaced_or_added() -> None:
    page = "# Benchmarks\n\n## The bot\n\nfast\n"
    first = with_section(page, f"{HEADING}\n\nslowly")

    assert first == f"{page}\n{HEADING}\n\nslowly\n"
    assert with_section(first, f"{HEADING}\n\nlittle") == f"{page}\n{HEADING}\n\nlittle\n"
    between = first.replace("## The bot", f"{HEADING}\n\nold\n\n## The bot").rpartition(HEADING)[0].rstrip() + "\n"
    assert with_section(between, f"{HEADING}\n\nnew") == f"# Benchmarks\n\n{HEADING}\n\nnew\n\n## The bot\n\nfast\n"
