"""Dashboard and alert rules against a scrape of a running bot: every metric and label that they name is served."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.scenario import ADA, MALLORY
from tests.support.shell import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.scenario import ServingScenario

ANNOUNCED = {
    "record_bot_ack_seconds_bucket",
    "record_bot_actions_total",
    "record_bot_build_info",
    "record_bot_database_seconds_bucket",
    "record_bot_delivery_lag_seconds",
    "record_bot_denied_total",
    "record_bot_genesys_budget_left",
    "record_bot_genesys_seconds_bucket",
    "record_bot_in_doubt",
    "record_bot_queue_length",
    "record_bot_socket_connected",
}
"""What operators were promised to see."""
NAME = re.compile(r"\brecord_?bot_\w+")
SELECTOR = re.compile(r"\b(record_?bot_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
EVERYWHERE = {"job", "instance", "le"}
"""Labels that Prometheus and the histogram add."""


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Return the title and expression of each query."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


def used_names() -> set[str]:
    return {name for _, expression in queries() for name in NAME.findall(expression)}


def used_labels(expression: str) -> set[str]:
    grouped = {label.strip() for group in GROUPED.findall(expression) for label in group.split(",")}
    matched = {label for _, inside in SELECTOR.findall(expression) for label in re.findall(r"(\w+)\s*[=!]", inside)}
    return (grouped | matched) - EVERYWHERE


async def scrape(scenario: ServingScenario) -> dict[str, set[str]]:
    """Return the labels of each metric of a bot that has something to tell."""
    await scenario.records(next(iter(scenario.genesys.floor.calls)), user=ADA)
    await scenario.types(MALLORY, "list")
    await scenario.until_delivered()
    status, page = await scenario.page("/metrics")
    assert status == 200
    served: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
        for ending in endings.get(family.type, ("",)):
            served.setdefault(family.name + ending, set())
        for sample in family.samples:
            served.setdefault(sample.name, set()).update(sample.labels)
    return served


async def test_every_metric_of_dashboard_and_alerts_is_served(scenario: ServingScenario) -> None:
    assert used_names() - set(await scrape(scenario)) == set()


async def test_every_label_of_dashboard_and_alerts_is_served(scenario: ServingScenario) -> None:
    served = await scrape(scenario)

    for title, expression in queries():
        names = set(NAME.findall(expression))
        if names <= set(served) and any(served[name] for name in names):
            assert used_labels(expression) <= set().union(*(served[name] for name in names)), title


def test_the_dashboard_shows_all_that_was_announced() -> None:
    shown = {name for panel in dashboard()["panels"] for one in panel["targets"] for name in NAME.findall(one["expr"])}

    assert shown >= ANNOUNCED


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_the_dashboard_is_bound_to_no_installation() -> None:
    text = json.dumps(dashboard())

    assert "http://" not in text
    assert {panel["datasource"]["uid"] for panel in dashboard()["panels"]} == {"${datasource}"}


def test_every_alert_says_what_it_means_and_how_urgent_it_is() -> None:
    names = [rule["alert"] for rule in rules()]

    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_alerts_look_at_this_bot_only() -> None:
    for rule in rules():
        for _, inside in SELECTOR.findall(rule["expr"]):
            assert 'job="record-bot"' in inside, rule["alert"]
        assert len(NAME.findall(rule["expr"])) == len(SELECTOR.findall(rule["expr"])), rule["alert"]
