"""Slack's rules for charts: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block.

That page has the fields and the limits. That a message holds two charts at most is from the typed models of the block
in ``slack-morphism`` 2.30.0 (docs.rs), as is that each series has one point for each category, and a name of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.checks import all_of, anything, array, by_type, shape, string

if TYPE_CHECKING:
    from bot.sandbox.slack.block_kit.checks import Check, Place

CHARTS_IN_A_MESSAGE = 2
LABEL = string(20, 1)


def number(place: Place, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        place.say("must provide a number")


def positive(place: Place, value: Any) -> None:
    number(place, value)
    if isinstance(value, int | float) and value <= 0:
        place.say("must be more than 0")


def _matching(place: Place, chart: Any) -> None:
    """Each series has one point for each category, in order, and a name that no other series has."""
    try:
        categories = chart["axis_config"]["categories"]
        labels = [[point["label"] for point in one["data"]] for one in chart["series"]]
        names = [one["name"] for one in chart["series"]]
    except (KeyError, TypeError):
        return  # the shape is wrong, which is said elsewhere
    for index, found in enumerate(labels):
        if found != categories:
            place.at("series").at(index).at("data").say("labels must match axis_config.categories")
    if len(set(names)) < len(names):
        place.at("series").say("series names must be unique")


POINT = shape({"label": LABEL, "value": number})
SERIES = shape({"name": LABEL, "data": array(POINT, 1, 20)})
AXES = shape({"categories": array(LABEL, 1, 20)}, {"x_label": string(50), "y_label": string(50)})
PLOTTED: Check = all_of(shape({"type": anything, "series": array(SERIES, 1, 6), "axis_config": AXES}), _matching)
SEGMENT = shape({"label": LABEL, "value": positive})
PIE = shape({"type": anything, "segments": array(SEGMENT, 1, 6)})
CHART: Check = shape(
    {
        "type": anything,
        "title": string(50, 1),
        "chart": by_type({"pie": PIE, "bar": PLOTTED, "area": PLOTTED, "line": PLOTTED}),
    },
    {"block_id": string(255, 1)},
)


def few_charts(place: Place, blocks: Any) -> None:
    kinds = [one.get("type") for one in blocks if isinstance(one, dict)] if isinstance(blocks, list) else []
    if kinds.count("data_visualization") > CHARTS_IN_A_MESSAGE:
        place.say(f"must have at most {CHARTS_IN_A_MESSAGE} data_visualization blocks")
