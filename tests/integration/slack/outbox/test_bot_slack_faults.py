"""Slack limits, breaks, forgets and loses: every line arrives, in order, and the card ends up right."""

from __future__ import annotations

import re

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.scenario import ADA, AUDIT, FLOOR, GRACE, ServingScenario

POST = "chat.postMessage"
AGAIN = "_reposted_"


def numbers(lines: list[str]) -> list[int]:
    return [int(number) for line in lines for number in re.findall(r"\*#(\d+)\*", line)]


@pytest.mark.parametrize("fault", ["rate_limited", "missing_scope"])
async def test_what_slack_plainly_refused_is_sent_once(scenario: ServingScenario, fault: str) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on(fault, times=3, value=1, only=POST)
    for _ in range(3):
        await scenario.types(ADA, "stop")
    await scenario.until_later(lambda: len(scenario.lines()) == 4)
    lines = await scenario.until_delivered()
    assert numbers(lines) == [1, 2, 3, 4]
    assert AGAIN not in "".join(lines)


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "down"])
async def test_what_may_have_arrived_is_sent_again_and_marked(scenario: ServingScenario, fault: str) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on(fault, times=1, only=POST)
    await scenario.types(ADA, "stop")
    await scenario.until_later(lambda: len(scenario.lines()) == 2)
    assert numbers(scenario.lines()) == [1, 2]
    assert AGAIN in scenario.lines()[-1]


async def test_a_line_that_had_arrived_stands_there_twice_with_the_same_number(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on("drop_after", times=1, only=POST)
    await scenario.types(ADA, "stop")
    await scenario.until_later(lambda: len(scenario.lines()) == 3)
    assert numbers(scenario.lines()) == [1, 2, 2]
    assert [AGAIN in line for line in scenario.lines()] == [False, False, True]


async def test_after_an_hour_without_slack_every_line_arrives_in_order(scenario: ServingScenario) -> None:
    await scenario.until_delivered()
    scenario.slack.faults.switch_on("down", only="chat.")
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.until(lambda: scenario.genesys.effective_recording(INBOUND) == "active")
    for _ in range(25):
        await scenario.types(GRACE, "stop")
    scenario.clock.jump(3600)
    scenario.slack.faults.switch_off("down")
    await scenario.until_later(lambda: scenario.shows("Recording"))
    await scenario.until_later(lambda: numbers(scenario.lines())[-1] == scenario.head())
    seen = numbers(scenario.lines())
    assert sorted(set(seen)) == list(range(1, scenario.head() + 1))
    assert seen == sorted(seen)
    assert len(scenario.slack.messages(AUDIT)) <= 4  # several lines in one message


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "drop_before", "drop_after"])
async def test_an_edit_of_the_card_that_failed_is_made_up_for(scenario: ServingScenario, fault: str) -> None:
    await scenario.records(INBOUND)
    scenario.slack.faults.switch_on(fault, times=2, value=1, only="chat.update")
    await scenario.clicks(ADA, "stop")
    await scenario.until_later(lambda: scenario.shows("Stopped"))
    assert len(scenario.cards()) == 1


async def test_where_the_bot_is_no_member_the_card_comes_by_direct_message(scenario: ServingScenario) -> None:
    scenario.slack.add_channel("C0ELSEWHERE", "elsewhere", [ADA, GRACE])
    await scenario.types(ADA, f"start {INBOUND}", channel="C0ELSEWHERE")
    await scenario.until(lambda: scenario.slack.direct_messages(ADA))
    direct = scenario.slack.direct_messages(ADA)[0]
    await scenario.until(lambda: direct.text.startswith("Recording ·"))
    await scenario.clicks(ADA, "stop", direct)
    await scenario.until(lambda: direct.text.startswith("Stopped"))
    assert scenario.cards("C0ELSEWHERE") == []
    assert len(scenario.slack.direct_messages(ADA)) == 1


async def test_a_card_whose_channel_was_archived_goes_on_as_a_direct_message(scenario: ServingScenario) -> None:
    scenario.slack.add_channel("C0ELSEWHERE", "elsewhere", [ADA, GRACE])
    scenario.slack.invite_bot("C0ELSEWHERE")
    await scenario.types(ADA, f"start {INBOUND}", channel="C0ELSEWHERE")
    await scenario.until(lambda: scenario.shows("Recording", "C0ELSEWHERE"))
    scenario.slack.archive("C0ELSEWHERE")
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: any(one.text.startswith("Stopped") for one in scenario.slack.direct_messages(ADA)))
    await scenario.records(OUTBOUND)  # and no other card waits for it
    assert (await scenario.page("/readyz"))[0] == 200


async def test_a_deleted_card_is_posted_anew(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    scenario.slack.workspace.remove(card)
    await scenario.types(ADA, "pause")
    await scenario.until(lambda: scenario.shows("Paused"))
    assert scenario.card().ts != card.ts
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


@pytest.mark.parametrize("how", ["archived", "bot removed"])
async def test_an_audit_channel_that_can_not_be_written_shows_in_readiness(scenario: ServingScenario, how: str) -> None:
    await scenario.until_delivered()
    assert (await scenario.page("/readyz"))[0] == 200
    if how == "archived":
        scenario.slack.archive(AUDIT)
    else:
        scenario.slack.remove_bot(AUDIT)
    before = _posts(scenario)
    await scenario.types(ADA, "stop")
    await scenario.until_later(lambda: _posts(scenario) > before + 1, step=1)  # it has tried, and tried again
    part = (await scenario.readiness())["audit_channel"]
    assert part["ok"] is False
    assert part["problem"] == f"Slack says: {'is_archived' if how == 'archived' else 'not_in_channel'}"
    assert (await scenario.page("/readyz"))[0] == 200  # this process takes requests, and answers them honestly
    assert 'record_bot_component_up{component="audit_channel"} 0.0' in (await scenario.page("/metrics"))[1]
    await scenario.records(INBOUND)  # the work itself goes on

    scenario.slack.workspace.channels[AUDIT].archived = False
    scenario.slack.invite_bot(AUDIT)
    await scenario.until_later(lambda: numbers(scenario.lines())[-1] == scenario.head())
    assert numbers(scenario.lines()) == list(range(1, scenario.head() + 1))
    assert AGAIN not in "".join(scenario.lines())
    assert (await scenario.readiness())["audit_channel"]["ok"] is True
    assert 'record_bot_component_up{component="audit_channel"} 1.0' in (await scenario.page("/metrics"))[1]


async def test_an_answer_that_can_not_be_shown_changes_nothing(scenario: ServingScenario) -> None:
    scenario.slack.faults.switch_on("server_error", only="response_url")
    await scenario.types(ADA, "start 00000000-0000-4000-8000-000000000000")
    await scenario.until(
        lambda: "can't find this call" in "".join(one.text for one in scenario.slack.direct_messages(ADA))
    )
    assert scenario.phases() == ["requested", "failed"]
    assert scenario.cards() == []


async def test_a_lost_click_can_be_made_up_for_with_a_command(scenario: ServingScenario) -> None:
    card = await scenario.records(INBOUND)
    scenario.slack.faults.switch_on("lost_click", times=1)
    lost = await scenario.slack.click(ADA, FLOOR, card.ts, "recording_stop")
    assert not lost.acked
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


async def test_cards_of_several_calls_do_not_wait_for_each_other(scenario: ServingScenario) -> None:
    await scenario.types(ADA, f"start {INBOUND}")
    await scenario.types(GRACE, f"start {OUTBOUND}")
    await scenario.until(lambda: [card.text.startswith("Recording ·") for card in scenario.cards()] == [True, True])


def _posts(scenario: ServingScenario) -> int:
    """Count the answers to postings in the audit channel."""
    return sum(one.ok is not None and one.payload.get("channel") == AUDIT for one in scenario.slack.requests)
