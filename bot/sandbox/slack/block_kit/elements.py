"""Slack's rules for the elements inside blocks: https://docs.slack.dev/reference/block-kit/block-elements/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.block_kit.checks import (
    all_of,
    anything,
    array,
    boolean,
    by_type,
    integer,
    one_of,
    shape,
    string,
    with_one_of,
)

if TYPE_CHECKING:
    from bot.sandbox.slack.block_kit.checks import Check, Place

MAX_OPTIONS = 100


def plain_text(maximum: int) -> Check:
    return by_type(
        {"plain_text": shape({"type": anything, "text": string(maximum, 1)}, {"emoji": boolean})},
    )


def any_text(maximum: int) -> Check:
    return by_type(
        {
            "plain_text": shape({"type": anything, "text": string(maximum, 1)}, {"emoji": boolean}),
            "mrkdwn": shape({"type": anything, "text": string(maximum, 1)}, {"verbatim": boolean}),
        },
    )


CONFIRM = shape(
    {"title": plain_text(100), "text": any_text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    {"style": one_of("primary", "danger")},
)


def _option(text: Check) -> Check:
    return shape(
        {"text": text, "value": string(150, 1)},
        {"description": plain_text(75), "url": string(3000)},
    )


OPTION = _option(plain_text(75))
RICH_OPTION = _option(any_text(75))
OPTIONS = array(OPTION, 1, MAX_OPTIONS)
OPTION_GROUPS = array(shape({"label": plain_text(75), "options": OPTIONS}), 1, MAX_OPTIONS)


def element(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Return the rule of an interactive element: what all have in common, and its own fields."""
    common: dict[str, Check] = {
        "action_id": string(255, 1),
        "confirm": CONFIRM,
        "focus_on_load": boolean,
    }
    return shape({"type": anything} | required, common | (optional or {}))


def initial_among_options(place: Place, value: Any) -> None:
    """Refuse a choice made in advance that is not one of the options."""
    offered = list(_list(value, "options"))
    for group in _list(value, "option_groups"):
        offered += _list(group, "options")
    chosen = list(_list(value, "initial_options"))
    if "initial_option" in value:
        chosen.append(value["initial_option"])
    if any(option not in offered for option in chosen):
        place.say("initial option does not match any of the options")


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


PLACEHOLDER: dict[str, Check] = {"placeholder": plain_text(150)}
WHOLE = {"max_selected_items": integer(1, MAX_OPTIONS)}
SOME = array(string(255), 0, MAX_OPTIONS)
CONVERSATIONS: dict[str, Check] = {
    "default_to_current_conversation": boolean,
    "response_url_enabled": boolean,
    "filter": anything,
}
_lists: dict[str, Check] = {"options": OPTIONS, "option_groups": OPTION_GROUPS}

BUTTON = element(
    {"text": plain_text(75)},
    {
        "value": string(2000),
        "url": string(3000),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
)

SELECTS: dict[str, Check] = {
    "static_select": all_of(
        element({}, PLACEHOLDER | _lists | {"initial_option": OPTION}),
        with_one_of("options", "option_groups"),
        initial_among_options,
    ),
    "external_select": element({}, PLACEHOLDER | {"initial_option": OPTION, "min_query_length": integer(0, 255)}),
    "users_select": element({}, PLACEHOLDER | {"initial_user": string(255)}),
    "channels_select": element({}, PLACEHOLDER | {"initial_channel": string(255), "response_url_enabled": boolean}),
    "conversations_select": element({}, PLACEHOLDER | CONVERSATIONS | {"initial_conversation": string(255)}),
}

MULTI_SELECTS: dict[str, Check] = {
    "multi_static_select": all_of(
        element({}, PLACEHOLDER | WHOLE | _lists | {"initial_options": OPTIONS}),
        with_one_of("options", "option_groups"),
        initial_among_options,
    ),
    "multi_external_select": element(
        {}, PLACEHOLDER | WHOLE | {"initial_options": OPTIONS, "min_query_length": integer(0, 255)}
    ),
    "multi_users_select": element({}, PLACEHOLDER | WHOLE | {"initial_users": SOME}),
    "multi_channels_select": element({}, PLACEHOLDER | WHOLE | {"initial_channels": SOME}),
    "multi_conversations_select": element({}, PLACEHOLDER | WHOLE | CONVERSATIONS | {"initial_conversations": SOME}),
}

DATES: dict[str, Check] = {
    "datepicker": element({}, PLACEHOLDER | {"initial_date": string(10)}),
    "timepicker": element({}, PLACEHOLDER | {"initial_time": string(5), "timezone": string(255)}),
    "datetimepicker": element({}, {"initial_date_time": integer(0, 9_999_999_999)}),
}

CHOICES: dict[str, Check] = {
    "checkboxes": all_of(
        element(
            {"options": array(RICH_OPTION, 1, 10)},
            {"initial_options": array(RICH_OPTION, 1, 10)},
        ),
        initial_among_options,
    ),
    "radio_buttons": all_of(
        element({"options": array(RICH_OPTION, 1, 10)}, {"initial_option": RICH_OPTION}), initial_among_options
    ),
}

OVERFLOW: dict[str, Check] = {"overflow": element({"options": array(OPTION, 1, 5)})}

_typed: dict[str, Check] = PLACEHOLDER | {"dispatch_action_config": anything}
INPUTS: dict[str, Check] = {
    "plain_text_input": element(
        {},
        _typed
        | {
            "initial_value": string(3000),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
    ),
    "email_text_input": element({}, _typed | {"initial_value": string(3000)}),
    "url_text_input": element({}, _typed | {"initial_value": string(3000)}),
    "number_input": element(
        {"is_decimal_allowed": boolean},
        _typed | {"initial_value": string(3000), "min_value": string(255), "max_value": string(255)},
    ),
    "rich_text_input": element({}, _typed | {"initial_value": anything}),
    "file_input": element({}, {"filetypes": array(string(255), 1, 100), "max_files": integer(1, 10)}),
}

IMAGE_ELEMENT = all_of(
    shape({"type": anything, "alt_text": string(2000, 1)}, {"image_url": string(3000, 1), "slack_file": anything}),
    with_one_of("image_url", "slack_file"),
)

IN_SECTION = by_type({"button": BUTTON, "image": IMAGE_ELEMENT} | SELECTS | MULTI_SELECTS | DATES | CHOICES | OVERFLOW)
IN_ACTIONS = by_type({"button": BUTTON, "workflow_button": anything} | SELECTS | DATES | CHOICES | OVERFLOW)
IN_CONTEXT = by_type(
    {
        "image": IMAGE_ELEMENT,
        "plain_text": shape({"type": anything, "text": string(3000, 1)}, {"emoji": boolean}),
        "mrkdwn": shape({"type": anything, "text": string(3000, 1)}, {"verbatim": boolean}),
    }
)
IN_INPUT = by_type(INPUTS | SELECTS | MULTI_SELECTS | DATES | CHOICES)
