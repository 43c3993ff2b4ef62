"""Charts as Slack's own block, and as text."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.reports.chart import Chart, by_hours
from bot.slack.charts import as_text

SMALL = Chart("Starts", ("Ada", "Grace"), {"started": (3, 1), "denied": (0, 2), "failed": (0, 0)}, "by supervisor")


def test_the_block_has_a_point_for_each_category_and_leaves_out_series_without_figures() -> None:
    block = SMALL.block()
    assert wrong_with_blocks([block]) == []
    assert block == {
        "type": "data_visualization",
        "title": "Starts",
        "chart": {
            "type": "bar",
            "series": [
                {"name": "started", "data": [{"label": "Ada", "value": 3}, {"label": "Grace", "value": 1}]},
                {"name": "denied", "data": [{"label": "Ada", "value": 0}, {"label": "Grace", "value": 2}]},
            ],
            "axis_config": {"categories": ["Ada", "Grace"], "x_label": "by supervisor"},
        },
    }


def test_what_is_too_long_or_too_many_is_cut_so_that_slack_takes_it() -> None:
    names = tuple(f"Wolfeschlegelsteinhausenbergerdorff {number:02}" for number in range(30))
    chart = Chart("t" * 80, names, {f"series number {n} of ten": (n + 1,) * 30 for n in range(10)}, "x" * 80)
    assert wrong_with_blocks([chart.block()]) == []
    assert wrong_with_blocks([as_text(chart)]) == []


def test_a_day_has_a_bar_for_every_two_hours() -> None:
    hours = {"started": (*(0,) * 8, 2, 3, *(0,) * 13, 1)}
    chart = by_hours("Today", hours, "Hour (UTC)")
    assert len(chart.categories) == 12
    assert sum(chart.series["started"]) == 6
    assert chart.series["started"][4] == 5
    assert wrong_with_blocks([chart.block()]) == []


def test_as_text_it_has_a_bar_for_each_category_that_has_figures() -> None:
    lines = SMALL.text().splitlines()
    assert lines[1] == "Starts"
    assert lines[2].startswith("Ada    \u2588\u2588")
    assert lines[2].endswith(" 3")
    assert "\u2592" in lines[3]
    assert lines[-2] == "\u2588 started  \u2592 denied"


def test_nothing_in_a_chart_leaves_its_code_block() -> None:
    hostile = Chart("```<!channel>", ("```<!channel>",), {"a": (1,)})
    text = hostile.text()
    assert text.count("```") == 2
    assert "<!channel>" not in text


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"title": "t" * 51}, "/blocks/0/title"),
        ({"chart": {"type": "donut"}}, "/blocks/0/chart"),
        ({"chart": {"type": "pie", "segments": [{"label": "a", "value": 0}]}}, "must be more than 0"),
        ({"chart": {"type": "bar", "series": []}}, "axis_config"),
    ],
)
def test_the_simulated_slack_refuses_what_slack_does(change: dict[str, Any], finding: str) -> None:
    assert finding in str(wrong_with_blocks([SMALL.block() | change]))


def test_the_simulated_slack_wants_the_labels_of_the_axis_and_two_charts_at_most() -> None:
    block = SMALL.block()
    block["chart"]["axis_config"]["categories"] = ["Grace", "Ada"]
    assert "labels must match" in str(wrong_with_blocks([block]))
    assert "at most 2" in str(wrong_with_blocks([SMALL.block()] * 3))
