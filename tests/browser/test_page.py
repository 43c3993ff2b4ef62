"""What the page shows of Slack beyond messages: forms, home tab, shortcuts, direct messages; a small app answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.browser.example_app import button, everything, plain
from tests.browser.sandbox_page import ADA, GRACE, HEIDI

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Response

    from tests.browser.conftest import Stage
    from tests.browser.sandbox_page import SandboxPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

HAS_COME = """(words) => new Promise((come) => {
  const feed = new EventSource("/api/events");
  feed.addEventListener("message", ({ data }) => {
    if (!data.includes(words)) return;
    feed.close();
    come();
  });
})"""
"""Waits until the page's server has sent a state with these words in it."""


def _searched(words: str) -> Callable[[Response], bool]:
    """Recognize the answer to a search for ``words``."""
    return lambda answer: answer.url.endswith("/api/view/options") and f'"{words}"' in (answer.request.post_data or "")


async def test_a_form_is_filled_in_with_every_kind_of_input(guest: SandboxPage, stage: Stage) -> None:
    await guest.shortcut("Everything")
    form = guest.form
    await expect(form.title).to_have_text("Everything")
    await form.search("Agent", "")
    await expect(form.offers()).to_have_count(4)
    await form.pick("Agent", "be", "Tom Becker")
    await expect(form.dialog).to_contain_text("Chosen: Tom Becker")
    await expect(form.dialog.get_by_role("combobox", name="Agent")).to_have_value("Tom Becker")
    await form.pick("Colour", "gr", "Green")
    await form.tick("Large")
    await form.tick("Red")
    await form.fill("Words", "one\ntwo")
    await form.submit()
    await expect(form.dialog).to_be_hidden()

    view = stage.app.of("view_submission")[-1]["view"]
    state = {block: inner[block] for block, inner in view["state"]["values"].items()}
    assert state["agent"]["selected_option"]["text"]["text"] == "Tom Becker"
    assert state["colour"]["selected_option"]["value"] == "green"
    assert state["size"]["selected_option"]["value"] == "large"
    assert [one["value"] for one in state["extras"]["selected_options"]] == ["red"]
    assert state["words"]["value"] == "one\ntwo"
    assert view["private_metadata"] == "kept"


async def test_the_ring_of_the_focus_hides_no_hint(guest: SandboxPage) -> None:
    await guest.shortcut("Everything")
    line = guest.form.dialog.get_by_role("combobox", name="Agent")
    await expect(line).to_be_focused()
    ring: float = await line.evaluate(
        "(one) => parseFloat(getComputedStyle(one).outlineWidth) + parseFloat(getComputedStyle(one).outlineOffset)"
    )
    end, hint = await line.bounding_box(), await guest.form.dialog.get_by_text("Search by name").bounding_box()
    assert end
    assert hint
    assert hint["y"] >= end["y"] + end["height"] + ring


async def test_what_was_typed_stays_while_the_form_changes(guest: SandboxPage, stage: Stage) -> None:
    await guest.shortcut("Everything")
    form = guest.form
    await form.fill("Words", "half a sentence")
    await form.tick("Small")
    await form.pick("Agent", "Kwame")
    await expect(form.dialog).to_contain_text("Chosen: Kwame Mensah")
    await expect(form.dialog.get_by_label("Words")).to_have_value("half a sentence")
    await expect(form.dialog.get_by_label("Small", exact=True)).to_be_checked()
    # The app hears of the other inputs with the choice.
    assert stage.app.of("block_actions")[-1]["view"]["state"]["values"]["words"]["words"]["value"] == "half a sentence"


@pytest.mark.parametrize(("label", "typed"), [("Colour", ""), ("Colour", "gre"), ("Agent", "tom")])
async def test_a_list_that_is_open_stays_open_while_the_form_changes(
    guest: SandboxPage, stage: Stage, label: str, typed: str
) -> None:
    await guest.shortcut("Everything")
    form = guest.form
    await form.search(label, typed)
    await expect(form.offers().first).to_be_visible()
    view = stage.slack.views.on_top(ADA)
    await stage.app.client.views_update(view_id=view.id, view=everything(note="Looked up"))
    await expect(form.dialog).to_contain_text("Looked up")
    line = form.dialog.get_by_role("combobox", name=label)
    await expect(line).to_be_focused()
    await expect(line).to_have_value(typed)
    option = {"gre": "Green", "tom": "Tom Becker"}.get(typed, "Blue")
    await form.offers().filter(has_text=option).click()
    await expect(line).to_have_value(option)


async def test_errors_stand_at_their_inputs(guest: SandboxPage) -> None:
    await guest.shortcut("Everything")
    form = guest.form
    await form.submit()
    await expect(form.field("Agent").locator(".error")).to_have_text("Please complete this required field.")
    await expect(form.dialog.get_by_role("combobox", name="Agent")).to_be_focused()
    await form.pick("Agent", "Priya")
    await form.tick("Small")
    await form.fill("Words", "wrong")
    await form.submit()
    await expect(form.errors).to_have_text("These are the wrong words")
    words = form.dialog.get_by_label("Words")
    await expect(words).to_be_focused()
    await expect(words).to_have_attribute("aria-invalid", "true")
    await expect(form.dialog.get_by_role("combobox", name="Agent")).to_have_value("Priya Nair")


async def test_views_are_updated_pushed_and_cleared(guest: SandboxPage, stage: Stage) -> None:
    form = guest.form
    for words, title in (("look", "Done"), ("more", "Second")):
        await guest.shortcut("Everything")
        await form.pick("Agent", "Priya")
        await form.tick("Small")
        await form.fill("Words", words)
        await form.submit()
        await expect(form.title).to_have_text(title)
        await form.close()
    await expect(form.title).to_have_text("Everything")
    await expect(form.dialog.get_by_label("Words")).to_have_value("more")
    await form.submit()
    await form.fill("Name", "Ada")
    await form.submit()
    await expect(form.dialog).to_be_hidden()
    assert stage.slack.views.modals["U0ADA"] == []


async def test_escape_closes_the_list_then_the_form_and_the_focus_returns(guest: SandboxPage, stage: Stage) -> None:
    keys = guest.page.keyboard
    bolt = guest.page.get_by_role("button", name="Shortcuts", exact=True)
    await bolt.focus()
    await keys.press("Enter")
    await expect(guest.page.get_by_role("menuitem").first).to_be_focused()
    await keys.press("ArrowDown")
    await expect(guest.page.get_by_role("menuitem", name="Nothing")).to_be_focused()
    await keys.press("Escape")
    await expect(bolt).to_be_focused()
    await keys.press("Enter")
    await keys.press("Enter")
    line = guest.form.dialog.get_by_role("combobox", name="Agent")
    await expect(line).to_be_focused()
    await keys.press("ArrowDown")
    await expect(guest.form.offers()).to_have_count(4)
    await keys.press("ArrowDown")
    await keys.press("Escape")
    await expect(guest.form.offers()).to_have_count(0)
    await expect(guest.form.dialog).to_be_visible()
    await keys.press("ArrowDown")
    await expect(guest.form.offers()).to_have_count(4)
    await keys.press("End")
    await keys.press("Enter")
    await expect(line).to_have_value("Kwame Mensah")
    await expect(line).to_be_focused()
    await keys.press("Escape")
    await expect(guest.form.dialog).to_be_hidden()
    await expect(bolt).to_be_focused()
    await stage.slack.wait_for(lambda: stage.app.of("view_closed"))


async def test_the_home_tab_is_published_clicked_and_another_persons(guest: SandboxPage, stage: Stage) -> None:
    home = await guest.open_home()
    await expect(home).to_contain_text("Home of U0ADA")
    await expect(guest.page.locator("#composer")).to_be_hidden()
    again = home.get_by_role("button", name="Again")
    await again.focus()
    await guest.page.keyboard.press("Enter")
    await expect(home).to_contain_text("Published 2 times")
    await expect(home.get_by_role("button", name="Again")).to_be_focused()
    pressed = stage.app.of("block_actions")[-1]
    assert pressed["container"]["type"] == "view"
    assert "channel" not in pressed
    assert "response_url" not in pressed

    await guest.act_as(GRACE)
    await expect(home).to_contain_text("Home of U0GRACE")
    await guest.open_floor()
    await expect(guest.page.locator("#composer")).to_be_visible()


async def test_a_message_shortcut_works_on_somebodys_words(guest: SandboxPage, stage: Stage) -> None:
    message = await guest.says("Please look at https://apps.example.org/#/call/1 today")
    await expect(message.get_by_role("link")).to_have_attribute("href", "https://apps.example.org/#/call/1")
    await guest.message_shortcut(message, "Look into it")
    await expect(guest.form.title).to_have_text("A message")
    heard = stage.app.of("message_action")[-1]
    assert heard["message"]["text"] == "Please look at <https://apps.example.org/#/call/1> today"
    assert heard["message"]["user"] == "U0ADA"
    await guest.form.close()
    await expect(guest.form.dialog).to_be_hidden()


async def test_arrows_lead_from_message_to_message(guest: SandboxPage) -> None:
    for words in ("first", "second", "third"):
        await guest.says(words)
    more = guest.page.locator("#floor .message-tools button")
    await expect(more).to_have_count(3)
    await expect(guest.page.locator('#floor .message-tools button[tabindex="0"]')).to_have_count(1)
    await more.last.focus()
    await guest.page.keyboard.press("ArrowUp")
    await expect(more.nth(1)).to_be_focused()
    await guest.page.keyboard.press("Enter")
    await guest.page.keyboard.press("Enter")
    await expect(guest.form.dialog).to_contain_text("second")


async def test_what_is_pressed_is_clicked_although_the_bot_changes_it(guest: SandboxPage, stage: Stage) -> None:
    home, mouse = await guest.open_home(), guest.page.mouse
    await expect(home).to_contain_text("Published 1 times")
    await home.get_by_role("button", name="Again").hover()
    await mouse.down()
    await stage.app.publish(ADA)
    await guest.page.evaluate(HAS_COME, "Published 2 times")
    await mouse.up()
    await expect(home).to_contain_text("Published 3 times")

    await home.get_by_role("button", name="Again").hover()
    await mouse.down()
    await stage.app.publish(ADA)
    await guest.page.evaluate(HAS_COME, "Published 4 times")
    await expect(home).to_contain_text("Published 3 times")
    await mouse.move(0, 0)
    await mouse.up()
    await expect(home).to_contain_text("Published 4 times")


async def test_what_is_pressed_is_clicked_although_another_click_is_answered(guest: SandboxPage, stage: Stage) -> None:
    stage.app.acknowledges = asyncio.Event()
    await guest.command("/record hello")
    await guest.only_for_me.get_by_role("button", name="Write to me").click()
    blocks: list[dict[str, Any]] = [{"type": "actions", "block_id": "choices", "elements": [button("Again", "again")]}]
    posted = await stage.app.client.chat_postMessage(channel="C0FLOOR", text="Choose", blocks=blocks)
    mouse, message = guest.page.mouse, await guest.same(guest.page.locator("#floor li").filter(has_text="Again"))
    await message.get_by_role("button", name="Again").hover()
    await mouse.down()
    blocks.append({"type": "section", "text": plain("Choose now")})
    await stage.app.client.chat_update(channel="C0FLOOR", ts=str(posted["ts"]), text="Choose now", blocks=blocks)
    await guest.page.evaluate(HAS_COME, "Choose now")
    stage.app.acknowledges.set()
    await expect(guest.delivery).to_contain_text("“Write to me”: the bot answered")
    await expect(message).not_to_contain_text("Choose now")
    await mouse.up()
    await expect(guest.delivery).to_contain_text("“Again”: the bot answered")
    await expect(message).to_contain_text("Choose now")


async def test_an_option_that_is_pressed_is_chosen_although_the_list_changes(guest: SandboxPage) -> None:
    await guest.shortcut("Everything")
    form, mouse = guest.form, guest.page.mouse
    await _press_and_search(guest, "Tom Becker", "tom")
    await mouse.up()
    await expect(form.dialog.get_by_role("combobox", name="Agent")).to_have_value("Tom Becker")
    await expect(form.dialog).to_contain_text("Chosen: Tom Becker")

    await _press_and_search(guest, "Priya Nair", "lucia")
    await mouse.move(0, 0)
    await mouse.up()
    await expect(form.offers()).to_have_text(["Lucia Romano"])


async def _press_and_search(guest: SandboxPage, option: str, typed: str) -> None:
    """Press an agent in the list, and search until the answer is there; the list must not have changed."""
    form = guest.form
    await form.search("Agent", "")
    await form.offers().filter(has_text=option).hover()
    await guest.page.mouse.down()
    async with guest.page.expect_response(_searched(typed)):
        await form.dialog.get_by_role("combobox", name="Agent").fill(typed)
    await expect(form.dialog.get_by_role("listbox", name="Agent")).not_to_have_attribute("aria-busy", "true")
    await expect(form.offers()).to_have_count(4)


async def test_a_search_says_how_much_has_to_be_typed(guest: SandboxPage, stage: Stage) -> None:
    await guest.shortcut("Everything")
    form = guest.form
    await expect(form.title).to_have_text("Everything")
    view = everything(note="Two letters")
    view["blocks"][0]["element"]["min_query_length"] = 2
    await stage.app.client.views_update(view_id=stage.slack.views.on_top(ADA).id, view=view)
    await expect(form.dialog).to_contain_text("Two letters")
    await form.search("Agent", "to")
    await expect(form.offers()).to_have_text(["Tom Becker"])
    await form.search("Agent", "t")
    await expect(form.dialog.get_by_text("Type at least 2 characters")).to_be_visible()
    await expect(form.offers()).to_have_count(0)
    await form.pick("Agent", "to", "Tom Becker")
    await expect(form.dialog).to_contain_text("Chosen: Tom Becker")


async def test_direct_messages_are_marked_until_they_are_read(guest: SandboxPage) -> None:
    await guest.command("/record hello")
    await guest.only_for_me.get_by_role("button", name="Write to me").click()
    await expect(guest.direct_tab).to_contain_text("1 new direct message")
    await expect(guest.page.locator("#news")).to_have_text("1 new direct message from record-bot")
    await guest.act_as(GRACE)
    await expect(guest.direct_tab).to_have_count(0)
    await expect(guest.page.locator("#people label").filter(has_text="Ada")).to_contain_text("1 new")
    await guest.act_as("U0ADA")
    messages = await guest.dms()
    await expect(messages.last).to_contain_text("A word with you")
    await expect(guest.direct_tab).not_to_contain_text("new direct message")


async def test_ephemeral_messages_change_and_vanish(guest: SandboxPage) -> None:
    await guest.command("/record hello")
    await guest.only_for_me.get_by_role("button", name="Change").click()
    await expect(guest.only_for_me).to_contain_text("Changed")
    await guest.command("/record more")
    await expect(guest.page.locator("#floor li.ephemeral")).to_have_count(2)
    await guest.only_for_me.get_by_role("button", name="Vanish").click()
    await expect(guest.page.locator("#floor li.ephemeral")).to_have_count(1)


async def test_a_person_speaks_another_language(guest: SandboxPage, stage: Stage) -> None:
    language = guest.page.get_by_label("Their Slack language")
    await expect(language).to_have_value("en-US")
    await guest.speak("de-DE")
    await stage.slack.wait_for(lambda: stage.slack.workspace.people["U0ADA"].locale == "de-DE")
    await guest.act_as(HEIDI)
    await expect(language).to_have_value("de-DE")


async def test_calls_get_more_agents_a_policy_and_an_end(guest: SandboxPage, stage: Stage) -> None:
    conversation = await guest.new_call(queue="Claims", direction="outbound")
    call = guest.call(conversation)
    await expect(call).to_contain_text("Claims · outbound")
    await call.get_by_role("button", name="More for").click()
    await call.get_by_role("button", name="Add an agent").click()
    await expect(call.locator(".agent")).to_have_text("Priya Nair, Tom Becker")
    await call.get_by_role("button", name="Record by policy").click()
    await expect(call.locator(".call-states .state")).to_have_text("Recording")
    await expect(call).to_contain_text("policy")
    await call.get_by_role("button", name="End call").click()
    await expect(call).to_contain_text("ended")
    assert stage.genesys.calls[conversation].over


async def test_how_an_organization_is_set_up_has_switches_that_last(guest: SandboxPage, stage: Stage) -> None:
    await guest.page.locator("#faults-tab-slack").click()
    slack = stage.slack
    for name, holds in (
        (
            "enterprise_grid",
            lambda: slack.workspace.enterprise and slack.workspace.people[GRACE].team_id == "T0EASTSIDE",
        ),
        ("read_only_channel", lambda: slack.workspace.channels["C0FLOOR"].refuses),
        ("disabled_group", lambda: slack.workspace.groups["S0NIGHT"].date_delete),
    ):
        row = guest.page.locator(f'#faults-slack li[data-key="{name}"]')
        await expect(row.get_by_role("combobox")).to_have_count(0)  # it is no accident that happens once
        await row.locator(".switch").check()
        await slack.wait_for(holds, timeout=60)
        await row.locator(".switch").uncheck()
        await slack.wait_for(lambda holds=holds: not holds(), timeout=60)  # type: ignore[misc]
