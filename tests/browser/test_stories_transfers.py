"""A call changes hands while it is recorded: what the supervisor sees, and one click that goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from bot.sandbox.genesys.state.seed import INBOUND
from tests.browser.sandbox_page import RUNS, STOPPED

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.seat import Seat

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hand_over(seat: Seat, *buttons: str) -> None:
    """Press buttons of the live call, as a visitor does: they stand behind the one for more."""
    call = seat.call(INBOUND)
    if not await call.locator(".outside").is_visible():
        await call.get_by_role("button", name=re.compile("^More for")).click()
    for button in buttons:
        await call.get_by_role("button", name=button, exact=True).click()


def newest_card(seat: Seat) -> Locator:
    return seat.page.locator('#floor li[data-kind="recording_card"]').last


async def test_a_transfer_ends_the_recording_and_one_click_goes_on(seat: Seat) -> None:
    card = await seat.records(INBOUND)
    await hand_over(seat, "Transfer")
    await seat.later(card, STOPPED)
    await expect(card).to_contain_text(re.compile("Stopped .+ by a transfer after "))
    await expect(card).to_contain_text("The call was transferred (Genesys: transfer), which ended this recording.")
    await expect(seat.recording_state(INBOUND)).to_have_text("Not recorded")
    await seat.later(seat.direct_tab, "1 new direct message")
    await seat.keep("transfer-card")

    message = await seat.newest_dm()
    await expect(message).to_contain_text("has taken over. record-bot is not recording this call.")
    await seat.keep("transfer-message")
    await seat.press(message, "recording_follow")
    await expect(seat.recording_state(INBOUND)).to_have_text("Recording")
    await seat.later(message, "This call is being recorded again")
    await expect(message.locator('[data-action="recording_follow"]')).to_have_count(0)
    await seat.open_floor()
    await expect(newest_card(seat)).to_contain_text(RUNS)
    await expect(newest_card(seat)).not_to_contain_text("Priya Nair")
    await seat.keep("transfer-goes-on")


async def test_a_consult_ends_nothing_until_it_is_completed(seat: Seat) -> None:
    card = await seat.records(INBOUND)
    await hand_over(seat, "Consult")
    await expect(seat.call(INBOUND)).to_contain_text("consult")
    await expect(seat.recording_state(INBOUND)).to_have_text("Recording")
    await seat.keep("consult")
    await hand_over(seat, "End consult", "Consult", "Complete transfer")
    await seat.later(card, "The call was transferred (Genesys: transfer.consult), which ended this recording.")
    await seat.press(card, "recording_follow")
    await expect(newest_card(seat)).to_contain_text(RUNS)
    await seat.keep("consult-completed")
