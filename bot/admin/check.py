"""``record-bot check``: one line for each thing that ``serve`` needs, ok or what to do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import SQLAlchemyError

from bot.admin.audit_channel import ROUTE, AuditChannelCheck
from bot.admin.block_validation import BlockValidation, CantTell
from bot.admin.host_checks import address, clock, file_problem, settings_notes
from bot.admin.sample_messages import Samples
from bot.config import settings as config
from bot.database.migrate import examine, version
from bot.database.trail.completeness import Completeness, SqlCompleteness
from bot.errors import DatabaseUnusable, GenesysError, SettingsError
from bot.i18n.catalog import ENGLISH, read_languages
from bot.observability.tracing import ADVICE, packages_missing
from bot.recording.clock import SystemClock
from bot.recording.group_members import GroupState, UserGroup, is_group
from bot.recording.policy import Policy
from bot.recording.requests import ReasonRules
from bot.runtime.container import genesys_client, opened_database, recording_policy
from bot.runtime.http_server import ComponentHealth
from bot.slack.api_errors import code
from bot.slack.blocks.card import CardStyle
from bot.slack.client import SlackIdentity, identify, own_workspace, web_client, web_session
from bot.slack.manifest import OPTIONAL_SCOPES, SCOPES
from bot.slack.user_groups import listed_groups, sentence
from bot.slack.users import WEB_API_ERRORS, denial_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config.settings import DatabaseSettings, ServeSettings
    from bot.genesys.finding import Finding
    from bot.recording.policy import Route
    from bot.recording.ports import NameDirectory

ASK_SECONDS = 15.0
FINDINGS_NAMED = 3
PEOPLE_SETTINGS = "SLACK_SUPERVISORS, SLACK_COMPLIANCE or the policy file"
REFUSED = {
    "deleted": "This account was deactivated",
    "bot": "This is a bot",
    "guest": "This is a guest",
    "stranger": "This is somebody of another workspace",
    "foreign_team": "This is somebody of another workspace",
}
"""Why the bot refuses a person, as text."""


async def check_everything() -> tuple[ComponentHealth, ...]:
    """Check the parts in the order in which they need each other."""
    try:
        settings = config.load(config.ServeSettings)
    except SettingsError as error:
        return tuple(ComponentHealth("settings", ok=False, problem=sentence) for sentence in error.sentences)
    policy, found = _policy(settings)
    return (
        settings_notes(),
        *found,
        *_traces(settings),
        await address(settings),
        await _database(settings),
        *await _slack(settings, policy, await _completeness(settings)),
        *await _genesys(settings, policy),
    )


def _policy(settings: ServeSettings) -> tuple[Policy, tuple[ComponentHealth, ...]]:
    """Read the policy file; without one there is nothing to say about it."""
    try:
        policy = recording_policy(settings)
    except SettingsError as error:
        return Policy(), tuple(
            ComponentHealth("policy file", ok=False, problem=sentence) for sentence in error.sentences
        )
    if policy.source is None:
        return policy, ()
    dual = policy.dual_control
    says = (
        f"{policy.source}: grants: {len(policy.grants)}; a stop takes two supervisors on {len(dual.queues)} queues and "
        f"for {len(dual.agents)} agents{f'; routes: {len(policy.routes)}' if policy.routes else ''}."
    )
    return policy, (ComponentHealth("policy file", ok=True, problem=says),)


def _traces(settings: ServeSettings) -> tuple[ComponentHealth, ...]:
    """Say whether traces go where they are wanted; where they are not, there is nothing to say."""
    if settings.otel_exporter_otlp_endpoint is None:
        return ()
    missing = packages_missing()
    problem = (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages that send traces are missing. In the bot's environment, "
        f"run: {ADVICE}"
    )
    return (ComponentHealth("traces", ok=not missing, problem=problem if missing else ""),)


def as_text(parts: tuple[ComponentHealth, ...]) -> str:
    width = max(len(part.name) for part in parts)
    return "\n".join(f"{part.name:<{width}}  {_verdict(part)}" for part in parts)


def _verdict(part: ComponentHealth) -> str:
    if part.unknown:
        return f"unknown: {part.problem}"
    if part.ok:
        return f"ok; note: {part.problem}" if part.problem else "ok"
    return f"PROBLEM: {part.problem}"


def as_json(parts: tuple[ComponentHealth, ...]) -> str:
    found = [
        {"what": part.name, "ok": part.ok, "unknown": part.unknown, "problem": part.problem or None} for part in parts
    ]
    return json.dumps({"ok": all(part.ok for part in parts), "checks": found}, indent=2)


async def _database(settings: DatabaseSettings) -> ComponentHealth:
    try:
        async with opened_database(settings) as engines:
            if problem := await asyncio.to_thread(file_problem, engines):
                return ComponentHealth("database", ok=False, problem=problem)
            found = await examine(engines)
    except DatabaseUnusable as error:
        return ComponentHealth("database", ok=False, problem=str(error))
    if found.current not in {None, found.newest}:
        return ComponentHealth("database", ok=False, problem=f"It is at {found.current}; run: record-bot db upgrade")
    return ComponentHealth("database", ok=True)


async def _completeness(settings: ServeSettings) -> Completeness:
    """Compare the trail with what the audit channel received; a database that doesn't exist yet lacks nothing."""
    try:
        async with opened_database(settings) as engines:
            found = await version(engines)
            if found.current == found.newest:
                return await SqlCompleteness(engines).check(SystemClock().now())
    except (DatabaseUnusable, SQLAlchemyError):
        pass  # the database's own part says it
    return Completeness()


async def _slack(settings: ServeSettings, policy: Policy, delivered: Completeness) -> tuple[ComponentHealth, ...]:
    async with web_session() as session:
        client = web_client(
            settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url, session=session
        )
        try:
            identity = await identify(client)
            date = (await client.auth_test()).headers.get("Date")
        except WEB_API_ERRORS as error:
            advice = (
                "put a valid bot token into SLACK_BOT_TOKEN"
                if isinstance(error, SlackApiError)
                else "check the network"
            )
            return (ComponentHealth("Slack token", ok=False, problem=f"Slack says {code(error)}; {advice}."),)
        try:
            own_workspace(identity)
        except SettingsError as error:
            return (ComponentHealth("Slack token", ok=False, problem=str(error)),)
        parts = [ComponentHealth("Slack token", ok=True), _scopes(identity), clock(date, SystemClock().now())]
        parts.append(await _door(client, settings, identity))
        channel = await _audit_channel(client, settings.slack_audit_channel, identity.scopes)
        parts.append(_and_complete(channel, delivered))
        parts.append(await _messages(client, settings, identity))
        parts += [await _route(client, route, identity.scopes) for route in policy.routes]
        named = tuple(dict.fromkeys((*settings.slack_supervisors, *settings.slack_compliance, *policy.people)))
        escalate = policy.dual_control.escalate
        parts += await _groups(client, [*filter(is_group, named), *((escalate,) if escalate else ())])
        parts += [await _user(client, one, identity) for one in named if not is_group(one)]
    return tuple(parts)


def _scopes(identity: SlackIdentity) -> ComponentHealth:
    if not identity.scopes:
        return ComponentHealth("Slack scopes", ok=True, problem="Slack doesn't say which scopes the bot token has.")
    if missing := sorted(set(SCOPES) - identity.scopes):
        problem = f"{', '.join(missing)} missing; add the manifest's scopes and install the app again."
        return ComponentHealth("Slack scopes", ok=False, problem=problem)
    declined = sorted(set(OPTIONAL_SCOPES) - identity.scopes)
    note = f"The optional ones {', '.join(declined)} were declined; the bot works without them." if declined else ""
    return ComponentHealth("Slack scopes", ok=True, problem=note)


async def _door(client: AsyncWebClient, settings: ServeSettings, identity: SlackIdentity) -> ComponentHealth:
    """Check how Slack's requests come in, as far as it can be seen from here."""
    if settings.slack_app_token is None:
        note = (
            "It can't be checked from here. Where it is wrong, /record fails in Slack, and the log of serve says "
            "slack_signature_refused: copy it again from Basic Information."
        )
        return ComponentHealth("Slack signing secret", ok=True, problem=note)
    try:
        answer = await client.apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except WEB_API_ERRORS as error:
        advice = "put an app-level token with connections:write into SLACK_APP_TOKEN, and switch Socket Mode on"
        return ComponentHealth("Slack socket", ok=False, problem=f"Slack says {code(error)}; {advice}.")
    theirs = parse_qs(urlsplit(str(answer.get("url"))).query).get("app_id", [""])[0]
    ours = await _app_id(client, identity)
    if theirs and ours and theirs != ours:
        problem = f"SLACK_APP_TOKEN is of the app {theirs}, SLACK_BOT_TOKEN of {ours}; put tokens of one app there."
        return ComponentHealth("Slack socket", ok=False, problem=problem)
    return ComponentHealth("Slack socket", ok=True)


async def _app_id(client: AsyncWebClient, identity: SlackIdentity) -> str:
    """Return the id of the app that the bot token is of; empty where Slack doesn't say it."""
    try:
        answer = await client.bots_info(bot=identity.bot_id)
    except WEB_API_ERRORS:
        return ""
    return str(answer["bot"].get("app_id") or "")


async def _route(client: AsyncWebClient, route: Route, scopes: frozenset[str]) -> ComponentHealth:
    """Name a route of the policy file, and say whether the bot may write to its channel."""
    name, check = f"route to {route.channel}", AuditChannelCheck(client, route.channel, scopes, ROUTE)
    found = await check.run(SystemClock().now())
    if found.problem:
        return ComponentHealth(name, ok=False, problem=found.problem)
    goes = f"Cards of the queues {', '.join(sorted(route.queues))} go there too."
    return ComponentHealth(name, ok=True, problem=" ".join((goes, *found.notes)))


async def _audit_channel(client: AsyncWebClient, channel: str, scopes: frozenset[str]) -> ComponentHealth:
    """Check whether the bot may write to the channel, and whether another organization reads it."""
    found = await AuditChannelCheck(client, channel, scopes).run(SystemClock().now())
    return ComponentHealth("audit channel", ok=not found.problem, problem=found.problem or " ".join(found.notes))


async def _messages(client: AsyncWebClient, settings: ServeSettings, identity: SlackIdentity) -> ComponentHealth:
    """Let Slack validate a sample of everything that the bot shows, without anyone seeing it."""
    languages = read_languages()
    style = CardStyle(
        team_id=identity.team_id,
        words=languages.of(ENGLISH),
        interaction_url=settings.genesys_interaction_url.replace("{region}", settings.purecloud_environment),
        reason_labels=settings.recording_reasons,
    )
    reasons = ReasonRules(settings.recording_reasons, required=settings.recording_reason_required)
    samples = Samples(style, languages, reasons).all()
    try:
        found = await BlockValidation(client, SystemClock()).findings(samples)
    except CantTell as error:
        why = "this Slack doesn't know blocks.validate" if str(error) == "unknown_method" else f"Slack says {error}"
        return ComponentHealth("Slack messages", ok=True, problem=f"Whether Slack takes them can't be told: {why}.")
    if not found:
        return ComponentHealth("Slack messages", ok=True)
    named = "; ".join(one.sentence for one in found[:FINDINGS_NAMED])
    more = f"; and {len(found) - FINDINGS_NAMED} more" if len(found) > FINDINGS_NAMED else ""
    problem = f"Slack would refuse {named}{more}. Shorten GENESYS_INTERACTION_URL if it is long; otherwise report this."
    return ComponentHealth("Slack messages", ok=False, problem=problem)


def _and_complete(channel: ComponentHealth, delivered: Completeness) -> ComponentHealth:
    """Add what the channel lacks; lines that only wait are delivered by ``serve``, and no reason not to start it."""
    problem = " ".join(filter(None, (channel.problem, delivered.problem)))
    return ComponentHealth(channel.name, ok=channel.ok and delivered.sound, problem=problem)


async def _groups(client: AsyncWebClient, ids: Sequence[str]) -> list[ComponentHealth]:
    """Say of each user group that is named whether it gives anyone rights."""
    if not ids:
        return []
    try:
        listed = await listed_groups(client)
    except WEB_API_ERRORS as error:
        problem = f"Slack says {code(error)}; give the bot the scopes of the manifest, then check again."
        return [ComponentHealth(f"user group {one}", ok=False, problem=problem) for one in ids]
    return [_group(listed.get(one, UserGroup(one, GroupState.GONE))) for one in ids]


def _group(group: UserGroup) -> ComponentHealth:
    name = f"user group {group.id}"
    if not group.usable:
        return ComponentHealth(name, ok=False, problem=f"{sentence(group)} It is named in {PEOPLE_SETTINGS}.")
    return ComponentHealth(name, ok=True, problem="" if group.members else "Nobody is in it.")


async def _user(client: AsyncWebClient, user: str, identity: SlackIdentity) -> ComponentHealth:
    """Identify a user whom a setting names, and report if the bot would refuse them."""
    name = f"user {user}"
    try:
        answer = await client.users_info(user=user)
    except WEB_API_ERRORS as error:
        advice = f"put the id of a user of this workspace into {PEOPLE_SETTINGS}"
        return ComponentHealth(name, ok=False, problem=f"Slack says {code(error)}; {advice}.")
    if (known := str(answer["user"].get("id") or user)) != user:
        problem = f"Slack knows this user as {known} since the workspace is part of an organization"
        return ComponentHealth(
            name, ok=False, problem=f"{problem}; put {known} in place of {user} into {PEOPLE_SETTINGS}."
        )
    refused = denial_reason(answer["user"], identity.team_id, identity.enterprise_id)
    advice = f"the bot refuses what they ask for: take them out of {PEOPLE_SETTINGS}"
    return ComponentHealth(name, ok=not refused, problem=f"{REFUSED[refused]}; {advice}." if refused else "")


async def _genesys(settings: ServeSettings, policy: Policy) -> tuple[ComponentHealth, ...]:
    client = await genesys_client(settings, SystemClock())
    from bot.genesys import GenesysDirectory, check  # noqa: PLC0415  importing the SDK takes seconds

    try:
        findings = await check(client, recording_api=settings.genesys_recording_api)
        named = await _policy_names(settings, policy, GenesysDirectory(client), client.clock.monotonic() + ASK_SECONDS)
    finally:
        await client.close()
    return (*map(_part, findings), *named)


def _part(found: Finding) -> ComponentHealth:
    problem = found.sentence if found.note or not found.ok else ""
    return ComponentHealth(found.what, ok=found.ok, problem=problem, unknown=found.unknown)


async def _policy_names(
    settings: ServeSettings, policy: Policy, directory: NameDirectory, deadline: float
) -> tuple[ComponentHealth, ...]:
    """Compare the policy file with Genesys, as far as Genesys permits it."""
    parts = []
    for kind, words, ids in (("queue", "queues", policy.queues), ("user", "agents", policy.agents)):
        if not ids:
            continue
        what = f"policy file: {words}"
        try:
            known = await directory.names(kind, ids, deadline=deadline)
        except GenesysError as error:
            parts.append(ComponentHealth(what, ok=True, problem=f"Not to be checked: {error}"))
            continue
        missing = sorted(ids - known.keys())
        problem = f"Genesys knows no {words} with these ids: {', '.join(missing)}. Correct them in the policy file."
        parts.append(ComponentHealth(what, ok=not missing, problem=problem if missing else ""))
    if policy.grants and settings.genesys_recording_api == "sessions":
        note = "A session records a whole call, so people limited by a grant can't start one."
        parts.append(ComponentHealth("policy file: sessions", ok=True, problem=note))
    return tuple(parts)
