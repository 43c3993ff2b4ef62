"""A stop that takes two people, as they see it in Slack: card, message, buttons, and result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.cli.recording import Terminal
from bot.runtime.serve import Serving
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA, CLARA, FLOOR, GRACE, MALLORY, World

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.slack import SimulatedMessage

BILLING, SALES = derived_id("queue", "Billing"), derived_id("queue", "Sales")
HEIDI = "U0HEIDI"
APPROVAL = "recording:stop_approval"
WAITING = ["recording_pause", "recording_confirm_stop", "recording_withdraw_stop"]
USUAL = ["recording_pause", "recording_stop"]


@pytest.fixture
def transport() -> str:
    """By socket: what Slack signs is looked at by the machine's clock, which doesn't jump."""
    return "socket"


@pytest.fixture
def changes(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(
        f"""
        [[grant]]
        label = "Sales"
        who = ["{CLARA}"]
        queues = ["{SALES}"]

        [dual_control]
        queues = ["{BILLING}"]
        within = "1h"
        """
    )
    return {}


def buttons(message: SimulatedMessage) -> list[str]:
    elements: list[dict[str, Any]] = [one for block in message.blocks for one in block.get("elements", [])]
    return [one["action_id"] for one in elements if one["type"] == "button"]


def notices(world: World) -> list[SimulatedMessage]:
    """Return the messages on the floor about stops that wait, or waited."""
    found = [one for one in world.slack.messages(FLOOR) if one.metadata]
    return [one for one in found if one.metadata and one.metadata["event_type"] == "recording_notice"]


async def waiting(world: World, *, user: str = ADA) -> SimulatedMessage:
    """Have one supervisor press Stop, and return the message that asks for another one."""
    await world.records(INBOUND, user=user)
    await world.clicks(user, "stop")
    await world.until(lambda: "recording_confirm_stop" in buttons(world.card()) and notices(world))
    return notices(world)[-1]


async def until_usual(world: World, words: str) -> None:
    """Wait until the card has its usual buttons and shows the stop's result, and the message does without buttons."""
    await world.until_later(lambda: buttons(world.card()) == USUAL and words in world.card().text)
    await world.until_later(lambda: words in notices(world)[-1].text)
    assert buttons(notices(world)[-1]) == []


async def restarted(world: World) -> World:
    """Return the world with a new bot on the same database."""
    await world.end()
    old = world.serving
    serving = Serving(old.settings, clock=old.clock, genesys_patience=old.genesys_patience)
    anew = replace(world, serving=serving)
    await anew.begin()
    return anew


async def test_a_second_supervisor_confirms_on_the_card(world: World) -> None:
    notice = await waiting(world)
    told = await world.until_told(ADA, "takes two supervisors")
    assert f"/record stop {INBOUND}" in told
    card = world.card()
    assert buttons(card) == WAITING
    assert buttons(notice) == WAITING[1:]
    for said in (card.text, notice.text):
        assert f"Stop asked for by <@{ADA}> at" in said
        assert "a second supervisor has to confirm by" in said
    assert world.genesys.effective_recording(INBOUND) == "active"
    await world.clicks(GRACE, "confirm_stop", card)
    await world.until(lambda: world.shows("Stopped"))
    await world.until_told(GRACE, f"Confirmed: the stop that <@{ADA}> asked for")
    assert f"confirmed by <@{GRACE}>" in world.card().text
    assert "recording_confirm_stop" not in buttons(world.card())
    await world.until_later(lambda: f"confirmed by <@{GRACE}>" in notices(world)[0].text)
    assert buttons(notices(world)[0]) == []
    assert len(notices(world)) == 1
    assert world.genesys.effective_recording(INBOUND) == "none"


async def test_the_audit_channel_tells_who_asked_who_confirmed_and_until_when(world: World) -> None:
    await waiting(world)
    await world.clicks(GRACE, "confirm_stop")
    await world.until(lambda: world.shows("Stopped"))
    lines = [line for line in await world.until_delivered() if "recording:stop" in line]
    asked, confirmed, requested, stopped = lines
    assert f"<@{ADA}>" in asked
    assert "to be confirmed by <!date^" in asked
    for line in (confirmed, requested):
        assert f"<@{GRACE}>" in line
        assert f"asked for by <@{ADA}> · confirmed by <@{GRACE}>" in line
    assert "*succeeded* `recording:stop`" in stopped


async def test_it_is_confirmed_from_the_message_in_the_channel(world: World) -> None:
    notice = await waiting(world)
    await world.clicks(GRACE, "confirm_stop", notice)
    await world.until(lambda: world.shows("Stopped"))


async def test_nobody_confirms_their_own(world: World) -> None:
    notice = await waiting(world)
    await world.clicks(ADA, "confirm_stop", notice)
    told = await world.until_told(ADA, "You asked for this stop yourself")
    assert "a second supervisor has to confirm it" in told
    assert f"(#{world.entries(APPROVAL)[-1]['seq']})" in told
    denied = world.entries(APPROVAL)[-1]
    assert (denied["phase"], denied["outcome"]["cause"]) == ("denied", "own_request")
    assert world.genesys.effective_recording(INBOUND) == "active"


async def test_clicks_at_the_same_moment_are_one_stop(world: World) -> None:
    notice = await waiting(world)
    card = world.card()
    people = [GRACE, HEIDI, GRACE]
    await asyncio.gather(
        *(world.clicks(user, "confirm_stop", one) for user in people for one in (card, notice)),
    )
    await world.until(lambda: world.shows("Stopped"))
    assert world.phases("recording:stop") == ["requested", "succeeded"]
    writes = [one for one in world.genesys.writes() if INBOUND in one.path]
    assert len(writes) == 2  # the start, and one stop
    refused = world.entries(APPROVAL)[2:]
    assert {one["outcome"]["error"] for one in refused} == {"approval_closed"}
    await world.until_told(GRACE, "It was confirmed already.")


async def test_who_asked_withdraws_and_nobody_else(world: World) -> None:
    notice = await waiting(world)
    await world.clicks(GRACE, "withdraw_stop", notice)
    await world.until_told(GRACE, "Only the person who asked for this stop can withdraw it")
    await world.clicks(ADA, "withdraw_stop", notice)
    await world.until_told(ADA, "is withdrawn. Nothing was stopped")
    await until_usual(world, "withdrawn at")
    assert world.genesys.effective_recording(INBOUND) == "active"


async def test_what_nobody_confirms_lapses_and_the_usual_buttons_return(world: World) -> None:
    await waiting(world)
    world.clock.jump(3601)
    await until_usual(world, "so it lapsed")
    assert world.genesys.effective_recording(INBOUND) == "active"


async def test_a_call_that_ends_meanwhile_says_so(world: World) -> None:
    notice = await waiting(world)
    world.genesys.hang_up(INBOUND)
    await world.until_later(lambda: world.shows("Call ended"))
    await world.until_later(lambda: buttons(notice) == [])
    assert "over before anybody confirmed it" in notice.text


async def test_it_waits_on_over_a_restart_and_is_told_once(world: World) -> None:
    notice = await waiting(world)
    anew = await restarted(world)
    await anew.types(ADA, "list")
    await anew.until_delivered()
    assert len(notices(anew)) == 1
    await anew.clicks(GRACE, "confirm_stop", notice)
    await anew.until(lambda: anew.shows("Stopped"))
    await anew.until_later(lambda: buttons(notice) == [])
    await anew.end()


async def test_one_that_lapsed_while_the_bot_was_away_is_closed_at_the_start(world: World) -> None:
    await waiting(world)
    await world.end()
    world.clock.jump(3601)
    anew = replace(world, serving=Serving(world.serving.settings, clock=world.clock))
    await anew.begin()
    await until_usual(anew, "so it lapsed")
    await anew.end()


async def test_a_strangers_click_is_refused_and_in_the_trail(world: World) -> None:
    notice = await waiting(world)
    for verb in ("confirm_stop", "withdraw_stop"):
        await world.clicks(MALLORY, verb, notice)
    await world.until_told(MALLORY, "You can't control recordings")
    denied = world.entries(APPROVAL)[1:]
    assert [(one["phase"], one["outcome"]["cause"]) for one in denied] == [("denied", "not_listed")] * 2
    assert {one["conversation_id"] for one in denied} == {INBOUND}
    assert buttons(world.card()) == WAITING


async def test_a_supervisor_of_another_queue_cannot_confirm(world: World) -> None:
    notice = await waiting(world)
    await world.clicks(CLARA, "confirm_stop", notice)
    told = await world.until_told(CLARA, "outside the queues and agents")
    assert "You may control the calls of: Sales." in told
    assert world.entries(APPROVAL)[-1]["outcome"]["cause"] == "out_of_scope"
    assert world.genesys.effective_recording(INBOUND) == "active"


async def test_lists_and_status_show_what_waits(world: World) -> None:
    await waiting(world)
    assert f"stop asked for by <@{ADA}>, to be confirmed by" in await world.types(GRACE, "list")
    await world.types(GRACE, f"status {INBOUND}")
    await world.until_told(GRACE, f"stop asked for by <@{ADA}>, to be confirmed by")


async def test_a_pause_in_between_is_possible_and_the_stop_waits_on(world: World) -> None:
    await waiting(world)
    await world.clicks(GRACE, "pause")
    await world.until(lambda: world.shows("Paused"))
    assert buttons(world.card()) == ["recording_resume", *WAITING[1:]]
    await world.clicks(GRACE, "confirm_stop")
    await world.until(lambda: world.shows("Stopped"))


async def test_a_terminal_that_finds_no_policy_file_wants_the_second_supervisor_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.records(INBOUND)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = world.serving.settings.model_copy(update={"database_url": f"sqlite+aiosqlite:///{world.database}"})
    waits = await Terminal(settings, login="root").change("stop", INBOUND)
    assert "takes two supervisors" in waits.text
    assert world.genesys.effective_recording(INBOUND) == "active"
    await world.until(lambda: "a second supervisor has to confirm" in world.card().text)
    await world.clicks(GRACE, "confirm_stop")
    await world.until(lambda: world.shows("Stopped"))


async def test_in_german(world: World) -> None:
    await world.types(HEIDI, f"start {INBOUND}")
    await world.until(lambda: world.phases() == ["requested", "succeeded"] and world.cards())
    assert "nur zu zweit stoppen" in await world.types(HEIDI, "stop")
    await world.until(lambda: notices(world) and "ein zweiter Supervisor muss es bis" in world.card().text)
    notice = notices(world)[0]
    assert "Ein anderer Supervisor kann hier bestätigen" in notice.text
    assert "Stoppen bestätigen" in str(notice.blocks)
    await world.clicks(HEIDI, "confirm_stop", notice)
    await world.until(lambda: world.entries(APPROVAL)[-1]["phase"] == "denied")
    await world.clicks(GRACE, "confirm_stop", notice)
    await world.until_later(lambda: f"bestätigt von <@{GRACE}>" in notices(world)[0].text)


async def test_where_only_one_person_sees_the_card_the_channel_in_which_it_was_asked_is_told(world: World) -> None:
    channel = "C0PRIVATE"
    world.slack.add_channel(channel, "private", [ADA, GRACE])
    await world.types(ADA, f"start {INBOUND}", channel)
    await world.until(lambda: world.slack.direct_messages(ADA))
    await world.until(lambda: world.phases() == ["requested", "succeeded"])
    await world.types(ADA, f"stop {INBOUND}", FLOOR)
    await world.until(lambda: notices(world))
    await world.types(GRACE, f"stop {INBOUND}", channel)
    await world.until_later(lambda: f"confirmed by <@{GRACE}>" in notices(world)[0].text)
