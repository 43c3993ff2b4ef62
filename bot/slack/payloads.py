"""Checks that a payload has the shape that Slack documents, so that listeners can rely on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.audit.storable import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_PERSONS = frozenset(
    {"block_actions", "block_suggestion", "view_submission", "view_closed", "shortcut", "message_action"}
)
TEXTS = ("type", "command", "text", "user_id", "team_id", "channel_id", "trigger_id", "response_url", "callback_id",
         "action_id", "block_id", "event_id")  # fmt: skip
OBJECTS = ("user", "channel", "view", "message", "event", "container", "enterprise", "state")
LISTS = ("actions", "authorizations")
IN_ITEMS = ("action_id", "block_id", "type")
IN_OBJECTS = ("id", "team_id", "type", "user", "callback_id")


def sound(body: object) -> dict[str, Any] | None:
    """Return the payload with all its text storable; None if it names nobody, or is not what Slack sends."""
    if not isinstance(body, dict):
        return None
    # Bolt asks whether a member is there before it looks into it, and not whether it is null
    payload: dict[str, Any] = {name: value for name, value in storable(body).items() if value is not None}
    return payload if _as_promised(payload) and _names_its_person(payload) else None


def _as_promised(payload: Mapping[str, Any]) -> bool:
    lists = [payload[name] for name in LISTS if name in payload]
    if not all(isinstance(one, list) for one in lists):
        return False
    items = [item for one in lists for item in one]
    objects = [payload.get(name) for name in OBJECTS]
    return (
        all(isinstance(payload.get(name), str | None) for name in TEXTS)
        and isinstance(payload.get("team"), dict | str | None)
        and all(isinstance(one, dict | None) for one in objects)
        and all(isinstance(one, dict) for one in items)
        and all(one.get("action_id") for one in payload.get("actions", ()))
        and all(isinstance(one.get(name), str | None) for one in items for name in IN_ITEMS)
        and all(isinstance(one.get(name), str | None) for one in objects if one for name in IN_OBJECTS)
    )


def _names_its_person(payload: Mapping[str, Any]) -> bool:
    if "command" in payload:
        return bool(payload.get("user_id"))
    if payload.get("type") is None:
        return "ssl_check" in payload
    if payload["type"] == "block_actions" and not payload.get("actions"):
        return False
    if payload.get("type") == "event_callback":
        return isinstance(payload.get("event"), dict)
    if str(payload.get("type")).startswith("view_") and not (payload.get("view") or {}).get("id"):
        return False
    return payload.get("type") not in BY_PERSONS or bool((payload.get("user") or {}).get("id"))
