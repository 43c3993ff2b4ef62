"""A policy file at work: people limited to a queue, and a stop that a second supervisor has to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, TWO_AGENTS
from tests.support.scenario import ADA, FLOOR, GRACE, MALLORY, ServingScenario
from tests.support.slack.start_modal import AtTheModal

if TYPE_CHECKING:
    from pathlib import Path

SALES = derived_id("queue", "Sales")


@pytest.fixture
def changes(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(
        f"""
        [[grant]]
        label = "Sales"
        who = ["S0SALES"]
        queues = ["{SALES}"]

        [dual_control]
        queues = ["{SALES}"]
        """
    )
    return {}


@pytest.fixture
def sales(scenario: ServingScenario) -> ServingScenario:
    """The world with one person who may control the calls of Sales only."""
    scenario.slack.add_group("S0SALES", "sales", [MALLORY])
    return scenario


async def test_somebody_with_a_grant_controls_the_calls_of_their_queue_only(sales: ServingScenario) -> None:
    await sales.records(OUTBOUND, user=MALLORY)
    await sales.types(MALLORY, f"start {INBOUND}")
    assert "You can control calls in: Sales." in await sales.until_told(MALLORY, "outside your scope")
    assert "You can control calls in: Sales." in await sales.types(MALLORY, "help")
    assert "You can control calls in" not in await sales.types(ADA, "help")
    denied = sales.entries("recording:start")[-1]
    assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "out_of_scope")
    assert {request.path for request in sales.genesys.writes() if INBOUND in request.path} == set()
    await sales.records(INBOUND, user=ADA)
    assert "outside your scope" in await sales.types(MALLORY, f"stop {INBOUND}")
    assert INBOUND[:8] not in await sales.types(MALLORY, "list")
    assert INBOUND[:8] in await sales.types(ADA, "list")


async def test_a_stop_takes_two_supervisors_by_command(sales: ServingScenario) -> None:
    await sales.records(OUTBOUND, user=MALLORY)
    assert "second supervisor has to confirm this stop" in await sales.types(MALLORY, "stop")
    assert "still waiting" in await sales.types(MALLORY, "stop")
    assert sales.genesys.effective_recording(OUTBOUND) == "active"
    assert f"You confirmed <@{MALLORY}>'s request" in await sales.types(ADA, f"stop {OUTBOUND}")
    await sales.until(lambda: sales.shows("Stopped", FLOOR))
    assert [entry["actor"].rpartition(":")[2] for entry in sales.entries("recording:stop%")] == [
        MALLORY, MALLORY, ADA, ADA, ADA,
    ]  # fmt: skip
    await sales.until_delivered()


async def test_what_nobody_confirms_lapses(sales: ServingScenario) -> None:
    await sales.records(OUTBOUND, user=MALLORY)
    await sales.types(MALLORY, "stop")
    await sales.until_later(lambda: sales.entries("recording:stop_approval")[-1]["phase"] == "observed", step=60)
    assert sales.genesys.effective_recording(OUTBOUND) == "active"
    assert sales.rows("SELECT closed_by, outcome FROM approvals") == [{"closed_by": "bot", "outcome": "expired"}]


async def test_a_message_shortcut_says_nothing_of_calls_outside_the_queue(sales: ServingScenario) -> None:
    message = sales.slack.post(GRACE, FLOOR, f"{INBOUND} {OUTBOUND} {TWO_AGENTS}")
    ada = AtTheModal(sales)
    await ada.opens()
    await ada.looks_up()  # the list of calls is in memory from now on
    mallory = await AtTheModal(sales, MALLORY).opens("recording_start_from_message", message)
    offered = {one["value"]: one["text"]["text"] for one in mallory.view.element("found")[1]["options"]}
    assert "Tom Becker" in offered[OUTBOUND]
    assert offered[INBOUND] == INBOUND
    assert offered[TWO_AGENTS] == TWO_AGENTS


async def test_who_asks_again_for_the_stop_of_a_paused_recording_is_not_told_that_it_goes_on(
    sales: ServingScenario,
) -> None:
    await sales.records(OUTBOUND, user=MALLORY)
    await sales.types(MALLORY, "pause")
    await sales.until(lambda: sales.shows("Paused"))
    await sales.types(MALLORY, "stop")
    again = await sales.types(MALLORY, "stop")
    assert "still waiting" in again
    assert "The recording is paused." in again
    assert "goes on" not in again
