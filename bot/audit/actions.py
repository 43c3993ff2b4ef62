"""Every action that an audit entry can have."""

from __future__ import annotations

ACTIONS = (
    "audit:archive",
    "audit:destroy",
    "audit:digest",
    "audit:export",
    "audit:hold",
    "audit:read",
    "audit:release",
    "audit:report",
    "bot:start",
    "bot:stop",
    "call:ended",
    "compliance:changed",
    "db:backup",
    "db:copy",
    "privacy:erase",
    "privacy:retention",
    "recording:extend",
    "recording:follow",
    "recording:pause",
    "recording:read",
    "recording:resume",
    "recording:saved",
    "recording:start",
    "recording:still_needed",
    "recording:stop",
    "recording:stop_approval",
    "requests:refused",
    "supervisors:changed",
)
