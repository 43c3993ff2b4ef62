"""The app manifest for Socket Mode or for HTTP."""

from __future__ import annotations

from typing import Any

import yaml

from bot.slack.app import EVENTS_PATH
from bot.slack.listeners.command import COMMAND
from bot.slack.listeners.keeping.keep import KEEP_FROM_MESSAGE
from bot.slack.listeners.shortcuts import START, START_FROM_MESSAGE

USAGE = "start [id|@agent] [reason] | next @agent | stop | help"
"""Slack shows it on one line beside the command, and cuts a long one; ``help`` lists every verb."""
SHORTCUTS = (
    ("Start a recording", "global", START, "Choose a live call and record it"),
    ("Record this call", "message", START_FROM_MESSAGE, "Record the call mentioned in this message"),
    ("Keep this call", "message", KEEP_FROM_MESSAGE, "Keep the recordings of the call mentioned in this message"),
)
EVENTS = ("app_home_opened",)
SCOPES = ("chat:write", "commands", "files:write", "usergroups:read", "users:read")
OPTIONAL_SCOPES = ("channels:read", "groups:read", "users:read.email")
"""What the person who installs the app may decline: https://docs.slack.dev/changelog/2026/03/16/optional-scopes.

The manifest names them twice, since ``bot_optional`` marks some of ``bot``: see the example in
https://github.com/slackapi/slack-cli/pull/517.

With the first two the bot sees whether a channel is shared with another organization, with the third it finds people
by their e-mail address.
"""


def manifest(url: str | None = None) -> dict[str, Any]:
    """Return the manifest; with ``url``, the public https address of the bot, the one for HTTP."""
    address = None if url is None else url.rstrip("/") + EVENTS_PATH
    command = {
        "command": COMMAND,
        "description": "Control call recordings in Genesys Cloud",
        "usage_hint": USAGE,
        "should_escape": True,
    }
    interactivity: dict[str, Any] = {"is_enabled": True}
    events: dict[str, Any] = {"bot_events": list(EVENTS)}
    if address is not None:
        command["url"] = address
        interactivity |= {"request_url": address, "message_menu_options_url": address}
        events["request_url"] = address
    return {
        "_metadata": {"major_version": 2, "minor_version": 0},
        "display_information": {
            "name": "record-bot",
            "description": "Start, stop, pause and resume Genesys Cloud call recordings, with an audit trail.",
            "background_color": "#1f2a44",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "record-bot", "always_online": True},
            "shortcuts": [
                {"name": name, "type": kind, "callback_id": callback_id, "description": description}
                for name, kind, callback_id, description in SHORTCUTS
            ],
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES + OPTIONAL_SCOPES), "bot_optional": list(OPTIONAL_SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def manifest_yaml(url: str | None = None) -> str:
    """Return the manifest as the YAML that Slack's "From a manifest" page takes."""
    return yaml.safe_dump(manifest(url), sort_keys=False, allow_unicode=True)
