"""What can go wrong at Slack."""

from __future__ import annotations

from bot.sandbox.faults import Fault

RETRY_AFTER = "Retry-After, seconds"

FAULTS = (
    Fault("rate_limited", "Too many requests (429)", 3, RETRY_AFTER),
    Fault("server_error", "Server error", 500, "HTTP status"),
    Fault("drop_before", "Connection drops, request lost"),
    Fault("drop_after", "Connection drops, request carried out"),
    Fault("hang", "Slow response", 30, "seconds"),
    Fault("down", "Slack is down (503)"),
    Fault("missing_scope", "Permission (scope) missing"),
    Fault("duplicate_delivery", "Command or click delivered twice"),
    Fault("lost_click", "Click is lost"),
    Fault("late_delivery", "Request waits unread: the bot stood still", 200, "seconds"),
    Fault("socket_refresh", "Slack asks to reconnect"),
    Fault("socket_silent", "Connected but silent"),
    Fault("enterprise_grid", "Enterprise Grid: Grace's home is elsewhere (restart the bot)", lasting=True),
    Fault("read_only_channel", "#floor takes no posts of apps (read-only)", lasting=True),
    Fault("disabled_group", "User group @night-shift is disabled", lasting=True),
    Fault("shared_channel", "#floor is shared with another organization"),
    Fault("shared_audit_channel", "#recording-audit is shared with another organization"),
)

SHARED_BY_SWITCH = {"shared_channel": "floor", "shared_audit_channel": "recording-audit"}
"""The channels, by name, that Slack Connect shares while a switch is on."""
