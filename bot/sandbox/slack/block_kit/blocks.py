"""Slack's rules for blocks, messages and views: https://docs.slack.dev/reference/block-kit/blocks/."""

from __future__ import annotations

import secrets
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.charts import CHART, few_charts
from bot.sandbox.slack.block_kit.checks import (
    Place,
    all_of,
    anything,
    array,
    boolean,
    by_type,
    one_of,
    shape,
    string,
    with_one_of,
    with_some_of,
    without_repeats,
)
from bot.sandbox.slack.block_kit.elements import (
    IN_ACTIONS,
    IN_CONTEXT,
    IN_INPUT,
    IN_SECTION,
    OPTION_GROUPS,
    any_text,
    plain_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.sandbox.slack.block_kit.checks import Check

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100


def _block(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return shape({"type": anything} | required, {"block_id": string(255, 1)} | (optional or {}))


BLOCKS: dict[str, Check] = {
    "section": all_of(
        _block(
            {},
            {
                "text": any_text(3000),
                "fields": array(any_text(2000), 1, 10),
                "accessory": IN_SECTION,
                "expand": boolean,
            },
        ),
        with_some_of("text", "fields"),
    ),
    "divider": _block({}),
    "header": _block({"text": plain_text(150)}, {"level": anything}),
    "context": _block({"elements": array(IN_CONTEXT, 1, 10)}),
    "actions": _block({"elements": all_of(array(IN_ACTIONS, 1, 25), without_repeats("action_id"))}),
    "image": all_of(
        _block(
            {"alt_text": string(2000, 1)},
            {"image_url": string(3000, 1), "slack_file": anything, "title": plain_text(2000)},
        ),
        with_one_of("image_url", "slack_file"),
    ),
    "input": _block(
        {"label": plain_text(2000), "element": IN_INPUT},
        {"hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": _block({"elements": array(anything, 1, 1000)}),
    "markdown": _block({"text": string(12000, 1)}),
    "data_visualization": CHART,
    "table": _block({"rows": array(array(anything, 1, 20), 1, 100)}, {"column_settings": anything}),
}


def _blocks(maximum: int) -> Check:
    return all_of(array(by_type(BLOCKS), 0, maximum), without_repeats("block_id"), few_charts)


_view: dict[str, Check] = {"type": one_of("modal", "home"), "blocks": _blocks(VIEW_BLOCKS)}
_any_view: dict[str, Check] = {
    "private_metadata": string(3000),
    "callback_id": string(255),
    "external_id": string(255),
}
MODAL = shape(
    _view | {"title": plain_text(24)},
    _any_view
    | {
        "submit": plain_text(24),
        "close": plain_text(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
HOME = shape(_view, _any_view | {"title": plain_text(24)})


def wrong_with_blocks(blocks: Any) -> list[str]:
    """Return what Slack finds wrong with the blocks of a message, each with its place; empty when nothing is."""
    place = Place("/blocks")
    _blocks(MESSAGE_BLOCKS)(place, blocks)
    return place.findings


def wrong_with_view(view: Any, *, wanted: str) -> list[str]:
    """Return what Slack finds wrong with a view that should be a ``modal`` or the ``home`` tab."""
    place = Place("/view")
    if not isinstance(view, dict):
        place.say("must provide an object")
        return place.findings
    if view.get("type") != wanted:
        place.at("type").say(f"must be a valid enum value: {wanted}")
    (MODAL if wanted == "modal" else HOME)(place, view)
    blocks = view.get("blocks")
    kinds = {block.get("type") for block in blocks if isinstance(block, dict)} if isinstance(blocks, list) else set()
    if wanted == "modal" and "input" in kinds and "submit" not in view:
        place.say("missing required field: submit")
    return place.findings


def wrong_with_options(body: Any) -> list[str]:
    """Return what Slack finds wrong with an app's answer to a ``block_suggestion``; no option at all is fine."""
    place = Place("")
    if not isinstance(body, dict) or ("options" in body) == ("option_groups" in body):
        place.say("must provide exactly one of: options, option_groups")
        return place.findings
    if body.get("options"):
        OPTION_GROUPS(place, [{"label": {"type": "plain_text", "text": "all"}, "options": body["options"]}])
    if body.get("option_groups"):
        OPTION_GROUPS(place, body["option_groups"])
    return place.findings


def with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy in which every block and interactive element has an id, as Slack stores them."""
    copy = deepcopy(blocks)
    for block in copy:
        block.setdefault("block_id", secrets.token_urlsafe(4))
    for _, element in elements_of(copy):
        element.setdefault("action_id", secrets.token_urlsafe(4))
    return copy


def elements_of(blocks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each interactive element with the block that it stands in."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block["type"] == "actions":
            candidates += block["elements"]
        for element in candidates:
            if isinstance(element, dict) and element.get("type") != "image":
                yield block, element
