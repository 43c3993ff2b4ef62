from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks, wrong_with_options, wrong_with_view


def plain(text: str = "x") -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", **more}


def option(value: str = "v", text: str = "x") -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", **more}


def confirm(**more: Any) -> dict[str, Any]:
    return {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain(), **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Start"), "blocks": list(blocks), **more}


def text_input(**more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "reason"}
    return {"type": "input", "label": plain(), "element": element, **more}


MARKUP = {"type": "mrkdwn", "text": "x"}

RIGHT = [
    [],
    [section(text=MARKUP)] * 50,
    [section(text={"type": "mrkdwn", "text": "x" * 3000})],
    [section(fields=[{"type": "mrkdwn", "text": "x" * 2000}] * 10)],
    [section(text=MARKUP, accessory=button(style="danger", value="x" * 2000, confirm=confirm(style="danger")))],
    [section(text=MARKUP, accessory={"type": "image", "image_url": "https://x", "alt_text": "x"})],
    [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}],
    [{"type": "context", "elements": [MARKUP] * 10, "block_id": "x" * 255}],
    [actions(button(url="https://x"), select(options=[option()], initial_option=option()))],
    [actions(select(option_groups=[{"label": plain(), "options": [option()]}]))],
    [{"type": "image", "image_url": "https://x", "alt_text": "x"}],
    [actions({"type": "overflow", "action_id": "o", "options": [option()]})],
]

WRONG = [
    ([section(text=MARKUP)] * 51, "no more than 50 items allowed", "/blocks"),
    ([section()], "must provide at least one of: text, fields", "/blocks/0"),
    ([section(text=plain(""))], "must be more than 0 characters", "/blocks/0/text/text"),
    ([section(text="x")], "must provide an object", "/blocks/0/text"),
    ([section(text=MARKUP | {"emoji": True})], "invalid additional property: emoji", "/blocks/0/text"),
    ([section(fields=[MARKUP] * 11)], "no more than 10 items allowed", "/blocks/0/fields"),
    (
        [section(fields=[{"type": "mrkdwn", "text": "x" * 2001}])],
        "must be less than 2001 characters",
        "/blocks/0/fields/0/text",
    ),
    ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters", "/blocks/0/text/text"),
    ([{"type": "header", "text": MARKUP}], "unsupported type: mrkdwn", "/blocks/0/text/type"),
    ([{"type": "card"}], "unsupported type: card", "/blocks/0/type"),
    ([{"text": MARKUP}], "missing required field: type", "/blocks/0"),
    ([{"type": "context", "elements": [MARKUP] * 11}], "no more than 10 items allowed", "/blocks/0/elements"),
    ([{"type": "context", "elements": []}], "no fewer than 1 items allowed", "/blocks/0/elements"),
    ([{"type": "context", "elements": [button()]}], "unsupported type: button", "/blocks/0/elements/0/type"),
    ([actions()], "no fewer than 1 items allowed", "/blocks/0/elements"),
    (
        [actions(button(text=plain("x" * 76)))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/text/text",
    ),
    (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters",
        "/blocks/0/elements/0/value",
    ),
    (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters",
        "/blocks/0/elements/0/action_id",
    ),
    (
        [actions(button(style="default"))],
        "must be a valid enum value: primary, danger",
        "/blocks/0/elements/0/style",
    ),
    ([actions(button(), button())], "`action_id` a already exists", "/blocks/0/elements/1/action_id"),
    (
        [section(text=MARKUP, block_id="x" * 256)],
        "must be less than 256 characters",
        "/blocks/0/block_id",
    ),
    (
        [section(text=MARKUP, block_id="b")] * 2,
        "`block_id` b already exists",
        "/blocks/1/block_id",
    ),
    (
        [actions(button(confirm=confirm(title=plain("x" * 101))))],
        "must be less than 101 characters",
        "/blocks/0/elements/0/confirm/title/text",
    ),
    (
        [actions(button(confirm=confirm(text=plain("x" * 301))))],
        "must be less than 301 characters",
        "/blocks/0/elements/0/confirm/text/text",
    ),
    (
        [actions(button(confirm=confirm(deny=plain("x" * 31))))],
        "must be less than 31 characters",
        "/blocks/0/elements/0/confirm/deny/text",
    ),
    (
        [actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain()}))],
        "missing required field: deny",
        "/blocks/0/elements/0/confirm",
    ),
    ([actions(select(options=[]))], "no fewer than 1 items allowed", "/blocks/0/elements/0/options"),
    ([actions(select())], "must provide exactly one of: options, option_groups", "/blocks/0/elements/0"),
    (
        [actions(select(options=[option(str(n)) for n in range(101)]))],
        "no more than 100 items allowed",
        "/blocks/0/elements/0/options",
    ),
    (
        [actions(select(options=[option(text="x" * 76)]))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/options/0/text/text",
    ),
    (
        [actions(select(options=[option()], initial_option=option("other")))],
        "initial option does not match any of the options",
        "/blocks/0/elements/0",
    ),
    ("x", "must provide an array", "/blocks"),
]


@pytest.mark.parametrize("blocks", RIGHT)
def test_right_blocks_pass(blocks: list[dict[str, Any]]) -> None:
    assert wrong_with_blocks(blocks) == []


@pytest.mark.parametrize(("blocks", "finding", "pointer"), WRONG)
def test_wrong_blocks_are_found(blocks: Any, finding: str, pointer: str) -> None:
    assert wrong_with_blocks(blocks) == [f"{finding} [json-pointer:{pointer}]"]


def test_right_views_pass() -> None:
    assert wrong_with_view(modal(text_input(), submit=plain("Start")), wanted="modal") == []
    assert wrong_with_view({"type": "home", "blocks": [section(text=MARKUP)] * 100}, wanted="home") == []


@pytest.mark.parametrize(
    ("view", "finding"),
    [
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (modal(*[section(text=MARKUP)] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(text_input()), "missing required field: submit [json-pointer:/view]"),
        ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
        ("x", "must provide an object [json-pointer:/view]"),
    ],
)
def test_wrong_views_are_found(view: Any, finding: str) -> None:
    assert wrong_with_view(view, wanted="modal") == [finding]


def test_offered_options_are_held_to_the_same_limits() -> None:
    assert wrong_with_options({"options": []}) == []
    assert wrong_with_options({"options": [option()]}) == []
    assert wrong_with_options({"options": [option(str(n)) for n in range(101)]}) != []
    assert wrong_with_options(None) != []
