"""``record-bot check``: one line for each thing that ``serve`` needs, ok or what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.admin.checks.block_validation import BlockValidation, CantTell
from bot.admin.checks.database import CheckedDatabase, check_database, waited_for
from bot.admin.checks.host import address, clock, settings_notes
from bot.admin.checks.rules import check_rules
from bot.admin.checks.sample_messages import Samples
from bot.admin.checks.slack import (
    WrongSetting,
    check_audit_channel,
    check_groups,
    check_route,
    check_scopes,
    check_transport,
    check_user,
    token_problem,
)
from bot.admin.counted import counted
from bot.config import settings as config
from bot.errors import GenesysError, SettingsError
from bot.i18n.catalog import read_languages
from bot.observability.tracing import ADVICE, packages_missing
from bot.recording.clock import SystemClock
from bot.recording.group_members import is_group
from bot.recording.policy import Policy
from bot.recording.requests import ReasonRules
from bot.runtime.container import FILE_IS_MISSING, genesys_clients, recording_policy
from bot.runtime.http_server import ComponentHealth
from bot.runtime.serving_container import english_style
from bot.slack.client import SlackIdentity, identify, own_workspace, web_client, web_session
from bot.slack.people.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config.settings import ServeSettings
    from bot.database.trail.completeness import Completeness
    from bot.genesys.finding import Finding
    from bot.recording.ports import NameDirectory

ASK_SECONDS = 15.0
FINDINGS_NAMED = 3


def exit_status(parts: Sequence[ComponentHealth]) -> int:
    """Return 0 if everything is ok, 2 if ``serve`` would exit with 2 because of a setting, else 1."""
    if all(part.ok for part in parts):
        return 0
    return 2 if any(isinstance(part, WrongSetting) for part in parts) else 1


async def check_everything() -> tuple[ComponentHealth, ...]:
    """Check the parts in the order in which they need each other."""
    try:
        settings = config.load(config.ServeSettings)
    except SettingsError as error:
        return tuple(WrongSetting("settings", ok=False, problem=sentence) for sentence in error.sentences)
    policy, found = _policy(settings)
    database = await check_database(settings)
    return (
        settings_notes(),
        *(found or _rules_given_up(settings, database)),
        *_traces(settings),
        await address(settings),
        database.health,
        *await _slack(settings, policy, database.delivered),
        *await _genesys(settings, policy),
        *waited_for(database.next_calls),
    )


def _policy(settings: ServeSettings) -> tuple[Policy, tuple[ComponentHealth, ...]]:
    """Read the policy file; without one there is nothing to say about it."""
    try:
        policy = recording_policy(settings)
    except SettingsError as error:
        return Policy(), tuple(WrongSetting("policy file", ok=False, problem=sentence) for sentence in error.sentences)
    if policy.source is None:
        return policy, ()
    return policy, (ComponentHealth("policy file", ok=True, problem=f"{policy.source}: {_policy_in_short(policy)}."),)


def _rules_given_up(settings: ServeSettings, database: CheckedDatabase) -> tuple[ComponentHealth, ...]:
    """Say that ``serve`` refuses to start if it last had a policy file, and there is none now."""
    problem = FILE_IS_MISSING.format(file=settings.recording_policy_file)
    return (WrongSetting("policy file", ok=False, problem=problem),) if database.rules_noted else ()


def _policy_in_short(policy: Policy) -> str:
    dual = policy.dual_control
    on = f"on {counted(len(dual.queues), 'queue')}" if dual.queues else ""
    of = f"for {counted(len(dual.agents), 'agent')}" if dual.agents else ""
    stops = " and ".join(filter(None, (on, of)))
    routes = counted(len(policy.routes), "route") if policy.routes else ""
    rules = counted(len(policy.rules), "rule") if policy.rules else ""
    if stops and dual.pause_longer_than is not None:
        stops = f"{stops}, and pauses longer than {round(dual.pause_longer_than.total_seconds())} s too"
    parts = (counted(len(policy.grants), "grant"), stops and f"stops need two supervisors {stops}", routes, rules)
    return "; ".join(filter(None, parts))


def _traces(settings: ServeSettings) -> tuple[ComponentHealth, ...]:
    """Say whether traces go where they are wanted; where they are not, there is nothing to say."""
    if settings.otel_exporter_otlp_endpoint is None:
        return ()
    missing = packages_missing()
    problem = (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the OpenTelemetry packages are not installed. In the bot's virtual "
        f"environment, run: {ADVICE}"
    )
    return (ComponentHealth("traces", ok=not missing, problem=problem if missing else ""),)


def as_text(parts: tuple[ComponentHealth, ...]) -> str:
    width = max(len(part.name) for part in parts)
    return "\n".join(f"{part.name:<{width}}  {_verdict(part)}" for part in parts)


def _verdict(part: ComponentHealth) -> str:
    if part.unknown:
        return f"unknown: {part.problem}"
    if part.ok:
        return f"ok \N{EN DASH} {part.problem}" if part.problem else "ok"
    return f"PROBLEM: {part.problem}"


def as_json(parts: tuple[ComponentHealth, ...]) -> str:
    found = [
        {"what": part.name, "ok": part.ok, "unknown": part.unknown, "problem": part.problem or None} for part in parts
    ]
    return json.dumps({"ok": all(part.ok for part in parts), "checks": found}, indent=2)


async def _slack(settings: ServeSettings, policy: Policy, delivered: Completeness) -> tuple[ComponentHealth, ...]:
    async with web_session() as session:
        client = web_client(
            settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url, session=session
        )
        try:
            identity = await identify(client)
            date = (await client.auth_test()).headers.get("Date")
        except WEB_API_ERRORS as error:
            return (token_problem(error),)
        try:
            own_workspace(identity)
        except SettingsError as error:
            return (WrongSetting("Slack token", ok=False, problem=str(error)),)
        parts = [ComponentHealth("Slack token", ok=True), check_scopes(identity), clock(date, SystemClock().now())]
        parts.append(await check_transport(client, settings.slack_app_token, identity))
        channel = await check_audit_channel(client, settings.slack_audit_channel, identity.scopes)
        parts.append(_and_complete(channel, delivered))
        parts.append(await _messages(client, settings, identity))
        parts += [await check_route(client, route, identity.scopes) for route in policy.routes]
        named = tuple(
            dict.fromkeys(
                (*settings.slack_supervisors, *settings.slack_compliance, *settings.slack_listeners, *policy.people)
            )
        )
        escalate = policy.dual_control.escalate
        parts += await check_groups(client, [*filter(is_group, named), *((escalate,) if escalate else ())])
        parts += [await check_user(client, one, identity) for one in named if not is_group(one)]
    return tuple(parts)


async def _messages(client: AsyncWebClient, settings: ServeSettings, identity: SlackIdentity) -> ComponentHealth:
    """Let Slack validate a sample of everything that the bot shows, without anyone seeing it."""
    languages = read_languages()
    style = english_style(settings, identity.team_id)
    reasons = ReasonRules(settings.recording_reasons, required=settings.recording_reason_required)
    samples = Samples(style, languages, reasons).all()
    try:
        found = await BlockValidation(client, SystemClock()).findings(samples)
    except CantTell as error:
        why = "Slack doesn't know blocks.validate" if str(error) == "unknown_method" else f"Slack says {error}"
        return ComponentHealth("Slack messages", ok=True, problem=f"Couldn't be checked: {why}.")
    if not found:
        return ComponentHealth("Slack messages", ok=True)
    named = "; ".join(one.sentence for one in found[:FINDINGS_NAMED])
    more = f"; and {len(found) - FINDINGS_NAMED} more" if len(found) > FINDINGS_NAMED else ""
    problem = f"Slack would reject {named}{more}. Shorten GENESYS_INTERACTION_URL if it is long; otherwise report this."
    return ComponentHealth("Slack messages", ok=False, problem=problem)


def _and_complete(channel: ComponentHealth, delivered: Completeness) -> ComponentHealth:
    """Add what the channel lacks; lines that only wait are delivered by ``serve``, and no reason not to start it."""
    problem = " ".join(filter(None, (channel.problem, delivered.problem)))
    return replace(channel, ok=channel.ok and delivered.sound, problem=problem)


async def _genesys(settings: ServeSettings, policy: Policy) -> tuple[ComponentHealth, ...]:
    try:
        clients = await genesys_clients(settings, SystemClock())
    except SettingsError as error:
        return tuple(WrongSetting("OAuth clients", ok=False, problem=sentence) for sentence in error.sentences)
    from bot.genesys import adapters, check  # noqa: PLC0415  importing the SDK takes seconds

    api, keeps = settings.genesys_recording_api, settings.keeps_recordings
    queues = any(rule.queues for rule in policy.rules)
    try:
        found = {
            client.account.label: await check(client, recording_api=api, keeps=keeps, queues=queues)
            for client in clients.clients
        }
        deadline = clients.clock.monotonic() + ASK_SECONDS
        named = await _policy_names(settings, policy, adapters.directory(clients), deadline)
        named += await check_rules(settings, policy.rules, clients, clients.clock.monotonic() + ASK_SECONDS)
    finally:
        await clients.close()
    # serve starts while one of several clients can log in
    stops = all(any(one.setting for one in findings) for findings in found.values())
    return (*(_part(one, label, stops=stops) for label, findings in found.items() for one in findings), *named)


def _part(found: Finding, label: str, *, stops: bool) -> ComponentHealth:
    problem = found.sentence if found.note or not found.ok else ""
    kind = WrongSetting if found.setting and stops else ComponentHealth
    what = f"{found.what} ({label})" if label else found.what
    return kind(what, ok=found.ok, problem=problem, unknown=found.unknown)


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
            parts.append(ComponentHealth(what, ok=True, problem=f"Couldn't be checked: {error}"))
            continue
        missing = sorted(ids - known.keys())
        problem = f"These {kind} ids don't exist in Genesys: {', '.join(missing)}. Fix the policy file."
        parts.append(ComponentHealth(what, ok=not missing, problem=problem if missing else ""))
    if policy.grants and settings.genesys_recording_api == "sessions":
        note = (
            "With GENESYS_RECORDING_API=sessions a whole call is recorded, so people limited by a grant can't start "
            "recordings."
        )
        parts.append(ComponentHealth("policy file: sessions", ok=True, problem=note))
    return tuple(parts)
