"""The Web API client: one shared session, explicit time-outs, and no repeats that nobody asked for."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

TIMEOUT_SECONDS = 8


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


def web_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=3), trust_env=True)


@dataclass(frozen=True, slots=True)
class SlackIdentity:
    """Who the bot is, as ``auth.test`` said at start-up."""

    team_id: str
    bot_user_id: str
    bot_id: str
    team: str = ""
    enterprise_id: str | None = None
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
        enterprise_id=answer.get("enterprise_id"),
        scopes=frozenset(filter(None, (scope.strip() for scope in header.split(",")))),
    )
