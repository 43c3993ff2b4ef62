"""What a supervisor does on a first visit, in a real browser, against the real bot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.sandbox_page import ADA, MALLORY

if TYPE_CHECKING:
    from tests.browser.sandbox_page import SandboxPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORDING = re.compile(r"\bRecording\b(?! not)")
STOPPED = re.compile(r"\bstopped\b", re.IGNORECASE)


async def test_a_recording_is_started_with_an_audit_line_and_stopped_with_a_question_before(
    visitor: SandboxPage,
) -> None:
    call = await visitor.new_call()
    await visitor.command(f"/record start {call} complaint")
    card = visitor.card(call)
    await expect(card).to_contain_text(RECORDING)
    await expect(visitor.recording_state(call)).to_have_text("Recording")
    await expect(visitor.page.locator("#delivery")).to_contain_text("the bot answered in")
    lines = visitor.audit_lines(call)
    await expect(lines.filter(has_text="started recording")).to_have_count(1)
    await expect(lines.first).to_contain_text(re.compile(r"#\d+"))

    await card.locator('[data-action="recording_stop"]').click()
    question = visitor.page.get_by_role("dialog")
    await expect(question).to_be_visible()
    await question.locator('[value="deny"]').click()
    await expect(question).to_be_hidden()
    await expect(visitor.recording_state(call)).to_have_text("Recording")

    await card.locator('[data-action="recording_stop"]').click()
    await question.locator('[value="confirm"]').click()
    await expect(card).to_contain_text(STOPPED)
    await expect(card.locator('[data-action="recording_stop"]')).to_have_count(0)
    await expect(visitor.recording_state(call)).to_have_text("Not recorded")


async def test_a_stranger_is_refused_and_only_the_stranger_reads_it(visitor: SandboxPage) -> None:
    call = await visitor.new_call()
    await visitor.act_as(MALLORY)
    await visitor.command(f"/record start {call}")
    await expect(visitor.only_for_me).to_contain_text("Only visible to you")
    refusals = await visitor.page.locator("#floor li.ephemeral").count()
    assert refusals >= 1
    await expect(visitor.audit_lines(call)).to_contain_text(re.compile("denied|refused", re.IGNORECASE))
    await expect(visitor.card(call)).to_have_count(0)
    await expect(visitor.recording_state(call)).to_have_text("Not recorded")

    refused_at = await visitor.only_for_me.get_attribute("data-ts")
    await visitor.act_as(ADA)
    await expect(visitor.page.locator(f'#floor li[data-ts="{refused_at}"]')).to_have_count(0)


async def test_the_plug_is_pulled_and_nothing_is_forgotten(visitor: SandboxPage) -> None:
    call = await visitor.new_call()
    await visitor.command(f"/record start {call}")
    card = visitor.card(call)
    await expect(card).to_contain_text(RECORDING)
    await visitor.page.get_by_role("button", name="Kill bot (kill -9)").click()
    await expect(visitor.bot_state).to_contain_text("Killed")
    await visitor.command(f"/record status {call}")
    await expect(visitor.page.locator("#delivery")).to_contain_text("the bot did not answer")

    await visitor.page.get_by_role("button", name="Start bot", exact=True).click()
    await expect(visitor.bot_state).to_contain_text("Ready")
    await visitor.command(f"/record stop {call}")
    await expect(card).to_contain_text(STOPPED)


async def test_what_a_person_types_never_becomes_markup(visitor: SandboxPage) -> None:
    call = await visitor.new_call()
    await visitor.command(f"/record start {call} <img src=x onerror=alert(1)> & *bold*")
    await expect(visitor.card(call)).to_contain_text(RECORDING)
    await expect(visitor.page.locator(".messages img[src='x']")).to_have_count(0)


async def test_the_keyboard_is_enough(visitor: SandboxPage) -> None:
    page = visitor.page
    call = await visitor.new_call()
    await visitor.call(call).get_by_role("button", name=re.compile("^Record the call")).focus()
    await page.keyboard.press("Enter")
    line = visitor.line
    await expect(line).to_be_focused()
    await expect(line).to_have_value(f"/record start {call} ")
    await page.keyboard.press("Enter")
    stop = visitor.card(call).locator('[data-action="recording_stop"]')
    await expect(stop).to_be_visible()
    await page.keyboard.press("ArrowUp")
    await expect(line).to_have_value(f"/record start {call}")

    await stop.focus()
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog")
    await expect(question.locator('[value="deny"]')).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(visitor.card(call)).to_contain_text(STOPPED)
