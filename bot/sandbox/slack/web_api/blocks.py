"""``blocks.validate``: what Slack would say of blocks, a message or a view, with nobody seeing them.

Sources: https://docs.slack.dev/reference/methods/blocks.validate, and for the kinds of constraint the response class in
https://github.com/slackapi/java-slack-sdk (``BlocksValidateResponse``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks, wrong_with_view
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.web_api.method import Arguments, Method

ONE_OF = ("blocks", "message", "view")
POINTER = " [json-pointer:"


@dataclass(frozen=True)
class BlockMethods:
    """Checks without effect; no scope and no token is wanted."""

    def table(self) -> dict[str, Method]:
        return {"blocks.validate": Method(self.validate, token="none", tier=3)}  # noqa: S106  a kind of token

    def validate(self, arguments: Arguments) -> dict[str, Any]:
        given = [name for name in ONE_OF if name in arguments]
        if len(given) != 1:
            says = "must provide exactly one of `blocks`, `view`, or `message`"
            raise SlackError("invalid_arguments", response_metadata={"messages": [says]})
        name = given[0]
        if findings := _findings(name, arguments.parsed(name, f"invalid_{name}")):
            raise SlackError(f"invalid_{name}", errors=[_error(one, f"/{name}") for one in findings])
        return {}


def _findings(name: str, value: Any) -> list[str]:
    """Return the findings, each with its place; the rules are those for what is sent."""
    if name == "blocks":
        return wrong_with_blocks(value)
    if not isinstance(value, dict):
        return [f"must provide an object{POINTER}/{name}]"]
    if name == "view":
        return wrong_with_view(value, wanted="home" if value.get("type") == "home" else "modal")
    found = wrong_with_blocks(value.get("blocks", []))
    for attachment in value.get("attachments", []):
        found += wrong_with_blocks(attachment.get("blocks", []))
    return found


def _error(finding: str, root: str) -> dict[str, Any]:
    """Return a finding as the method words it: its place is counted from the argument itself."""
    message, _, place = finding.removesuffix("]").partition(POINTER)
    error: dict[str, Any] = {"code": "failed_constraint", "message": message, "pointer": place.removeprefix(root)}
    if limit := _limit(message):
        error["constraint"] = limit
    return error


def _limit(message: str) -> dict[str, Any] | None:
    for kind, before, after, off in (
        ("max_length", "must be less than ", " characters", 1),
        ("max_items", "no more than ", " items allowed", 0),
    ):
        if message.startswith(before) and message.endswith(after):
            return {"type": kind, "expected": int(message[len(before) : -len(after)]) - off}
    return None
