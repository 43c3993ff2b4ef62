"""Slack limits, breaks, forgets and loses: every line arrives, in order, and the card ends up right."""

from __future__ import annotations

import re

import pytest

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND
from tests.support.world import ADA, AUDIT, FLOOR, GRACE, World

POST = "chat.postMessage"
AGAIN = "_sent again_"


def numbers(lines: list[str]) -> list[int]:
    return [int(found[1]) for line in lines if (found := re.search(r"\*#(\d+)\*", line))]


@pytest.mark.parametrize("fault", ["rate_limited", "missing_scope"])
async def test_what_slack_plainly_refused_is_sent_once(world: World, fault: str) -> None:
    await world.until_delivered()
    world.slack.faults.switch_on(fault, times=3, value=1, only=POST)
    for _ in range(3):
        await world.types(ADA, "stop")
    await world.until_later(lambda: len(world.lines()) == 4)
    lines = await world.until_delivered()
    assert numbers(lines) == [1, 2, 3, 4]
    assert AGAIN not in "".join(lines)


@pytest.mark.parametrize("fault", ["server_error", "drop_before", "down"])
async def test_what_may_have_arrived_is_sent_again_and_marked(world: World, fault: str) -> None:
    await world.until_delivered()
    world.slack.faults.switch_on(fault, times=1, only=POST)
    await world.types(ADA, "stop")
    await world.until_later(lambda: len(world.lines()) == 2)
    assert numbers(world.lines()) == [1, 2]
    assert AGAIN in world.lines()[-1]


async def test_a_line_that_had_arrived_stands_there_twice_with_the_same_number(world: World) -> None:
    await world.until_delivered()
    world.slack.faults.switch_on("drop_after", times=1, only=POST)
    await world.types(ADA, "stop")
    await world.until_later(lambda: len(world.lines()) == 3)
    assert numbers(world.lines()) == [1, 2, 2]
    assert [AGAIN in line for line in world.lines()] == [False, False, True]


async def test_after_an_hour_without_slack_every_line_arrives_in_order(world: World) -> None:
    await world.until_delivered()
    world.slack.faults.switch_on("down", only="chat.")
    await world.types(ADA, f"start {INBOUND}")
    await world.until(lambda: world.genesys.effective_recording(INBOUND) == "active")
    for _ in range(25):
        await world.types(GRACE, "stop")
    world.clock.jump(3600)
    world.slack.faults.switch_off("down")
    await world.until_later(lambda: world.shows("Recording"))
    await world.until_later(lambda: numbers(world.lines())[-1] == world.head())
    seen = numbers(world.lines())
    assert sorted(set(seen)) == list(range(1, world.head() + 1))
    assert seen == sorted(seen)
    assert len(world.slack.messages(AUDIT)) <= 4  # several lines in one message


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "drop_before", "drop_after"])
async def test_an_edit_of_the_card_that_failed_is_made_up_for(world: World, fault: str) -> None:
    await world.records(INBOUND)
    world.slack.faults.switch_on(fault, times=2, value=1, only="chat.update")
    await world.clicks(ADA, "stop")
    await world.until_later(lambda: world.shows("Stopped"))
    assert len(world.cards()) == 1


async def test_where_the_bot_is_no_member_the_card_comes_by_direct_message(world: World) -> None:
    world.slack.add_channel("C0ELSEWHERE", "elsewhere", [ADA, GRACE])
    await world.types(ADA, f"start {INBOUND}", channel="C0ELSEWHERE")
    await world.until(lambda: world.slack.direct_messages(ADA))
    direct = world.slack.direct_messages(ADA)[0]
    await world.until(lambda: direct.text.startswith("Recording"))
    await world.clicks(ADA, "stop", direct)
    await world.until(lambda: direct.text.startswith("Stopped"))
    assert world.cards("C0ELSEWHERE") == []
    assert len(world.slack.direct_messages(ADA)) == 1


async def test_a_card_whose_channel_was_archived_goes_on_as_a_direct_message(world: World) -> None:
    world.slack.add_channel("C0ELSEWHERE", "elsewhere", [ADA, GRACE])
    world.slack.invite_bot("C0ELSEWHERE")
    await world.types(ADA, f"start {INBOUND}", channel="C0ELSEWHERE")
    await world.until(lambda: world.shows("Recording", "C0ELSEWHERE"))
    world.slack.archive("C0ELSEWHERE")
    await world.types(ADA, "stop")
    await world.until(lambda: any(one.text.startswith("Stopped") for one in world.slack.direct_messages(ADA)))
    await world.records(OUTBOUND)  # and no other card waits for it
    assert (await world.page("/readyz"))[0] == 200


async def test_a_deleted_card_is_posted_anew(world: World) -> None:
    card = await world.records(INBOUND)
    world.slack.workspace.remove(card)
    await world.types(ADA, "pause")
    await world.until(lambda: world.shows("Paused"))
    assert world.card().ts != card.ts
    await world.clicks(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))


@pytest.mark.parametrize("how", ["archived", "bot removed"])
async def test_an_audit_channel_that_can_not_be_written_shows_in_readiness(world: World, how: str) -> None:
    await world.until_delivered()
    assert (await world.page("/readyz"))[0] == 200
    if how == "archived":
        world.slack.archive(AUDIT)
    else:
        world.slack.remove_bot(AUDIT)
    before = _posts(world)
    await world.types(ADA, "stop")
    await world.until_later(lambda: _posts(world) > before + 1, step=1)  # it has tried, and tried again
    part = (await world.readiness())["audit_channel"]
    assert part["ok"] is False
    assert part["problem"] == f"Slack says: {'is_archived' if how == 'archived' else 'not_in_channel'}"
    assert (await world.page("/readyz"))[0] == 200  # this process takes requests, and answers them honestly
    assert 'record_bot_component_up{component="audit_channel"} 0.0' in (await world.page("/metrics"))[1]
    await world.records(INBOUND)  # the work itself goes on

    world.slack.workspace.channels[AUDIT].archived = False
    world.slack.invite_bot(AUDIT)
    await world.until_later(lambda: numbers(world.lines())[-1] == world.head())
    assert numbers(world.lines()) == list(range(1, world.head() + 1))
    assert AGAIN not in "".join(world.lines())
    assert (await world.readiness())["audit_channel"]["ok"] is True
    assert 'record_bot_component_up{component="audit_channel"} 1.0' in (await world.page("/metrics"))[1]


async def test_an_answer_that_can_not_be_shown_changes_nothing(world: World) -> None:
    world.slack.faults.switch_on("server_error", only="response_url")
    await world.types(ADA, "start 00000000-0000-4000-8000-000000000000")
    await world.until(lambda: world.shows("Not recorded"))
    assert world.phases() == ["requested", "failed"]


async def test_a_lost_click_can_be_made_up_for_with_a_command(world: World) -> None:
    card = await world.records(INBOUND)
    world.slack.faults.switch_on("lost_click", times=1)
    lost = await world.slack.click(ADA, FLOOR, card.ts, "recording_stop")
    assert not lost.acked
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))


async def test_cards_of_several_calls_do_not_wait_for_each_other(world: World) -> None:
    await world.types(ADA, f"start {INBOUND}")
    await world.types(GRACE, f"start {OUTBOUND}")
    await world.until(lambda: [card.text.startswith("Recording") for card in world.cards()] == [True, True])


def _posts(world: World) -> int:
    """Count the answers to postings in the audit channel."""
    return sum(one.ok is not None and one.payload.get("channel") == AUDIT for one in world.slack.requests)
