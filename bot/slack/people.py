"""Who somebody is, as Slack says now: the one place that turns a Slack identity into a caller with roles.

Fails closed: when Slack can't say who is in a user group, nobody is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError

from bot.errors import IdentityUnconfirmed
from bot.recording.grants import granted
from bot.recording.policy import Caller, Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.grants import Grant
    from bot.recording.ports import Clock

T = TypeVar("T")
log = structlog.get_logger(__name__)

FRESH_SECONDS = 60.0
"""How long an answer of Slack's counts; ``usergroups.users.list`` allows 20 requests a minute."""
ANSWER_SECONDS = 1.2
"""How long Slack may take to say who somebody is; that somebody waits for an answer within three seconds."""
OBSTACLES = (
    ("deleted", "deleted"),
    ("is_bot", "bot"),
    ("is_workflow_bot", "bot"),
    ("is_ultra_restricted", "guest"),
    ("is_restricted", "guest"),
    ("is_stranger", "stranger"),
)
WEB_API_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError)


@dataclass(frozen=True, slots=True)
class SlackPeople:
    """Confirms callers. ``ids`` maps each role to the users and user groups that the settings name for it."""

    client: AsyncWebClient
    team_id: str
    ids: dict[Role, tuple[str, ...]]
    clock: Clock
    grants: tuple[Grant, ...] = ()
    """What the policy file grants to people who are no supervisors by the settings."""
    _cache: dict[str, tuple[float, Any]] = field(default_factory=dict, repr=False)

    async def caller(self, user_id: str, team_id: str | None) -> Caller:
        """Return the person as a caller; one whom Slack can't confirm in time has no rights, and the trail says so."""
        actor = f"slack:{team_id or '?'}:{user_id}"
        if team_id != self.team_id:
            return Caller(actor, obstacle="foreign_team")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                asking = self._look_ups(user_id, self.ids.values())
                if self._known(user := f"user:{user_id}") is None:
                    asking.append(self._fresh(user, lambda: self._ask_user(user_id)))
                await _together(asking)
                roles = frozenset({role for role, ids in self.ids.items() if await self._among(user_id, ids)})
                held = [] if Role.SUPERVISOR in roles else await self._grants(user_id)
                return granted(actor, roles, held, await self._obstacle(user_id))
        except (IdentityUnconfirmed, TimeoutError):
            return Caller(actor, obstacle="unconfirmed")

    def locale(self, user_id: str) -> str | None:
        """Return the person's locale, such as ``de-DE``, as far as Slack has said it already; nothing is asked."""
        known = self._cache.get(f"user:{user_id}")
        return None if known is None else known[1].get("locale")

    async def members(self, group_id: str) -> frozenset[str]:
        """Return the user ids in a user group. Raise IdentityUnconfirmed when Slack does not answer."""
        return await self._fresh(f"group:{group_id}", lambda: self._ask_members(group_id))

    async def _grants(self, user_id: str) -> list[Grant]:
        await _together(self._look_ups(user_id, (grant.who for grant in self.grants)))
        return [grant for grant in self.grants if await self._among(user_id, grant.who)]

    def _look_ups(self, user_id: str, lists: Iterable[tuple[str, ...]]) -> list[Awaitable[object]]:
        """Look up each user group that decides whether somebody is on one of these lists, and is not known."""
        groups = {one for ids in lists if user_id not in ids for one in ids if one.startswith("S")}
        return [self.members(one) for one in groups if self._known(f"group:{one}") is None]

    async def _among(self, user_id: str, ids: tuple[str, ...]) -> bool:
        if user_id in ids:
            return True
        return any([user_id in await self.members(one) for one in ids if one.startswith("S")])

    async def _obstacle(self, user_id: str) -> str | None:
        user = await self._fresh(f"user:{user_id}", lambda: self._ask_user(user_id))
        return obstacle(user, self.team_id)

    async def _ask_user(self, user_id: str) -> dict[str, Any]:
        answer = await self.client.users_info(user=user_id, include_locale=True)
        user: dict[str, Any] = answer["user"]
        return {key: user.get(key) for key in ("team_id", "locale", *(flag for flag, _ in OBSTACLES))}

    async def _ask_members(self, group_id: str) -> frozenset[str]:
        answer = await self.client.usergroups_users_list(usergroup=group_id)
        return frozenset(answer["users"])

    async def _fresh(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        if (known := self._known(key)) is not None:
            value: T = known
            return value
        try:
            value = await ask()
        except WEB_API_ERRORS as error:
            log.warning("identity_not_confirmed", subject=key, error=str(error))
            raise IdentityUnconfirmed from error
        self._cache[key] = (self.clock.monotonic(), value)
        return value

    def _known(self, key: str) -> Any:
        """Return Slack's answer while it counts; None where it has to be asked."""
        known = self._cache.get(key)
        return None if known is None or self.clock.monotonic() - known[0] >= FRESH_SECONDS else known[1]


async def _together(asking: list[Awaitable[object]]) -> None:
    """Wait for all at once: the answers of a slow Slack, one after another, would take too long."""
    if asking:
        await asyncio.gather(*asking)


def obstacle(user: Mapping[str, Any], team_id: str) -> str | None:
    """Say in a word why nothing is taken from somebody whom Slack describes so; None where there is no reason."""
    if (user.get("team_id") or team_id) != team_id:
        return "foreign_team"
    return next((word for flag, word in OBSTACLES if user.get(flag)), None)
