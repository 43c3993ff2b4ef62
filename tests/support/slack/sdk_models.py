"""Holds payloads against the models of Slack's own SDK: what these can't read, refuse, or lose is a finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, Option
from slack_sdk.models.metadata import Metadata
from slack_sdk.models.views import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.sandbox.slack.web_api.endpoint import SlackRequest

SENDING = ("chat.", "views.", "response_url")


def wrong_with_message(message: dict[str, Any]) -> Iterator[str]:
    """Yield what the models find wrong with a message's arguments."""
    for index, block in enumerate(_read(message.get("blocks")) or ()):
        yield from _compared(f"/blocks/{index}", block, Block.parse(block))
    if metadata := _read(message.get("metadata")):
        yield from _compared("/metadata", metadata, Metadata(**metadata))


def wrong_with_view(view: Any) -> Iterator[str]:
    """Yield what the models find wrong with a modal or a home tab."""
    found = _read(view)
    yield from _compared("/view", found, View(**found))
    yield from wrong_with_message({"blocks": found["blocks"]})


def wrong_with_options(body: dict[str, Any]) -> Iterator[str]:
    """Yield what the models find wrong with the options that a look-up was answered with."""
    groups = body.get("option_groups") or [{"options": body.get("options") or []}]
    for option in (one for group in groups for one in group["options"]):
        yield from _compared("/options", option, Option(**option))


def wrong_with_requests(requests: Iterable[SlackRequest]) -> list[str]:
    """Return what the models find wrong with all that was sent to Slack."""
    found = []
    for request in requests:
        if request.method.startswith(SENDING):
            payload = request.payload
            wrong = wrong_with_view(payload["view"]) if payload.get("view") else wrong_with_message(payload)
            found += [f"{request.method}: {one}" for one in wrong]
    return found


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


NEWER_THAN_THE_SDK = frozenset({"data_visualization"})
"""Blocks that slack-sdk 3.48 has no model of; the simulated Slack checks them by Slack's documentation."""


def _compared(place: str, sent: Any, model: Any) -> Iterator[str]:
    if model is None and isinstance(sent, dict) and sent.get("type") in NEWER_THAN_THE_SDK:
        return
    if model is None:
        yield f"{place}: the SDK knows no such block: {sent.get('type')}"
        return
    try:
        again = model.to_dict()
    except SlackObjectFormationError as error:
        yield f"{place}: {error}"
        return
    if again != sent:
        yield f"{place}: sent {json.dumps(sent)}, and the SDK makes {json.dumps(again)} of it"
