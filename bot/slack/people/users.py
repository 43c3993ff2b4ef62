"""Identifies people with Slack: the only place that turns a Slack identity into a caller with roles.

Fails closed: if Slack can't say who is in a user group, nobody is in it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from bot.errors import IdentityUnconfirmed
from bot.recording.caller import Principal, Role
from bot.recording.group_members import is_group
from bot.recording.policy import granted
from bot.slack.api_errors import code
from bot.slack.client import WEB_API_ERRORS
from bot.slack.people.user_groups import FRESH_SECONDS, UserGroups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.policy import Grant
    from bot.recording.ports import Clock

__all__ = ["ANSWER_SECONDS", "FRESH_SECONDS", "WEB_API_ERRORS", "SlackPeople", "denial_reason"]

T = TypeVar("T")
log = structlog.get_logger(__name__)

ANSWER_SECONDS = 1.2
"""Time limit for identifying a person with Slack; the person waits for an answer within three seconds."""
OBSTACLES = (
    ("deleted", "deleted"),
    ("is_bot", "bot"),
    ("is_workflow_bot", "bot"),
    ("is_ultra_restricted", "guest"),
    ("is_restricted", "guest"),
    ("is_stranger", "stranger"),
)
KNOWN_OF_USER = ("team_id", "enterprise_user", "locale", *(flag for flag, _ in OBSTACLES))
FOREIGN = "foreign_team"
NOT_HERE = frozenset({"user_not_found", "user_not_visible"})
"""Slack's answer about a person unknown to the bot's workspace: this is an answer, not a failure."""
NOWHERE = "?"
"""No workspace's id."""


@dataclass(frozen=True, slots=True)
class SlackPeople:
    """Confirms callers. ``ids`` maps each role to the users and user groups that the settings name for it."""

    client: AsyncWebClient
    team_id: str
    ids: dict[Role, tuple[str, ...]]
    clock: Clock
    grants: tuple[Grant, ...] = ()
    """What the policy file grants to people who are no supervisors by the settings."""
    enterprise_id: str | None = None
    """The organization (Enterprise Grid) of the bot's workspace, whose members may have their home in another one."""
    groups: UserGroups = field(init=False)
    _cache: dict[str, tuple[float, Any]] = field(default_factory=dict, repr=False)
    _named: dict[str, set[int]] = field(init=False, repr=False)
    """The numbers of the grants that name a user or a user group."""
    _to_groups: frozenset[int] = field(init=False, repr=False)
    """The numbers of the grants that name user groups."""

    def __post_init__(self) -> None:
        named = [one for ids in self.ids.values() for one in ids] + [one for grant in self.grants for one in grant.who]
        groups = UserGroups(self.client, self.clock, frozenset(filter(is_group, named)))
        object.__setattr__(self, "groups", groups)
        by_id: dict[str, set[int]] = {}
        for number, grant in enumerate(self.grants):
            for one in grant.who:
                by_id.setdefault(one, set()).add(number)
        object.__setattr__(self, "_named", by_id)
        to_groups = frozenset(number for number, grant in enumerate(self.grants) if any(map(is_group, grant.who)))
        object.__setattr__(self, "_to_groups", to_groups)

    async def caller(self, user_id: str, team_id: str | None) -> Principal:
        """Return the person as a caller; one whom Slack can't confirm in time has no rights, and the trail says so.

        In an organization the payload's team is the person's home workspace, or the one where a command was typed;
        only Slack's own description says whether they are a member of the bot's.
        """
        if not team_id or (team_id != self.team_id and self.enterprise_id is None):
            return Principal(f"slack:{team_id or '?'}:{user_id}", denial_reason=FOREIGN)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _together(self._fetches(user_id))
                roles = frozenset({role for role, ids in self.ids.items() if await self.groups.among(user_id, ids)})
                held = [] if Role.SUPERVISOR in roles else await self._grants(user_id)
                refused = denial_reason(await self._user(user_id), self.team_id, self.enterprise_id)
        except (IdentityUnconfirmed, TimeoutError):
            return self._without_groups(user_id, team_id)
        return granted(self._actor(user_id, team_id), roles, held, refused)

    def _without_groups(self, user_id: str, team_id: str) -> Principal:
        """Return the caller with the roles that the settings name them for, if Slack has confirmed who they are.

        What user groups may add is unknown, which takes nothing from these.
        """
        roles = frozenset({role for role, ids in self.ids.items() if user_id in ids})
        user: Mapping[str, Any] | None = self._known(f"user:{user_id}")
        if user is None or not roles:
            return Principal(self._actor(user_id, team_id), denial_reason="unconfirmed")
        refused = denial_reason(user, self.team_id, self.enterprise_id)
        return Principal(self._actor(user_id, team_id), roles, refused, groups_known=False)

    def locale(self, user_id: str) -> str | None:
        """Return the person's locale, such as ``de-DE``, as far as Slack has said it already; nothing is asked."""
        known = self._cache.get(f"user:{user_id}")
        return None if known is None else known[1].get("locale")

    async def name(self, user_id: str) -> str | None:
        """Return the person's full name in Slack, else the display name; None if Slack doesn't say.

        A name that Slack has told before is good enough: it is only shown.
        """
        known = self._cache.get(f"user:{user_id}")
        try:
            user = await self._user(user_id) if known is None else known[1]
        except IdentityUnconfirmed:
            return None
        return user.get("name_shown") or None

    def _actor(self, user_id: str, team_id: str) -> str:
        """Return the person's id in the trail, with the bot's team if Slack last reported them as its member."""
        known = self._cache.get(f"user:{user_id}")
        member = known is not None and denial_reason(known[1], self.team_id, self.enterprise_id) != FOREIGN
        return f"slack:{self.team_id if member else team_id}:{user_id}"

    def _fetches(self, user_id: str) -> list[Awaitable[object]]:
        """Ask all at once: the answers of a slow Slack, one after another, would take too long."""
        undecided = any(user_id not in ids and any(map(is_group, ids)) for ids in self.ids.values())
        return [self._user(user_id), *((self.groups.current(),) if undecided else ())]

    async def _grants(self, user_id: str) -> list[Grant]:
        """Return the grants of this person and of the person's groups, without a look at all others."""
        found = set(self._named.get(user_id, ()))
        if not self._to_groups <= found:
            for group in await self.groups.of(user_id):
                found |= self._named.get(group, set())
        return [self.grants[number] for number in sorted(found)]

    async def _user(self, user_id: str) -> Mapping[str, Any]:
        return await self._fresh(f"user:{user_id}", lambda: self._ask_user(user_id))

    async def _ask_user(self, user_id: str) -> dict[str, Any]:
        try:
            answer = await self.client.users_info(user=user_id, include_locale=True)
        except WEB_API_ERRORS as error:
            if code(error) in NOT_HERE:
                return {"team_id": NOWHERE}
            raise
        user: dict[str, Any] = answer["user"]
        return {key: user.get(key) for key in KNOWN_OF_USER} | {"name_shown": _name(user)}

    async def _fresh(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        if (known := self._known(key)) is not None:
            value: T = known
            return value
        try:
            value = await ask()
        except WEB_API_ERRORS as error:
            log.warning("identity_check_failed", subject=key, error=str(error))
            raise IdentityUnconfirmed from error
        self._cache[key] = (self.clock.monotonic(), value)
        return value

    def _known(self, key: str) -> Any:
        """Return Slack's answer while it is fresh; None if it has to be asked again."""
        known = self._cache.get(key)
        return None if known is None or self.clock.monotonic() - known[0] >= FRESH_SECONDS else known[1]


def _name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    names = (user.get("real_name"), profile.get("real_name"), profile.get("display_name"), user.get("name"))
    return next((str(name) for name in names if name), "")


async def _together(asking: Iterable[Awaitable[object]]) -> None:
    """Wait for all, also if one fails: the answers of the others count. Raise the first failure."""
    for found in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(found, BaseException):
            raise found


def denial_reason(user: Mapping[str, Any], team_id: str, enterprise_id: str | None = None) -> str | None:
    """Return in a word why this person may do nothing; None if there is no reason."""
    if not _member(user, team_id, enterprise_id):
        return FOREIGN
    return next((word for flag, word in OBSTACLES if user.get(flag)), None)


def _member(user: Mapping[str, Any], team_id: str, enterprise_id: str | None) -> bool:
    """Return whether this person is a member of the bot's workspace.

    In an organization ``enterprise_user`` says it; ``team_id`` there names the home workspace, and may be missing.
    """
    if enterprise_id is None:
        return bool((user.get("team_id") or team_id) == team_id)
    if not (found := user.get("enterprise_user")):
        return bool(user.get("team_id") == team_id)
    return found.get("enterprise_id") == enterprise_id and team_id in (found.get("teams") or ())
