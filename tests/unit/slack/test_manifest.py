"""The app manifest against the code: every command, listener and scope that the code uses, and no other."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks.agents.agent_picker import START_AGENT
from bot.slack.blocks.card import CONFIRM_STOP, CONTROLS, START_AGAIN, WITHDRAW_STOP
from bot.slack.blocks.home.view import OPEN_BUTTON
from bot.slack.blocks.start_modal import AGENT, CALL, FOUND, NOTE, REASON, START_VIEW, TYPED_ID
from bot.slack.listeners.buttons import BUTTON_VERBS
from bot.slack.listeners.command import COMMAND, VERBS
from bot.slack.manifest import EVENTS, OPTIONAL_SCOPES, SCOPES, SHORTCUTS, manifest, manifest_yaml
from tests.support.shell import ROOT
from tests.support.slack.samples import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

BOT = ROOT / "bot"
LONGEST_HINT = 60
"""Characters that fit beside the command."""
LISTENERS = {
    "command",
    "action",
    "event",
    "message",
    "shortcut",
    "global_shortcut",
    "message_shortcut",
    "view",
    "options",
}
SCOPE_OF = {
    "auth_test": None,
    "apps_connections_open": None,  # the app-level token's own connections:write, which no manifest names
    "bots_info": "users:read",
    "chat_delete": "chat:write",  # https://docs.slack.dev/reference/scopes/chat.write
    "chat_deleteScheduledMessage": "chat:write",
    "chat_postMessage": "chat:write",
    "chat_scheduleMessage": "chat:write",
    "chat_update": "chat:write",
    "chat_scheduledMessages_list": None,
    "conversations_info": None,  # needs one of OPTIONAL_SCOPE_OF
    "files_completeUploadExternal": "files:write",
    "files_getUploadURLExternal": "files:write",
    "usergroups_list": "usergroups:read",
    "users_info": "users:read",
    "views_open": None,  # a modal needs a person's trigger, and no scope
    "views_publish": None,
    "views_update": None,
}
"""The Web API methods that the bot may use, and the scope that each needs: https://docs.slack.dev/reference/methods."""
OPTIONAL_SCOPE_OF = {
    "channels:read": "conversations_info",
    "groups:read": "conversations_info",
    "users:read.email": "users_info",  # with it, a person's profile has their address
}
"""The scopes without which something can't be told, and the method that tells it."""
HTTPS = {"type": "string", "pattern": "^https://"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["_metadata", "display_information", "features", "oauth_config", "settings"],
    "properties": {
        "_metadata": {"const": {"major_version": 2, "minor_version": 0}},
        "display_information": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "description"],
            "properties": {
                "name": {"type": "string", "maxLength": 35},
                "description": {"type": "string", "maxLength": 140},
                "background_color": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
            },
        },
        "features": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "bot_user": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "display_name": {"type": "string", "maxLength": 80, "pattern": "^[a-z0-9._-]+$"},
                        "always_online": {"type": "boolean"},
                    },
                },
                "app_home": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "home_tab_enabled": {"type": "boolean"},
                        "messages_tab_enabled": {"type": "boolean"},
                        "messages_tab_read_only_enabled": {"type": "boolean"},
                    },
                },
                "shortcuts": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name", "type", "callback_id", "description"],
                        "properties": {
                            "name": {"type": "string", "minLength": 1, "maxLength": 24},
                            "type": {"enum": ["message", "global"]},
                            "callback_id": {"type": "string", "minLength": 1, "maxLength": 255},
                            "description": {"type": "string", "minLength": 1, "maxLength": 150},
                        },
                    },
                },
                "slash_commands": {
                    "type": "array",
                    "maxItems": 50,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["command", "description"],
                        "properties": {
                            "command": {"type": "string", "maxLength": 32, "pattern": "^/"},
                            "description": {"type": "string", "maxLength": 2000},
                            "usage_hint": {"type": "string", "maxLength": 1000},
                            "should_escape": {"type": "boolean"},
                            "url": HTTPS,
                        },
                    },
                },
            },
        },
        "oauth_config": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "scopes": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        name: {
                            "type": "array",
                            "maxItems": 255,
                            "items": {"type": "string", "maxLength": 50},
                            "uniqueItems": True,
                        }
                        for name in ("bot", "bot_optional")
                    },
                },
            },
        },
        "settings": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "interactivity": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "is_enabled": {"type": "boolean"},
                        "request_url": HTTPS,
                        "message_menu_options_url": HTTPS,
                    },
                },
                "event_subscriptions": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "bot_events": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                        "request_url": HTTPS,
                    },
                },
                "org_deploy_enabled": {"type": "boolean"},
                "socket_mode_enabled": {"type": "boolean"},
                "token_rotation_enabled": {"type": "boolean"},
            },
        },
    },
}
"""What Slack's own schema says about the parts that the bot uses; nothing else may appear."""


def trees() -> Iterator[ast.AST]:
    """Parse all of the bot but its sandbox."""
    for path in BOT.rglob("*.py"):
        if "sandbox" not in path.parts:
            yield ast.parse(path.read_text())


def web_api_methods_in_code() -> set[str]:
    names = {node.attr for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    public = {name for name in names if not name.startswith("_") and "_" in name.strip("_")}
    return {name for name in public if hasattr(AsyncWebClient, name)} - {"api_call"}


def methods_named_in_code() -> set[str]:
    """Return the Web API methods that are called by their names, past the SDK's own functions."""
    calls = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        ast.literal_eval(node.args[0])
        for node in calls
        if isinstance(node.func, ast.Attribute) and node.func.attr == "api_call"
    }


def registrations() -> Iterator[tuple[str, ast.expr]]:
    """Yield the kind of each listener that is registered with Bolt, and what it listens to."""
    for path in (BOT / "slack").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "app"
                and node.func.attr in LISTENERS
            ):
                yield node.func.attr, node.args[0]


def listeners_in_code() -> set[str]:
    return {kind for kind, _ in registrations()}


def names_listened_to(kind: str) -> set[str]:
    """Return the names of the constants with which listeners of one kind are registered."""
    return {ast.unparse(named) for found, named in registrations() if found == kind}


def test_the_file_is_what_the_code_prints() -> None:
    assert (ROOT / "manifest.yml").read_text() == manifest_yaml(), "run: record-bot manifest > manifest.yml"


@pytest.mark.parametrize("url", [None, "https://bot.example.com"], ids=["socket", "http"])
def test_it_is_well_formed(url: str | None) -> None:
    import jsonschema  # noqa: PLC0415  it takes seconds, which each worker would spend to collect the tests

    jsonschema.validate(yaml.safe_load(manifest_yaml(url)), SCHEMA)


def test_scopes_are_those_that_the_code_needs() -> None:
    used = web_api_methods_in_code()

    assert used == set(SCOPE_OF)
    assert methods_named_in_code() == {"blocks.validate"}  # which wants no scope
    needed = {scope for method in used if (scope := SCOPE_OF[method])} | {"commands"}
    optional = sorted(OPTIONAL_SCOPE_OF)
    assert manifest()["oauth_config"]["scopes"] == {"bot": sorted([*needed, *optional]), "bot_optional": optional}
    assert set(SCOPES) == needed
    assert set(OPTIONAL_SCOPES) == OPTIONAL_SCOPE_OF.keys()
    assert used >= set(OPTIONAL_SCOPE_OF.values())


def test_commands_and_interactivity_are_those_that_the_code_listens_to() -> None:
    found = manifest()

    assert listeners_in_code() - {"event"} == {
        "command",
        "action",
        "global_shortcut",
        "message_shortcut",
        "view",
        "options",
    }
    assert [one["command"] for one in found["features"]["slash_commands"]] == [COMMAND] == ["/record"]
    assert found["settings"]["interactivity"] == {"is_enabled": True}


def test_shortcuts_are_those_that_the_code_listens_to() -> None:
    named = [(one["type"], one["callback_id"]) for one in manifest()["features"]["shortcuts"]]

    assert named == [
        ("global", "recording_start"),
        ("message", "recording_start_from_message"),
        ("message", "recording_keep_from_message"),
    ]
    assert len(SHORTCUTS) == len(named)
    assert names_listened_to("global_shortcut") == {"START"}
    assert names_listened_to("message_shortcut") == {"START_FROM_MESSAGE", "KEEP_FROM_MESSAGE"}


def test_app_home_shows_its_tab_and_takes_no_messages() -> None:
    found = manifest()

    assert found["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": True,
    }
    assert (
        found["settings"]["event_subscriptions"] == {"bot_events": list(EVENTS)} == {"bot_events": ["app_home_opened"]}
    )


def test_the_names_that_others_rely_on() -> None:
    assert (START_AGAIN, START_AGENT, OPEN_BUTTON) == (
        "recording_start_again",
        "recording_start_agent",
        "recording_start_open",
    )
    assert (CONFIRM_STOP, WITHDRAW_STOP) == ("recording_confirm_stop", "recording_withdraw_stop")
    assert START_VIEW == "recording_start_view"
    assert (CALL, FOUND, AGENT, TYPED_ID, REASON, NOTE) == ("call", "found", "agent", "typed_id", "reason", "note")


def test_the_usage_hint_is_short_and_names_help_which_lists_every_verb() -> None:
    hint = manifest()["features"]["slash_commands"][0]["usage_hint"]
    named = [part.split()[0] for part in hint.split(" | ")]

    assert named == [verb for verb in VERBS if verb in named]
    assert (named[0], named[-1]) == ("start", "help")
    assert len(hint) <= LONGEST_HINT
    for words in LANGUAGES.known.values():
        assert all(words(f"help.{verb}") and words(f"help.{verb}_usage").split()[0] == verb for verb in VERBS)


def test_every_button_has_its_listener_and_every_listener_its_button() -> None:
    assert set(BUTTON_VERBS) == {f"recording_{verb.value}" for verb in CONTROLS}


def test_socket_mode_names_no_address() -> None:
    found = manifest()

    assert found["settings"]["socket_mode_enabled"] is True
    assert "url" not in found["features"]["slash_commands"][0]


@pytest.mark.parametrize("url", ["https://bot.example.com", "https://bot.example.com/"])
def test_http_names_one_address_everywhere(url: str) -> None:
    found: dict[str, Any] = manifest(url)

    address = "https://bot.example.com/slack/events"
    assert found["settings"]["socket_mode_enabled"] is False
    assert found["features"]["slash_commands"][0]["url"] == address
    assert found["settings"]["interactivity"]["request_url"] == address
    assert found["settings"]["interactivity"]["message_menu_options_url"] == address
    assert found["settings"]["event_subscriptions"]["request_url"] == address
