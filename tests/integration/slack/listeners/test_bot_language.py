"""Each person is answered in the language that their Slack speaks; the trail speaks English to everybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.i18n.catalog import read_languages
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, FLOOR

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

HEIDI = "U0HEIDI"
GERMAN = read_languages().of("de-DE")


async def test_a_german_command_has_a_german_answer_and_a_german_card(scenario: ServingScenario) -> None:
    answer = await scenario.types(HEIDI, f"start {INBOUND} Beschwerde")
    assert "wird gestartet" in answer
    await scenario.until(lambda: scenario.shows("Wird aufgezeichnet"))
    card = scenario.card()
    assert f"Anruf {INBOUND}" in card.text
    labels = {
        element["text"]["text"] for block in card.blocks if block["type"] == "actions" for element in block["elements"]
    }
    assert {"Stoppen", "Pausieren"} <= labels
    assert scenario.rows("SELECT language FROM cards") == [{"language": "de"}]


async def test_the_card_keeps_the_language_of_the_one_who_asked(scenario: ServingScenario) -> None:
    await scenario.types(HEIDI, f"start {INBOUND}")
    await scenario.until(lambda: scenario.shows("Wird aufgezeichnet"))
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Gestoppt"))
    assert re.search("Gestoppt <!date[^>]+> von <@U0ADA> nach ", scenario.card().text)


async def test_the_trail_and_the_audit_channel_stay_english(scenario: ServingScenario) -> None:
    await scenario.types(HEIDI, f"start {INBOUND}")
    await scenario.until(lambda: scenario.shows("Wird aufgezeichnet"))
    lines = await scenario.until_delivered()
    assert any("Heidi Brandt started recording" in line for line in lines)
    assert all("language" not in entry["origin"] for entry in scenario.entries())


async def test_the_same_list_is_read_in_two_languages(scenario: ServingScenario) -> None:
    await scenario.types(HEIDI, f"start {INBOUND}")
    await scenario.until(lambda: scenario.shows("Wird aufgezeichnet"))
    assert "*Wird aufgezeichnet*" in await scenario.types(HEIDI, "list")
    assert "*Recording*" in await scenario.types(ADA, "list")


async def test_refusals_help_and_what_is_not_known_are_german_too(scenario: ServingScenario) -> None:
    refused = await scenario.types(HEIDI, "start 12345")
    assert GERMAN("errors.malformed_id_what") in refused
    assert refused.endswith(f"(#{scenario.head()})")
    assert GERMAN("help.lead") in await scenario.types(HEIDI, "help")
    assert "War gemeint: `/record start`?" in await scenario.types(HEIDI, "strat")


async def test_what_comes_after_the_acknowledgement_is_german(scenario: ServingScenario) -> None:
    assert await scenario.types(HEIDI, f"status {INBOUND}") == GERMAN("status.looking")
    assert "Genesys: wird nicht aufgezeichnet" in await scenario.until_told(HEIDI, "Genesys:")


async def test_an_answer_that_slack_refuses_at_the_response_url_comes_as_a_direct_message(
    scenario: ServingScenario,
) -> None:
    scenario.slack.faults.switch_on("server_error", value=404, only="response_url")  # too old, or used up
    await scenario.types(HEIDI, f"status {INBOUND}")
    direct = scenario.slack.workspace.direct_message(HEIDI).id
    await scenario.until(lambda: any("• Genesys:" in message.text for message in scenario.slack.messages(direct)))
    assert not [text for text in scenario.told(HEIDI, FLOOR) if "• Genesys:" in text]
