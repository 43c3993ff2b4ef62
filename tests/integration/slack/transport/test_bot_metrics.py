"""A scrape of the running bot: the figures are right, and the documents and the dashboard name what is served."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, MALLORY
from tests.support.shell import ROOT

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

ROW = re.compile(r"^\| `(?P<name>record_?bot_\w+)` \|(?P<labels>[^|]*)\|", re.MULTILINE)
NAME = re.compile(r"\brecord_?bot_\w+")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ENDINGS = {"counter": "_total", "info": "_info"}
GENERATED = re.compile(r"_(bucket|sum|count)$")


OF_CLIENTS = "record_bot_genesys_client_"


def documented() -> dict[str, set[str]]:
    text = (ROOT / "docs/operations.md").read_text()
    return {row["name"]: set(re.findall(r"`(\w+)`", row["labels"])) for row in ROW.finditer(text)}


class Scrape:
    def __init__(self, page: str) -> None:
        families = [one for one in text_string_to_metric_families(page) if not one.name.endswith("_created")]
        self.samples = [sample for family in families for sample in family.samples]
        self.names = {family.name + ENDINGS.get(family.type, "") for family in families}
        self.labels: dict[str, set[str]] = {
            family.name + ENDINGS.get(family.type, ""): set().union(*(s.labels for s in family.samples)) - {"le"}
            for family in families
        }

    def value(self, name: str, **labels: str) -> float | None:
        return next((one.value for one in self.samples if one.name == name and one.labels == labels), None)


async def scrape(scenario: ServingScenario) -> Scrape:
    status, page = await scenario.page("/metrics")
    assert status == 200
    return Scrape(page)


@pytest.mark.parametrize("transport", ["socket"])
async def test_documents_dashboard_and_alerts_name_what_is_served(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.types(MALLORY, "list")
    await scenario.until_delivered()

    served = await scrape(scenario)

    assert set(documented()) == served.names
    # Those of several clients have samples only where there are several; test_bot_clients.py looks at their labels.
    labels = {name: known for name, known in documented().items() if not name.startswith(OF_CLIENTS)}
    assert labels == {name: known for name, known in served.labels.items() if not name.startswith(OF_CLIENTS)}
    for file in ("grafana-dashboard.json", "alerts.yml"):
        text = (ROOT / "deploy" / file).read_text()
        if file.endswith(".json"):
            json.loads(text)
        used = {GENERATED.sub("", name) for name in NAME.findall(text.replace("record-bot", ""))}
        assert used - served.names == set(), file


async def test_actions_count_by_verb_and_outcome(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    await scenario.types(ADA, f"start {UNKNOWN}")
    await scenario.until(lambda: scenario.phases()[-1] == "failed")
    await scenario.types(MALLORY, "stop")

    found = await scrape(scenario)

    counted = {
        (one.labels["verb"], one.labels["outcome"]): one.value
        for one in found.samples
        if one.name == "record_bot_actions_total"
    }
    assert counted == {
        ("start", "succeeded"): 1,
        ("start", "failed"): 1,
        ("stop", "succeeded"): 1,
        ("stop", "denied"): 1,
    }
    assert found.value("record_bot_denied_total", cause=scenario.entries()[-1]["outcome"]["cause"]) == 1
    assert found.value("record_bot_ack_seconds_count", surface="command") == 3
    assert found.value("record_bot_ack_seconds_count", surface="button") == 1
    assert (found.value("record_bot_database_seconds_count", kind="read") or 0) > 0
    assert (found.value("record_bot_database_seconds_count", kind="write") or 0) >= 8
    assert found.value("record_bot_genesys_seconds_count", operation="login") == 1


async def test_what_waits_for_slack_and_what_is_in_doubt_is_shown(scenario: ServingScenario) -> None:
    await scenario.until_later(
        lambda: (
            scenario.rows("SELECT max(seq) AS seq FROM audit_deliveries WHERE delivered_at IS NOT NULL")[0]["seq"]
            == scenario.head()
        )
    )
    settled = await scrape(scenario)
    assert settled.value("record_bot_delivery_lag_seconds") == 0
    assert settled.value("record_bot_queue_length", queue="audit") == 0

    scenario.slack.faults.switch_on("server_error", only="chat.postMessage")
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.phases()[-1:] == ["succeeded"])
    scenario.clock.jump(100)

    found = await scrape(scenario)

    assert (found.value("record_bot_delivery_lag_seconds") or 0) >= 100
    assert found.value("record_bot_queue_length", queue="audit") == 2
    assert found.value("record_bot_queue_length", queue="cards") == 1
    assert found.value("record_bot_genesys_budget_left") is not None


async def test_a_recording_in_doubt_is_counted(scenario: ServingScenario) -> None:
    scenario.genesys.faults.switch_on("server_error", only="participant")
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: "unknown" in scenario.phases())
    scenario.genesys.faults.switch_on("server_error")

    assert (await scrape(scenario)).value("record_bot_in_doubt") == 1
