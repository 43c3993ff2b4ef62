"""The ways to a recording: the start modal, its list of live calls, shortcuts, several agents, Genesys away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, TWO_AGENTS

if TYPE_CHECKING:
    from tests.browser.seat import Seat

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORDING = re.compile(r"\bRecording\b(?! not)")
INTERACTIONS = 3
LINK = "https://apps.mypurecloud.com/directory/#/analytics/interactions/{call}/admin/details"


async def test_from_the_open_modal_to_the_recording_in_three_interactions(seat: Seat) -> None:
    await seat.command("/record start")
    form = seat.form
    await expect(form.title).to_have_text("Start a recording")
    await form.search("Live call", "sales")
    await expect(form.offers()).to_have_count(1)
    await expect(form.offers()).to_contain_text("Tom Becker · Sales · outbound")
    await seat.keep("start-modal-search", form.dialog)

    interactions = (
        form.pick("Live call", "sales", "Tom Becker"),
        form.pick("Reason", "", "Complaint"),
        form.submit(),
    )
    for interaction in interactions:
        await interaction
    card = seat.card(OUTBOUND)
    await expect(card).to_contain_text(RECORDING)
    await expect(card).to_contain_text("Reason: Complaint")
    await expect(form.dialog).to_be_hidden()
    await expect(seat.recording_state(OUTBOUND)).to_have_text("Recording")
    assert len(interactions) == INTERACTIONS
    await seat.keep("start-modal-done")


async def test_of_several_agents_one_is_chosen(seat: Seat) -> None:
    await seat.command("/record start")
    form = seat.form
    await form.pick("Live call", "support", "Sofie Lindqvist")
    await expect(form.field("Which agent to record")).to_be_visible()
    await form.pick("Which agent to record", "", "Hanna Virtanen")
    await seat.keep("several-agents", form.dialog)
    await form.submit()
    card = seat.card(TWO_AGENTS)
    await expect(card).to_contain_text(RECORDING)
    await expect(card).to_contain_text("Hanna Virtanen")


async def test_where_no_call_is_live_the_modal_says_so(seat: Seat) -> None:
    for call in list(seat.scenario.genesys.calls):
        if not seat.scenario.genesys.calls[call].over:
            seat.scenario.genesys.hang_up(call)
    await seat.command("/record start")
    await expect(seat.form.dialog).to_contain_text("No agent is on a call right now.")
    await seat.form.search("Live call", "")
    await expect(seat.form.offers()).to_have_count(0)
    await seat.keep("no-live-calls", seat.form.dialog)


async def test_while_genesys_is_away_the_modal_says_so_and_takes_an_id(seat: Seat) -> None:
    await seat.switch_on("genesys", "server_error")
    await seat.command("/record start")
    form = seat.form
    await expect(form.dialog).to_contain_text(re.compile("The live calls can't be listed|These are the calls as of"))
    await form.fill("Or paste a call id or link", INBOUND)
    await seat.keep("genesys-away", form.dialog)
    seat.scenario.genesys.faults.switch_all_off()
    await form.submit()
    await expect(form.dialog).to_be_hidden()
    await expect(seat.card(INBOUND)).to_contain_text(RECORDING)


async def test_a_rate_limit_of_genesys_is_told(seat: Seat) -> None:
    await seat.switch_on("genesys", "rate_limited", value=60)
    await seat.command(f"/record start {INBOUND}")
    told = seat.page.locator("#floor li").filter(has_text=re.compile("limit|too many|busy", re.IGNORECASE))
    await expect(told.last).to_be_visible()
    await expect(seat.recording_state(INBOUND)).to_have_text("Not recorded")
    await seat.switch_off("genesys", "rate_limited")


async def test_a_link_in_somebodys_message_is_enough(seat: Seat) -> None:
    message = await seat.says(f"Could you record {LINK.format(call=INBOUND)} please? A complaint.")
    await seat.message_shortcut(message, "Record this call")
    form = seat.form
    await expect(form.dialog.get_by_label("Or paste a call id or link")).to_have_value(INBOUND)
    await seat.keep("message-shortcut")
    await form.submit()
    await expect(seat.card(INBOUND)).to_contain_text(RECORDING)


async def test_the_global_shortcut_brings_the_card_as_a_direct_message(seat: Seat) -> None:
    await seat.shortcut("Start a recording")
    await seat.form.pick("Live call", "priya", "Billing")
    await seat.form.submit()
    await expect(seat.form.dialog).to_be_hidden()
    await expect(seat.direct_tab).to_contain_text("1 new direct message")
    await seat.dms()
    card = seat.card(INBOUND)
    await expect(card).to_contain_text(RECORDING)
    await expect(card.locator('[data-action="recording_pause"]')).to_be_visible()
    await seat.keep("global-shortcut")
