"""Who may what: a grant for one queue, a stop that a second supervisor confirms, and App Home for each who opens it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.browser.conftest import visiting
from tests.browser.sandbox_page import COMPLIANCE, GRACE, HEIDI, MALLORY, RUNS, STOPPED

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.seat import Seat

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = "U0SALES"


@pytest.fixture
def policy() -> str:
    return f"""
        [[grant]]
        label = "Sales"
        who = ["{OWN}"]
        queues = ["{derived_id("queue", "Sales")}"]

        [dual_control]
        queues = ["{derived_id("queue", "Billing")}"]
        within = "1h"
        """


async def test_a_grant_ends_at_its_queue_and_help_says_so(seat: Seat) -> None:
    seat.scenario.slack.add_person(OWN, "Sam Porter", "sam", role="Supervisor of Sales")
    seat.scenario.slack.workspace.channels["C0FLOOR"].members.append(OWN)
    await seat.act_as(OWN)
    await seat.command(f"/record start {INBOUND}")
    await expect(seat.only_for_me).to_contain_text("its queue and agent are outside your scope")
    await expect(seat.only_for_me).to_contain_text("You can control calls in: Sales.")
    await expect(seat.recording_state(INBOUND)).to_have_text("Not recorded")
    await seat.command("/record help")
    await expect(seat.only_for_me).to_contain_text("/record start [id, link or @agent] [reason]")
    await expect(seat.only_for_me).to_contain_text("You can control calls in: Sales.")
    await seat.keep("scope")

    await seat.command("/record start")
    await seat.form.search("Live call", "")
    await expect(seat.form.offers()).to_have_count(1)
    await seat.form.pick("Live call", "tom")
    await seat.form.submit()
    await expect(seat.card(OUTBOUND)).to_contain_text(RUNS)


async def test_a_stop_takes_two_supervisors(seat: Seat) -> None:
    card = await seat.records(INBOUND)
    await seat.press(card, "recording_stop", sure=True)
    await expect(card).to_contain_text("Another supervisor has to confirm by")
    await expect(card).to_contain_text(RUNS)
    request = seat.page.locator('#floor li[data-kind="recording_notice"]').first  # it is repeated after 30 s
    await seat.later(request, "@Ada Byron asked to stop this recording at")
    await seat.keep("dual-control-waits")
    await seat.press(card, "recording_confirm_stop", sure=True)
    await expect(seat.only_for_me).to_contain_text("someone else has to confirm it")
    await expect(seat.recording_state(INBOUND)).to_have_text("Recording")

    await seat.act_as(GRACE)
    await seat.press(request, "recording_confirm_stop", sure=True)
    await expect(card).to_contain_text(STOPPED)
    await expect(card).to_contain_text(re.compile("Stop confirmed: @Ada Byron asked at .*, @Grace Murray confirmed at"))
    await expect(seat.recording_state(INBOUND)).to_have_text("Not recorded")
    await seat.later(request, "@Grace Murray confirmed at")
    await expect(request.locator("[data-action]")).to_have_count(0)
    await seat.keep("dual-control-confirmed")


async def test_home_of_a_supervisor_starts_and_stops_recordings(seat: Seat) -> None:
    home = await seat.open_home()
    await expect(home).to_contain_text("There are no active recordings.")
    await home.get_by_role("button", name="Start a recording").click()
    await seat.form.pick("Live call", "tom", "Sales")
    await seat.form.pick("Reason", "", "Training")
    await seat.form.submit()
    await seat.later(home, "Active recordings (1)", step=2)
    await expect(home).to_contain_text("Tom Becker")
    await expect(home).to_contain_text("Slack, Genesys, the database and the audit channel are working.")
    await seat.keep("home-supervisor")
    await seat.press(home, "recording_stop", sure=True)
    await expect(seat.recording_state(OUTBOUND)).to_have_text("Not recorded")
    await seat.later(home, "Stopped after", step=2)
    await expect(home).to_contain_text("There are no active recordings.")


async def test_home_changes_while_another_supervisor_acts(seat: Seat, opener: Page) -> None:
    await seat.records(OUTBOUND)
    await seat.records(POLICY_RECORDED)
    home = await seat.open_home()
    await expect(home).to_contain_text("Active recordings (2)")
    async with visiting(opener, seat.house.address) as other:
        await other.act_as(GRACE)
        await other.command(f"/record pause {OUTBOUND}")
        await seat.later(home, "Paused since", step=2)
        await seat.keep("home-live")
        await other.command(f"/record stop {OUTBOUND}")
        await seat.later(home, "Active recordings (1)", step=2)
    await expect(home).to_contain_text("Stopped after")
    await expect(home.locator('[data-action="recording_resume"]')).to_have_count(0)


async def test_home_of_compliance_has_counts_and_the_export(seat: Seat) -> None:
    await seat.records(OUTBOUND)
    await seat.act_as(MALLORY)
    await seat.command(f"/record start {INBOUND}")
    await expect(seat.audit_lines(INBOUND)).to_contain_text("Denied")
    await seat.act_as(COMPLIANCE)
    home = await seat.open_home()
    await expect(home).to_contain_text("Audit trail today (UTC)")
    await expect(home).to_contain_text("Open issues: none.")
    await expect(home).to_contain_text("1 request (@Mallory Marsh: 1)")
    await expect(home.locator('[data-action="recording_stop"]')).to_have_count(0)
    await expect(home.get_by_role("button", name="Start a recording")).to_have_count(0)
    await seat.keep("home-compliance")
    await home.get_by_role("button", name="Export today").click()
    await expect(seat.direct_tab).to_contain_text("new direct message")
    await expect((await seat.dms()).get_by_role("link", name=re.compile("jsonl")).first).to_be_visible()


async def test_home_of_a_stranger_names_no_call(seat: Seat) -> None:
    await seat.records(OUTBOUND)
    await seat.act_as(MALLORY)
    home = await seat.open_home()
    await expect(home).to_contain_text("You're not one of them")
    await expect(home).not_to_contain_text(OUTBOUND[:8])
    await expect(home.get_by_role("button")).to_have_count(0)
    await seat.keep("home-stranger")


async def test_home_of_a_german_supervisor_is_german(seat: Seat) -> None:
    await seat.records(OUTBOUND)
    await seat.act_as(HEIDI)
    home = await seat.open_home()
    await expect(home).to_contain_text("Laufende Aufzeichnungen (1)")
    await expect(home.get_by_role("button", name="Stoppen")).to_be_visible()
    await seat.keep("home-german")
