"""Charts: Slack's own ``data_visualization`` block, and the same figures as text where Slack doesn't take the block.

The block's fields and limits: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.i18n.shorten import shorten
from bot.slack.blocks.mrkdwn import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLOCK_TYPE = "data_visualization"
TITLE, LABEL, POINTS, SERIES = 50, 20, 20, 6
"""Characters of the title and of labels, points of a series, and series of a chart: Slack's limits."""
HOURS_IN_A_BAR = 2
"""A day has 24 hours and a series at most 20 points."""
BAR_CHARACTERS = 24
FILLS = "█▒░▓▪▫"


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart: named series, each with a number for every category."""

    title: str
    categories: tuple[str, ...]
    series: Mapping[str, tuple[int, ...]]
    x_label: str = ""

    @property
    def anything(self) -> bool:
        return any(any(numbers) for numbers in self.series.values())

    def block(self) -> dict[str, Any]:
        """Return it as Slack's block; series without a figure are left out, and so is what is beyond Slack's limits."""
        names = {name: numbers for name, numbers in self.series.items() if any(numbers)}
        categories = _unique([shorten(one, LABEL) for one in self.categories[:POINTS]])
        axis = {"categories": categories} | ({"x_label": shorten(self.x_label, TITLE)} if self.x_label else {})
        series = [
            {
                "name": shorten(name, LABEL),
                "data": [{"label": label, "value": number} for label, number in zip(categories, numbers, strict=False)],
            }
            for name, numbers in list(names.items())[:SERIES]
        ]
        chart = {"type": "bar", "series": series, "axis_config": axis}
        return {"type": BLOCK_TYPE, "title": shorten(self.title, TITLE), "chart": chart}

    def text(self) -> str:
        """Draw it with characters, as mrkdwn; a fill for each series, and the figures beside the bars."""
        named = [(name, numbers) for name, numbers in self.series.items() if any(numbers)][: len(FILLS)]
        totals = [sum(numbers[index] for _, numbers in named) for index in range(len(self.categories))]
        widest = max((len(shorten(one, LABEL)) for one in self.categories), default=0)
        rows = []
        for index, category in enumerate(self.categories[:POINTS]):
            bar = _bar([numbers[index] for _, numbers in named], max(totals))
            if totals[index]:
                rows.append(f"{_plain(shorten(category, LABEL)):{widest}}  {bar} {totals[index]}")
        legend = "  ".join(f"{FILLS[index]} {_plain(shorten(name, LABEL))}" for index, (name, _) in enumerate(named))
        return "```\n" + "\n".join([_plain(shorten(self.title, TITLE)), *rows, legend]) + "\n```"

    def words(self) -> str:
        """Say it for those who can't see it."""
        parts = []
        for name, numbers in self.series.items():
            places = ", ".join(f"{n} at {label}" for label, n in zip(self.categories, numbers, strict=True) if n)
            if places:
                parts.append(f"{sum(numbers)} {name} ({places})")
        return shorten(f"{self.title}: {'; '.join(parts)}.", 1000)


def by_hours(title: str, hours: Mapping[str, Sequence[int]], x_label: str) -> Chart:
    """Return the chart of a day, from the numbers of each of its 24 hours."""
    starts = range(0, 24, HOURS_IN_A_BAR)
    categories = tuple(f"{start:02}\u2013{start + HOURS_IN_A_BAR:02}" for start in starts)
    sums = {
        name: tuple(sum(numbers[start : start + HOURS_IN_A_BAR]) for start in starts) for name, numbers in hours.items()
    }
    return Chart(title, categories, sums, x_label)


def _bar(numbers: Sequence[int], most: int) -> str:
    """Draw the parts of one bar; ``most`` is what the longest bar stands for."""
    return "".join(
        FILLS[index] * max(1, round(number * BAR_CHARACTERS / most)) for index, number in enumerate(numbers) if number
    )


def _unique(labels: list[str]) -> list[str]:
    """Tell labels apart that are the same once they are shortened."""
    found: list[str] = []
    for label in labels:
        number, shown = 1, label
        while shown in found:
            number += 1
            shown = f"{label[: LABEL - 3]} {number}"
        found.append(shown)
    return found


def _plain(text: str) -> str:
    """Keep text from ending the code block that it stands in, or from coming alive there."""
    return escape(text.replace("`", "'"))
