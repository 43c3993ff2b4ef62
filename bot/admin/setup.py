"""Checks the answers of ``record-bot init``, one setting after the other, with the real Slack and Genesys."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.admin.checks.database import check_database
from bot.admin.checks.slack import (
    check_audit_channel,
    check_groups,
    check_scopes,
    check_transport,
    check_user,
    token_problem,
)
from bot.config.secret_files import ENDING, SECRETS, Unusable, chosen
from bot.config.settings import SLACK_API, GenesysSettings, database_at
from bot.errors import GenesysError, SettingsError
from bot.recording.clock import SystemClock
from bot.recording.group_members import is_group
from bot.runtime.container import genesys_clients
from bot.slack.client import WEB_API_ERRORS, SlackIdentity, identify, own_workspace, web_client, web_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.runtime.http_server import ComponentHealth

BOT_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105  a name
CLIENT_ID, CLIENT_SECRET, ENVIRONMENT = "PURECLOUD_CLIENT_ID", "PURECLOUD_CLIENT_SECRET", "PURECLOUD_ENVIRONMENT"
ADDRESSES = ("SLACK_API_URL", "GENESYS_API_URL")
"""Settings that nobody is asked for, but that decide whom the checks ask; they are taken from the environment."""


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """Whether an answer can be used, what was found, and what else is worth knowing."""

    ok: bool
    sentence: str
    notes: tuple[str, ...] = ()


def addresses() -> dict[str, str]:
    """Return the addresses of the APIs that the environment names."""
    return {name: os.environ[name] for name in ADDRESSES if os.environ.get(name)}


def files() -> dict[str, str]:
    """Return the files of secrets that the environment names, by setting, as absolute paths."""
    named = {name: os.environ.get(f"{name}{ENDING}") for name in SECRETS}
    return {name: os.path.abspath(file) for name, file in named.items() if file}  # noqa: PTH100  Path keeps ".."


def from_file(name: str) -> str | Unusable | None:
    """Return the value of a setting from the file that the environment names for it."""
    return chosen(name, {one.lower(): value for one, value in os.environ.items()})


@dataclass
class SetupChecks:
    """Checks answers; knows the earlier ones. No answer is in a sentence that it returns, unless it is no secret."""

    answers: dict[str, str] = field(default_factory=dict)
    _identity: SlackIdentity | None = None

    async def bot_token(self, token: str) -> CheckedAnswer:
        async with self._slack(token) as client:
            try:
                identity = own_workspace(await identify(client))
            except WEB_API_ERRORS as error:
                return CheckedAnswer(ok=False, sentence=token_problem(error).problem)
            except SettingsError as error:
                return CheckedAnswer(ok=False, sentence=str(error))
        scopes = check_scopes(identity)
        if not scopes.ok:
            return CheckedAnswer(ok=False, sentence=scopes.problem)
        self._identity = identity
        notes = (scopes.problem,) if scopes.problem else ()
        return CheckedAnswer(
            ok=True, sentence=f"Connected to the workspace {identity.team or identity.team_id}.", notes=notes
        )

    async def app_token(self, token: str) -> CheckedAnswer:
        async with self._slack() as client:
            return _answer(await check_transport(client, SecretStr(token), self._known), "Socket Mode works.")

    async def signing_secret(self, _secret: str) -> CheckedAnswer:
        async with self._slack() as client:
            found = await check_transport(client, None, self._known)
        return CheckedAnswer(ok=True, sentence=found.problem)

    async def audit_channel(self, channel: str) -> CheckedAnswer:
        async with self._slack() as client:
            found = await check_audit_channel(client, channel, self._known.scopes)
        return _answer(found, "The bot can post there.")

    async def people(self, typed: str) -> CheckedAnswer:
        ids = tuple(dict.fromkeys(one.strip() for one in typed.split(",") if one.strip()))
        async with self._slack() as client:
            found = await check_groups(client, [one for one in ids if is_group(one)])
            found += [await check_user(client, one, self._known) for one in ids if not is_group(one)]
        if wrong := [f"{one.name}: {one.problem}" for one in found if not one.ok]:
            return CheckedAnswer(ok=False, sentence=" ".join(wrong))
        notes = tuple(f"{one.name}: {one.problem}" for one in found if one.problem)
        return CheckedAnswer(ok=True, sentence="Slack knows them.", notes=notes)

    async def genesys(self, answers: Mapping[str, str]) -> CheckedAnswer:
        """Log in with the OAuth client, and check its permissions; a missing one is only a note here."""
        settings = GenesysSettings(
            purecloud_clients=None,
            purecloud_client_id=answers[CLIENT_ID],
            purecloud_client_secret=SecretStr(answers[CLIENT_SECRET]),
            purecloud_environment=answers[ENVIRONMENT],
        )
        client = (await genesys_clients(settings, SystemClock())).first
        from bot.genesys import check, login_advice  # noqa: PLC0415  importing the SDK takes seconds

        try:
            await client.login()
            found = await check(client)
        except GenesysError as error:
            return CheckedAnswer(ok=False, sentence=login_advice(error))
        finally:
            await client.close()
        missing = tuple(f"{one.what}: {one.sentence}" for one in found if not one.ok)
        return CheckedAnswer(ok=True, sentence="The OAuth client is logged in.", notes=missing)

    async def database(self, url: str) -> CheckedAnswer:
        return _answer((await check_database(database_at(url))).health, "The database can be used.")

    @property
    def _known(self) -> SlackIdentity:
        if self._identity is None:
            raise RuntimeError("the bot token is checked first")
        return self._identity

    @asynccontextmanager
    async def _slack(self, token: str | None = None) -> AsyncIterator[AsyncWebClient]:
        url = os.environ.get("SLACK_API_URL") or SLACK_API
        async with web_session() as session:
            yield web_client(token or self.answers[BOT_TOKEN], api_url=url, session=session)


def _answer(found: ComponentHealth, sentence: str) -> CheckedAnswer:
    if not found.ok:
        return CheckedAnswer(ok=False, sentence=found.problem)
    return CheckedAnswer(ok=True, sentence=sentence, notes=(found.problem,) if found.problem else ())
