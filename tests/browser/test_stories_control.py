"""What a supervisor does with recordings that run: pause and reminder, choices, what is over, what is in doubt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.browser.sandbox_page import ADA, COMPLIANCE, GRACE, HEIDI, RUNS, STOPPED
from tests.browser.test_keyboard import tab_to
from tests.support.scenario import GENESYS_HANGS

if TYPE_CHECKING:
    from tests.browser.seat import Seat

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY = "C0AWAY"
ENGLISH_DAY = re.compile("today|tomorrow|yesterday", re.IGNORECASE)


async def test_a_forgotten_pause_is_reminded_of_and_ended_from_the_reminder(seat: Seat) -> None:
    card = await seat.records(INBOUND)
    await seat.press(card, "recording_pause")
    await expect(card).to_contain_text("Paused since")
    seat.scenario.clock.jump(4 * 60)
    await seat.later(seat.direct_tab, "1 new direct message")
    reminder = await seat.newest_dm()
    await expect(reminder).to_contain_text("This recording was paused")
    await expect(reminder).to_contain_text("Do you want to resume it?")
    await seat.keep("pause-reminder")

    await seat.press(reminder, "recording_resume")
    await seat.later(reminder, "Resumed by @Ada Byron")
    await expect(reminder.get_by_role("button", name="Resume")).to_have_count(0)
    await seat.open_floor()
    await expect(card).to_contain_text(RUNS)
    await expect(card).to_contain_text("in pauses")
    await expect(seat.recording_state(INBOUND)).to_have_text("Recording")
    await seat.keep("pause-resumed")


async def test_a_bare_stop_offers_a_choice_between_several(seat: Seat) -> None:
    for call, queue in ((INBOUND, "Billing"), (OUTBOUND, "Sales")):
        await expect(await seat.records(call)).to_contain_text(queue)  # it is looked up after the start
    await seat.command("/record stop")
    choice = seat.only_for_me
    await expect(choice).to_contain_text("You have several active recordings. Which one do you want to stop?")
    rows = choice.locator(".kit-section")
    await expect(rows.filter(has_text="Priya Nair")).to_contain_text("Billing")
    await expect(rows.filter(has_text="Tom Becker")).to_contain_text("Sales")
    await seat.keep("choice")
    await seat.press(rows.filter(has_text="Tom Becker"), "recording_stop", sure=True)
    await expect(seat.card(OUTBOUND)).to_contain_text(STOPPED)
    await expect(seat.recording_state(OUTBOUND)).to_have_text("Not recorded")
    await expect(seat.recording_state(INBOUND)).to_have_text("Recording")


async def test_a_stopped_recording_is_started_again(seat: Seat) -> None:
    await seat.command(f"/record start {INBOUND} complaint")
    first = seat.card(INBOUND)
    await seat.press(first, "recording_stop", sure=True)
    await expect(first).to_contain_text(STOPPED)
    await expect(first).not_to_contain_text(re.compile("undo", re.IGNORECASE))
    await seat.press(first, "recording_start_again")
    cards = seat.page.locator('#floor li[data-kind="recording_card"]')
    await expect(cards).to_have_count(2)
    await expect(cards.last).to_contain_text(RUNS)
    await expect(cards.last).to_contain_text("Reason: Complaint")
    await expect(cards.first).to_contain_text(STOPPED)
    await expect(cards.first.locator('[data-action="recording_start_again"]')).to_have_count(0)
    await seat.keep("start-again")


async def test_the_card_of_a_call_that_ended_names_the_saved_recording(seat: Seat) -> None:
    adhoc, policy = await seat.records(INBOUND), await seat.records(POLICY_RECORDED)
    await seat.change_call(INBOUND, "hang_up")
    await expect(adhoc).to_contain_text(re.compile(r"Call ended · .*Ended .+ after \d", re.DOTALL))
    await expect(adhoc).to_contain_text("This is a user recording")
    await expect(adhoc.get_by_role("link").first).to_have_attribute("href", re.compile(INBOUND))
    await seat.change_call(POLICY_RECORDED, "hang_up")
    await expect(policy).to_contain_text("Call ended")
    await seat.later(policy, "Recording in Genesys (trunk): available", step=20)
    await seat.later(seat.direct_tab, "2 new direct messages")
    await seat.keep("call-ended")
    told = (await seat.dms()).last
    await expect(told).to_contain_text("The call has ended, and so has its recording.")


@pytest.mark.parametrize("patience", [GENESYS_HANGS])
async def test_an_unknown_outcome_is_said_and_settled_by_a_direct_message(seat: Seat, patience: float) -> None:
    del patience
    genesys = seat.scenario.genesys
    genesys.faults.switch_on("hang_after", times=1, value=600, only="(write)")
    genesys.faults.switch_on("events_lost")
    genesys.on_write(lambda _: genesys.faults.switch_on("server_error", only="(read)"))
    await seat.command(f"/record start {INBOUND}")
    card = seat.card(INBOUND)
    await seat.later(card, "Not confirmed yet, checking")
    await expect(card.locator("[data-action]")).to_have_count(0)
    await seat.keep("outcome-unknown")
    genesys.faults.switch_all_off()
    await seat.later(card, RUNS)
    await seat.later(seat.direct_tab, "new direct message")
    told = (await seat.dms()).last
    await expect(told).to_contain_text(re.compile("Confirmed: your start request .* worked"))
    await seat.keep("outcome-settled")


async def test_where_the_bot_is_no_member_the_card_is_a_direct_message(seat: Seat) -> None:
    seat.scenario.slack.add_channel(AWAY, "back-office", [ADA, GRACE])
    await seat.page.locator(f'#tabs [data-place="{AWAY}"]').click()
    await seat.command(f"/record start {INBOUND}")
    await expect(seat.only_for_me).to_contain_text("Starting the recording of call")
    await expect(seat.direct_tab).to_contain_text("1 new direct message")
    await expect(seat.card(INBOUND)).to_have_count(0)
    await seat.dms()
    await expect(seat.card(INBOUND)).to_contain_text(RUNS)
    await seat.keep("direct-message")


async def test_a_german_supervisor_reads_german_all_the_way(seat: Seat) -> None:
    await seat.act_as(HEIDI)
    await seat.command("/record start")
    form = seat.form
    await expect(form.title).to_have_text("Aufzeichnung starten")
    await form.pick("Laufender Anruf", "priya", "Billing")
    await form.pick("Grund", "", "Complaint")
    await form.fill("Notiz", "Rückruf wegen der Rechnung")
    await seat.keep("german-modal", form.dialog)
    await form.submit()
    card = seat.card(INBOUND)
    await expect(card).to_contain_text(re.compile(r"Wird aufgezeichnet · .*Seit .+ · gestartet von @Heidi", re.DOTALL))
    await seat.press(card, "recording_pause")
    await expect(card).to_contain_text("Pausiert seit")
    seat.scenario.clock.jump(4 * 60)
    asked = "Soll sie fortgesetzt werden?"
    told = (await seat.dms()).filter(has_text=asked)  # a modal's start may also tell here that Genesys is slow
    await seat.later(told, asked)
    reminder = await seat.same(told)
    await seat.press(reminder, "recording_resume")
    await seat.later(reminder, "Fortgesetzt von @Heidi Brandt")
    await expect(reminder).not_to_contain_text(ENGLISH_DAY)
    await seat.keep("german-reminder")
    await seat.open_floor()
    await seat.press(card, "recording_stop")
    question = seat.page.locator("dialog.confirm[open]")
    await expect(question).to_contain_text("Aufzeichnung stoppen: Priya Nair, Billing?")
    await seat.keep("german-question", question)
    await seat.confirm()
    await expect(card).to_contain_text(re.compile(r"Gestoppt · .*Gestoppt .+ von @Heidi Brandt nach \d", re.DOTALL))
    await expect(card.get_by_role("button", name="Erneut starten: Anruf")).to_be_visible()
    await seat.command("/record strat")
    await expect(seat.only_for_me).to_contain_text("War gemeint: /record start?")
    await seat.keep("german-floor")


async def test_start_pause_and_stop_from_the_modal_without_a_mouse(seat: Seat) -> None:
    page, keys = seat.page, seat.page.keyboard
    await tab_to(page, seat.line)
    await keys.type("/record start")
    await keys.press("Enter")
    calls = seat.form.dialog.get_by_role("combobox", name="Live call")
    await expect(calls).to_be_focused()
    await keys.type("priya bil")
    await expect(seat.form.offers()).to_have_count(1)
    await keys.press("Enter")
    await expect(calls).to_have_value(re.compile("Priya Nair"))
    await keys.press("Tab")
    await keys.press("Tab")
    await expect(seat.form.dialog.get_by_role("combobox", name="Reason")).to_be_focused()
    await keys.press("ArrowDown")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await seat.keep("keyboard-modal", seat.form.dialog)
    await keys.press("Tab")
    await keys.press("Tab")
    await keys.press("Tab")
    await expect(seat.form.dialog.locator('[data-focus="submit"]')).to_be_focused()
    await keys.press("Enter")
    await expect(seat.form.dialog).to_be_hidden()
    await expect(seat.line).to_be_focused()

    card = seat.card(INBOUND)
    await expect(card).to_contain_text(RUNS)
    pause, stop = (card.locator(f'[data-action="recording_{verb}"]') for verb in ("pause", "stop"))
    await tab_to(page, pause, back=True)
    await keys.press("Enter")
    await expect(card).to_contain_text("Paused since")
    await expect(seat.recording_state(INBOUND)).to_have_text("Paused")
    await tab_to(page, stop)
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(card).to_contain_text(STOPPED)
    await expect(seat.recording_state(INBOUND)).to_have_text("Not recorded")
    await seat.keep("keyboard-stopped")


async def test_two_reminders_are_one_message_and_each_is_answered(seat: Seat) -> None:
    card = await seat.records(INBOUND)
    await expect(card).to_contain_text("Billing")  # the queue is looked up after the start
    await expect(await seat.records(OUTBOUND)).to_contain_text("Sales")
    seat.scenario.clock.jump(31 * 60)
    await seat.later(seat.direct_tab, "1 new direct message")
    reminder = await seat.newest_dm()
    await expect(reminder).to_contain_text("2 recordings are waiting for your answer")
    await expect(reminder).to_contain_text("Still recording · Priya Nair · Billing")
    await expect(reminder).to_contain_text("Still recording · Tom Becker · Sales")
    answers = reminder.locator('[data-action^="recording_"]')
    await expect(answers).to_have_text(["Still needed", "Stop"] * 2)
    await seat.keep("reminders")

    await reminder.locator('[data-action="recording_still_needed"]').last.click()
    await seat.later(reminder, "Still needed, says @Ada Byron. Next reminder: ")
    await seat.press(reminder, "recording_stop")
    await expect(seat.page.locator("dialog.confirm[open]")).to_contain_text("Stop recording Priya Nair, Billing?")
    await seat.confirm()
    await seat.later(reminder, "Stopped by @Ada Byron")
    await expect(answers).to_have_count(0)
    await seat.keep("reminders-answered")
    await seat.open_floor()
    await expect(card).to_contain_text("Stopped")
    await expect(seat.recording_state(OUTBOUND)).to_have_text("Recording")


async def test_a_call_is_kept_while_it_runs_and_released_by_compliance(seat: Seat) -> None:
    card = await seat.records(POLICY_RECORDED)
    await seat.press(card, "recording_keep")
    await expect(card).to_contain_text("Will be kept once the call has ended")
    await expect(card.locator('[data-action="recording_keep"]')).to_have_count(0)
    seat.scenario.genesys.hang_up(POLICY_RECORDED)
    await seat.later(card, "Genesys protects this call's recordings from deletion")
    await seat.keep("kept")

    await seat.act_as(COMPLIANCE)
    await seat.press(card, "recording_release", sure=True)
    await expect(card).to_contain_text("Genesys may delete this call's recordings again")
    await expect(card.get_by_role("button", name="Keep")).to_have_count(1)
    assert not seat.scenario.genesys.recordings.protected
    await seat.keep("released")
