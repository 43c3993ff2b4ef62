"""Checks one Slack setting after the other with Slack's Web API, for ``record-bot check`` and ``init``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from slack_sdk.errors import SlackApiError

from bot.admin.audit_channel import ROUTE, AuditChannelCheck
from bot.recording.clock import SystemClock
from bot.recording.group_members import GroupState, UserGroup
from bot.runtime.http_server import ComponentHealth
from bot.runtime.serve import FATAL_SLACK_ERRORS
from bot.slack.api_errors import code
from bot.slack.manifest import OPTIONAL_SCOPES, SCOPES
from bot.slack.people.user_groups import listed_groups, sentence
from bot.slack.people.users import WEB_API_ERRORS, denial_reason
from bot.slack.shared_channels import REFUSAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.policy import Route
    from bot.slack.client import SlackIdentity

PEOPLE_SETTINGS = "SLACK_SUPERVISORS, SLACK_COMPLIANCE or the policy file"
REFUSED = {
    "deleted": "This account is deactivated",
    "guest": "This is a guest account",
    "stranger": "This account belongs to another workspace",
    "foreign_team": "This account belongs to another workspace",
}
"""Why the bot refuses a person, as text."""


@dataclass(frozen=True, slots=True)
class WrongSetting(ComponentHealth):
    """A setting for which ``serve`` exits with status 2."""


def token_problem(error: Exception) -> ComponentHealth:
    """Say why Slack doesn't answer with the bot token: the token, or the way to Slack."""
    if isinstance(error, SlackApiError):
        kind = WrongSetting if code(error) in FATAL_SLACK_ERRORS else ComponentHealth
        problem = f"Slack rejected the bot token ({code(error)}). Copy it again into SLACK_BOT_TOKEN."
        return kind("Slack token", ok=False, problem=problem)
    return ComponentHealth("Slack token", ok=False, problem=f"Can't reach Slack ({code(error)}). Check the network.")


def check_scopes(identity: SlackIdentity) -> ComponentHealth:
    if not identity.scopes:
        return ComponentHealth("Slack scopes", ok=True, problem="Slack doesn't say which scopes the bot token has.")
    if missing := sorted(set(SCOPES) - identity.scopes):
        problem = f"Missing: {', '.join(missing)}. Add the scopes from the manifest and reinstall the app."
        return ComponentHealth("Slack scopes", ok=False, problem=problem)
    declined = sorted(set(OPTIONAL_SCOPES) - identity.scopes)
    note = (
        f"The optional scopes {', '.join(declined)} were not granted; the bot works without them." if declined else ""
    )
    return ComponentHealth("Slack scopes", ok=True, problem=note)


async def check_transport(
    client: AsyncWebClient, app_token: SecretStr | None, identity: SlackIdentity
) -> ComponentHealth:
    """Check how Slack's requests come in, as far as it can be seen from here."""
    if app_token is None:
        note = (
            "Can't be checked from here. If /record fails and the log says slack_signature_refused, copy it again from "
            "Basic Information."
        )
        return ComponentHealth("Slack signing secret", ok=True, problem=note)
    try:
        answer = await client.apps_connections_open(app_token=app_token.get_secret_value())
    except WEB_API_ERRORS as error:
        problem = f"Can't reach Slack ({code(error)}). Check the network."
        if isinstance(error, SlackApiError):
            problem = (
                f"Slack rejected SLACK_APP_TOKEN ({code(error)}). It needs connections:write, and Socket Mode must "
                "be on."
            )
        return ComponentHealth("Slack socket", ok=False, problem=problem)
    theirs = parse_qs(urlsplit(str(answer.get("url"))).query).get("app_id", [""])[0]
    ours = await _app_id(client, identity)
    if theirs and ours and theirs != ours:
        apps = f"SLACK_APP_TOKEN belongs to app {theirs} and SLACK_BOT_TOKEN to app {ours}"
        problem = f"{apps}; both must come from the same app."
        return ComponentHealth("Slack socket", ok=False, problem=problem)
    return ComponentHealth("Slack socket", ok=True)


async def _app_id(client: AsyncWebClient, identity: SlackIdentity) -> str:
    """Return the id of the app that the bot token is of; empty where Slack doesn't say it."""
    try:
        answer = await client.bots_info(bot=identity.bot_id)
    except WEB_API_ERRORS:
        return ""
    return str(answer["bot"].get("app_id") or "")


async def check_route(client: AsyncWebClient, route: Route, scopes: frozenset[str]) -> ComponentHealth:
    """Name a route of the policy file, and say whether the bot may write to its channel."""
    name, check = f"route to {route.channel}", AuditChannelCheck(client, route.channel, scopes, ROUTE)
    found = await check.run(SystemClock().now())
    if found.problem:
        return ComponentHealth(name, ok=False, problem=found.problem)
    goes = f"Cards of the queues {', '.join(sorted(route.queues))} go there too."
    return ComponentHealth(name, ok=True, problem=" ".join((goes, *found.notes)))


async def check_audit_channel(client: AsyncWebClient, channel: str, scopes: frozenset[str]) -> ComponentHealth:
    """Check whether the bot may write to the channel, and whether another organization reads it."""
    found = await AuditChannelCheck(client, channel, scopes).run(SystemClock().now())
    kind = WrongSetting if found.problem == REFUSAL else ComponentHealth
    return kind("audit channel", ok=not found.problem, problem=found.problem or " ".join(found.notes))


async def check_groups(client: AsyncWebClient, ids: Sequence[str]) -> list[ComponentHealth]:
    """Say of each user group that is named whether it gives anyone rights."""
    if not ids:
        return []
    try:
        listed = await listed_groups(client)
    except WEB_API_ERRORS as error:
        problem = f"Couldn't be checked ({code(error)}). Add the scopes from the manifest and reinstall the app."
        return [ComponentHealth(f"user group {one}", ok=False, problem=problem) for one in ids]
    return [_group(listed.get(one, UserGroup(one, GroupState.GONE))) for one in ids]


def _group(group: UserGroup) -> ComponentHealth:
    name = f"user group {group.id}"
    if not group.usable:
        return ComponentHealth(name, ok=False, problem=f"{sentence(group)} It is named in {PEOPLE_SETTINGS}.")
    return ComponentHealth(name, ok=True, problem="" if group.members else "The group is empty.")


async def check_user(client: AsyncWebClient, user: str, identity: SlackIdentity) -> ComponentHealth:
    """Identify a user whom a setting names, and report if the bot would refuse them."""
    name = f"user {user}"
    try:
        answer = await client.users_info(user=user)
    except WEB_API_ERRORS as error:
        problem = f"Couldn't be checked: Slack says {code(error)}."
        if code(error) in {"user_not_found", "user_not_visible"}:
            problem = f"There is no such user in this workspace ({code(error)}). Fix {PEOPLE_SETTINGS}."
        return ComponentHealth(name, ok=False, problem=problem)
    if (known := str(answer["user"].get("id") or user)) != user:
        problem = f"Slack knows this user as {known} since the workspace is part of an organization"
        return ComponentHealth(
            name, ok=False, problem=f"{problem}; put {known} in place of {user} into {PEOPLE_SETTINGS}."
        )
    refused = denial_reason(answer["user"], identity.team_id, identity.enterprise_id)
    if not refused:
        return ComponentHealth(name, ok=True)
    if refused == "bot":
        why = "This account is a bot, and record-bot ignores bots."
    else:
        why = f"{REFUSED[refused]}, so record-bot will refuse it."
    return ComponentHealth(name, ok=False, problem=f"{why} Remove it from {PEOPLE_SETTINGS}.")
