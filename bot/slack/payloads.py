"""Whether a payload has the shape that Slack promises; listeners rely on it, and are spared everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.audit.storable import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_PERSONS = frozenset({"block_actions", "block_suggestion", "view_submission", "view_closed", "shortcut", "message_action"})
TEXTS = ("type", "command", "text", "user_id", "team_id", "channel_id", "trigger_id", "response_url", "callback_id",
         "action_id", "block_id", "event_id")  # fmt: skip
OBJECTS = ("user", "channel", "view", "message", "event", "container", "enterprise", "state")
LISTS = ("actions", "authorizations")
WITHIN_ITEMS = ("action_id", "block_id", "type")


def sound(body: object) -> dict[str, Any] | None:
    """Return the payload with all its text storable; None where it names nobody, or holds what Slack never sends."""
    if not isinstance(body, dict):
        return None
    payload: dict[str, Any] = storable(body)
    return payload if _as_promised(payload) and _names_its_person(payload) else None


def _as_promised(payload: Mapping[str, Any]) -> bool:
    objects = [payload.get(name) for name in OBJECTS]
    items = [one for name in LISTS for one in payload.get(name) or () if payload.get(name)] if _lists(payload) else [None]
    inner = [one for one in objects if isinstance(one, dict)]
    return (
        all(isinstance(payload.get(name), str | None) for name in TEXTS)
        and all(isinstance(one, dict | None) for one in objects)
        and isinstance(payload.get("team"), dict | str | None)
        and all(isinstance(one, dict) for one in items)
        and all(isinstance(one.get(name), str | None) for one in items for name in WITHIN_ITEMS)
        and all(isinstance(one.get(name), str | None) for one in inner for name in ("id", "team_id", "type", "user"))
    )


def _lists(payload: Mapping[str, Any]) -> bool:
    return all(isinstance(payload.get(name), list | None) for name in LISTS)


def _names_its_person(payload: Mapping[str, Any]) -> bool:
    if "command" in payload:
        return bool(payload.get("user_id"))
    if payload.get("type") == "event_callback":
        return isinstance(payload.get("event"), dict)
    return payload.get("type") not in BY_PERSONS or bool((payload.get("user") or {}).get("id"))
