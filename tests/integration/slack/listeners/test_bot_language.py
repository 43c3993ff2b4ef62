"""Each person is answered in the language that their Slack speaks; the trail speaks English to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.catalog import read_languages
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA, FLOOR

if TYPE_CHECKING:
    from tests.support.world import World

HEIDI = "U0HEIDI"
GERMAN = read_languages().of("de-DE")


async def test_a_german_command_has_a_german_answer_and_a_german_card(world: World) -> None:
    answer = await world.types(HEIDI, f"start {INBOUND} Beschwerde")
    assert "wird gestartet" in answer
    await world.until(lambda: world.shows("Wird aufgezeichnet"))
    card = world.card()
    assert f"Anruf {INBOUND}" in card.text
    labels = {
        element["text"]["text"] for block in card.blocks if block["type"] == "actions" for element in block["elements"]
    }
    assert {"Stoppen", "Pausieren"} <= labels
    assert world.rows("SELECT language FROM cards") == [{"language": "de"}]


async def test_the_card_keeps_the_language_of_the_one_who_asked(world: World) -> None:
    await world.types(HEIDI, f"start {INBOUND}")
    await world.until(lambda: world.shows("Wird aufgezeichnet"))
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Gestoppt"))
    assert "gestoppt von <@U0ADA>" in world.card().text


async def test_the_trail_and_the_audit_channel_stay_english(world: World) -> None:
    await world.types(HEIDI, f"start {INBOUND}")
    await world.until(lambda: world.shows("Wird aufgezeichnet"))
    lines = await world.until_delivered()
    assert any("*requested* `recording:start`" in line and "<@U0HEIDI>" in line for line in lines)
    assert all("language" not in entry["origin"] for entry in world.entries())


async def test_the_same_list_is_read_in_two_languages(world: World) -> None:
    await world.types(HEIDI, f"start {INBOUND}")
    await world.until(lambda: world.shows("Wird aufgezeichnet"))
    assert "*Wird aufgezeichnet*" in await world.types(HEIDI, "list")
    assert "*Recording*" in await world.types(ADA, "list")


async def test_refusals_help_and_what_is_not_known_are_german_too(world: World) -> None:
    refused = await world.types(HEIDI, "start nonsense")
    assert GERMAN("errors.malformed_id_what") in refused
    assert refused.endswith(f"(#{world.head()})")
    assert GERMAN("help.lead") in await world.types(HEIDI, "help")
    assert "War `/record start` gemeint?" in await world.types(HEIDI, "strat")


async def test_what_comes_after_the_acknowledgement_is_german(world: World) -> None:
    assert await world.types(HEIDI, f"status {INBOUND}") == GERMAN("status.looking")
    assert "Der Anruf wird jetzt nicht aufgezeichnet" in await world.until_told(HEIDI, "Genesys:")


async def test_an_answer_that_slack_refuses_at_the_response_url_comes_as_a_direct_message(world: World) -> None:
    world.slack.faults.switch_on("server_error", value=404, only="response_url")  # too old, or used up
    await world.types(HEIDI, f"status {INBOUND}")
    direct = world.slack.workspace.direct_message(HEIDI).id
    await world.until(lambda: any("• Genesys:" in message.text for message in world.slack.messages(direct)))
    assert not [text for text in world.told(HEIDI, FLOOR) if "• Genesys:" in text]
