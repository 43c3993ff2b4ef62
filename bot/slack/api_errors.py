"""Classifies an answer of Slack's Web API to a message: accepted, refused for now, refused for good, or unknown."""

from __future__ import annotations

from enum import Enum, auto

from slack_sdk.errors import SlackApiError

TOO_MANY = 429
SERVER_ERROR = 500
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNREACHABLE = frozenset(
    {
        "access_denied",
        "cannot_dm_bot",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "method_not_supported_for_channel_type",
        "no_permission",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
    }
)
"""What ``chat.postMessage`` and ``chat.update`` say of a place: not here, and not later either."""
UNACCEPTABLE = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
"""What they say of a message that they take nowhere. ``invalid_auth`` is not among it: it concerns the token."""


class DeliveryFailure(Enum):
    """What to do with a message that Slack did not accept."""

    LATER = auto()
    """Refused, and plainly not there: try again after a while."""
    UNKNOWN = auto()
    """It may have arrived all the same."""
    GONE = auto()
    """The message that was to be edited is no longer there."""
    UNREACHABLE = auto()
    """The bot can't write to that channel or person; someone has to fix it."""
    UNACCEPTABLE = auto()
    """Slack takes this message nowhere, now or later."""


def verdict(error: Exception) -> DeliveryFailure:
    if not isinstance(error, SlackApiError):
        return DeliveryFailure.UNKNOWN
    response = error.response
    name = code(error)
    if getattr(response, "status_code", 200) >= SERVER_ERROR or name in {"internal_error", "fatal_error"}:
        return DeliveryFailure.UNKNOWN
    if name in GONE:
        return DeliveryFailure.GONE
    if name in UNACCEPTABLE:
        return DeliveryFailure.UNACCEPTABLE
    return DeliveryFailure.UNREACHABLE if name in UNREACHABLE else DeliveryFailure.LATER


def code(error: Exception) -> str:
    """Return Slack's word for an error, or the kind of the exception."""
    if isinstance(error, SlackApiError):
        data = getattr(error.response, "data", error.response)  # words, not JSON, where a server breaks
        named = data.get("error") if isinstance(data, dict) else None
        return str(named or f"http_{getattr(error.response, 'status_code', 0)}")
    return type(error).__name__


def retry_after(error: Exception) -> float | None:
    """Return how many seconds Slack asks to wait, if it does."""
    if isinstance(error, SlackApiError) and getattr(error.response, "status_code", 200) == TOO_MANY:
        try:
            return float(error.response.headers.get("Retry-After", 1))
        except (TypeError, ValueError):
            return 1.0
    return None
