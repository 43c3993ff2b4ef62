"""``record-bot check``: one line for each thing that ``serve`` needs, ok or what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import SQLAlchemyError

from bot import config
from bot.app import genesys_client, opened_database
from bot.database.completeness import Completeness, SqlCompleteness
from bot.database.migrate import version
from bot.errors import DatabaseUnusable, SettingsError
from bot.metrics import Metrics
from bot.recording.clock import SystemClock
from bot.server import Part
from bot.slack.delivery import code
from bot.slack.manifest import SCOPES
from bot.slack.people import WEB_API_ERRORS
from bot.slack.web import SlackIdentity, identify, web_client, web_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config import ServeSettings

SCHEDULE_AHEAD = 3600
CHANNEL_ADVICE = {
    "channel_not_found": "put the id of a channel of this workspace into SLACK_AUDIT_CHANNEL, and invite the bot there "
    "where the channel is private",
    "missing_scope": "add the scopes of the manifest and install the app anew",
}


async def check_everything() -> tuple[Part, ...]:
    """Check the parts in the order in which they need each other."""
    try:
        settings = config.load(config.ServeSettings)
    except SettingsError as error:
        return tuple(Part("settings", ok=False, problem=sentence) for sentence in error.sentences)
    return (
        Part("settings", ok=True),
        await _database(settings),
        *await _slack(settings, await _completeness(settings)),
        *await _genesys(settings),
    )


def as_text(parts: tuple[Part, ...]) -> str:
    width = max(len(part.name) for part in parts)
    return "\n".join(f"{part.name:<{width}}  {_verdict(part)}" for part in parts)


def _verdict(part: Part) -> str:
    if part.ok:
        return f"ok; note: {part.problem}" if part.problem else "ok"
    return f"PROBLEM: {part.problem}"


def as_json(parts: tuple[Part, ...]) -> str:
    found = [{"what": part.name, "ok": part.ok, "problem": part.problem or None} for part in parts]
    return json.dumps({"ok": all(part.ok for part in parts), "checks": found}, indent=2)


async def _database(settings: ServeSettings) -> Part:
    try:
        async with opened_database(settings) as engines:
            found = await version(engines)
    except DatabaseUnusable as error:
        return Part("database", ok=False, problem=str(error))
    if found.current not in {None, found.newest}:
        return Part("database", ok=False, problem=f"It is at {found.current}; run: record-bot db upgrade")
    return Part("database", ok=True)


async def _completeness(settings: ServeSettings) -> Completeness:
    """Compare the trail with what the audit channel was given; a database that is not there yet lacks nothing."""
    try:
        async with opened_database(settings) as engines:
            found = await version(engines)
            if found.current == found.newest:
                return await SqlCompleteness(engines).look(SystemClock().now())
    except (DatabaseUnusable, SQLAlchemyError):
        pass  # the database's own part says it
    return Completeness()


async def _slack(settings: ServeSettings, delivered: Completeness) -> tuple[Part, ...]:
    async with web_session() as session:
        client = web_client(
            settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url, session=session
        )
        try:
            identity = await identify(client)
        except WEB_API_ERRORS as error:
            advice = (
                "put a valid bot token into SLACK_BOT_TOKEN"
                if isinstance(error, SlackApiError)
                else "check the network"
            )
            return (Part("Slack token", ok=False, problem=f"Slack says {code(error)}; {advice}."),)
        parts = [Part("Slack token", ok=True), _scopes(identity)]
        if settings.slack_app_token is not None:
            parts.append(await _app_token(client, settings.slack_app_token.get_secret_value()))
        channel = await _audit_channel(client, settings.slack_audit_channel, SystemClock().now())
        parts.append(_and_complete(channel, delivered))
        groups = [one for one in (*settings.slack_supervisors, *settings.slack_compliance) if one.startswith("S")]
        parts += [await _group(client, group) for group in dict.fromkeys(groups)]
    return tuple(parts)


def _scopes(identity: SlackIdentity) -> Part:
    missing = sorted(set(SCOPES) - identity.scopes) if identity.scopes else []
    return Part(
        "Slack scopes",
        ok=not missing,
        problem=f"{', '.join(missing)} missing; add the manifest's scopes and install the app anew." if missing else "",
    )


async def _app_token(client: AsyncWebClient, token: str) -> Part:
    problem = await _problem(lambda: client.apps_connections_open(app_token=token))
    advice = "put an app-level token with connections:write into SLACK_APP_TOKEN, and switch Socket Mode on"
    return Part("Slack socket", ok=problem is None, problem=f"Slack says {problem}; {advice}." if problem else "")


async def _audit_channel(client: AsyncWebClient, channel: str, now: datetime) -> Part:
    """Ask whether the bot may write to the channel: a message is scheduled for later and taken back at once.

    With the bot's few scopes no other request tells, and nobody in the channel sees anything of this one.
    """
    later = int(now.timestamp()) + SCHEDULE_AHEAD
    try:
        answer = await client.chat_scheduleMessage(channel=channel, post_at=later, text="record-bot check")
        await client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=answer["scheduled_message_id"])
    except WEB_API_ERRORS as error:
        advice = CHANNEL_ADVICE.get(code(error), "invite the bot to the audit channel, and unarchive it if need be")
        return Part("audit channel", ok=False, problem=f"Slack says {code(error)}; {advice}.")
    return Part("audit channel", ok=True)


def _and_complete(channel: Part, delivered: Completeness) -> Part:
    """Add what the channel lacks; lines that only wait are delivered by ``serve``, and no reason not to start it."""
    problem = " ".join(filter(None, (channel.problem, delivered.problem)))
    return Part(channel.name, ok=channel.ok and delivered.sound, problem=problem)


async def _group(client: AsyncWebClient, group: str) -> Part:
    problem = await _problem(lambda: client.usergroups_users_list(usergroup=group))
    advice = "put the id of a user group of this workspace into SLACK_SUPERVISORS or SLACK_COMPLIANCE"
    return Part(
        f"user group {group}", ok=problem is None, problem=f"Slack says {problem}; {advice}." if problem else ""
    )


async def _problem(ask: Callable[[], Awaitable[object]]) -> str | None:
    try:
        await ask()
    except WEB_API_ERRORS as error:
        return code(error)
    return None


async def _genesys(settings: ServeSettings) -> tuple[Part, ...]:
    client = await genesys_client(settings, SystemClock(), Metrics())
    from bot.genesys import check  # noqa: PLC0415  importing the SDK takes seconds

    try:
        findings = await check(client, recording_api=settings.genesys_recording_api)
    finally:
        await client.close()
    return tuple(Part(one.what, ok=one.ok, problem=one.sentence if one.note or not one.ok else "") for one in findings)
