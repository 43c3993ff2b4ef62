"""How the bot's messages arrive at Slack: nothing in data comes alive, and answers stand where they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.genesys.state.seed import INBOUND
from bot.slack.listeners.shortcuts import START_FROM_MESSAGE
from tests.support.scenario import ADA, AUDIT, FLOOR, MALLORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.support.scenario import ServingScenario

ALIVE = "dial #floor or https://evil.example now"


def text_objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mrkdwn object in a payload."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value
        for one in value.values():
            yield from text_objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from text_objects(one)


async def test_addresses_and_channel_names_in_data_stay_plain(scenario: ServingScenario) -> None:
    agent = scenario.genesys.calls[INBOUND].agents[0]
    agent.name = ALIVE

    await scenario.records(INBOUND, reason=ALIVE)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped") and ALIVE in scenario.card().text)
    await scenario.until_delivered()

    shown = scenario.card()
    assert "<https://evil" not in str(shown.snapshot())
    assert "<#C0FLOOR" not in str(shown.snapshot())
    assert any(ALIVE in text["text"] for text in text_objects(shown.blocks))
    posted = [one for one in scenario.slack.requests if one.method in {"chat.postMessage", "chat.update"}]
    assert {one.method for one in posted} == {"chat.postMessage", "chat.update"}
    assert {one.payload.get("parse") for one in posted} == {"none"}
    messages = [*scenario.slack.messages(FLOOR), *scenario.slack.messages(AUDIT)]
    assert all(text["verbatim"] is True for one in messages for text in text_objects(one.blocks))


async def test_a_shortcut_at_a_message_in_a_thread_is_answered_in_that_thread(scenario: ServingScenario) -> None:
    first = scenario.slack.post(ADA, FLOOR, "Which call is it?")
    reply = scenario.slack.post(MALLORY, FLOOR, f"It is {INBOUND}", thread_ts=first.ts)

    await scenario.slack.shortcut(MALLORY, START_FROM_MESSAGE, channel_id=FLOOR, message_ts=reply.ts)

    await scenario.until_told(MALLORY, "You don't have permission to control recordings.")
    answer = next(one for one in scenario.slack.messages(FLOOR) if one.ephemeral_to == MALLORY)
    assert answer.thread_ts == first.ts


async def test_a_card_whose_content_slack_refuses_is_not_sent_again_and_again(
    scenario: ServingScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.sandbox.slack.web_api.chat.POST_CHARACTERS", 10)

    def refused() -> list[Any]:
        return [one for one in scenario.slack.requests if one.payload.get("channel") == FLOOR and one.error]

    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.phases("recording:start") == ["requested", "succeeded"])
    await scenario.until_later(lambda: refused() and scenario.rows(CAUGHT_UP)[0]["number"] == 1)

    assert {one.error for one in refused()} == {"msg_too_long"}
    # two for each version, while it began and once it ran: with its blocks, and as text alone
    assert len(refused()) <= 4
    monkeypatch.undo()
    await scenario.types(ADA, f"stop {INBOUND}")
    await scenario.until_later(lambda: scenario.shows("Stopped"))


CAUGHT_UP = "SELECT count(*) AS number FROM cards WHERE rendered_version >= wanted_version"
