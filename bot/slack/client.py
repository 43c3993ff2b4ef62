"""The Web API client: one shared session, explicit timeouts, and no automatic repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.slack.slack_clock import SlackClock

TIMEOUT_SECONDS = 8
WEB_API_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError)
ORGANIZATION = "E"
"""What the id of an organization begins with; that of a workspace begins with T."""


def web_client(token: str, *, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Make a client.

    The SDK's default retry handler repeats a ``chat.postMessage`` that had arrived when the connection dropped, so that
    a message stands there twice; ours has none, and the publishers decide.
    """
    return AsyncWebClient(
        token=token,
        base_url=api_url,
        session=session,
        timeout=TIMEOUT_SECONDS,
        retry_handlers=[],
        trust_env_in_session=True,
    )


def web_session(clock: SlackClock | None = None) -> aiohttp.ClientSession:
    """Make the session of all requests to the Web API; ``clock`` learns Slack's time from the answers."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=3),
        trust_env=True,
        trace_configs=[] if clock is None else [clock.trace()],
    )


@dataclass(frozen=True, slots=True)
class SlackIdentity:
    """The bot's identity, from ``auth.test`` at start-up."""

    team_id: str
    bot_user_id: str
    bot_id: str
    team: str = ""
    enterprise_id: str | None = None
    """The Enterprise Grid organization that the workspace belongs to, if any."""
    org_wide: bool = False
    """Whether the token is for a whole organization."""
    scopes: frozenset[str] = frozenset()


async def identify(client: AsyncWebClient) -> SlackIdentity:
    """Ask Slack who the bot is. Raise what the client raises."""
    answer = await client.auth_test()
    header = answer.headers.get("x-oauth-scopes") or answer.headers.get("X-OAuth-Scopes") or ""
    return SlackIdentity(
        team_id=str(answer["team_id"]),
        bot_user_id=str(answer["user_id"]),
        bot_id=str(answer.get("bot_id") or ""),
        team=str(answer.get("team") or ""),
        enterprise_id=answer.get("enterprise_id") or None,
        org_wide=bool(answer.get("is_enterprise_install")),
        scopes=frozenset(filter(None, (scope.strip() for scope in header.split(",")))),
    )


def own_workspace(identity: SlackIdentity) -> SlackIdentity:
    """Return the identity of a bot in one workspace. Raise SettingsError for a token of a whole organization.

    Such a token names no workspace, so nobody could be told to be a member of the bot's.
    """
    if identity.org_wide or identity.team_id.startswith(ORGANIZATION):
        sentence = (
            "SLACK_BOT_TOKEN is for the whole organization (org-wide installation), which the bot doesn't support yet: "
            "install the app in the single workspace where supervisors use it, and put that bot token there."
        )
        raise SettingsError((sentence,))
    return identity
