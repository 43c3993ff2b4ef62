"""The user groups in settings and policy file: their current members, and which groups give no rights."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from slack_sdk.errors import SlackClientError

from bot.errors import IdentityUnconfirmed
from bot.recording.group_members import GroupState, UserGroup, is_group
from bot.slack.api_errors import code
from bot.slack.client import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

FRESH_SECONDS = 60.0
"""How long an answer of Slack counts; ``usergroups.list`` allows 20 requests a minute, for all groups together."""
GIVEN_UP_SECONDS = 3.0
"""A request that takes longer helps nobody who asks now: people wait for 1.2 s."""
NO_USER_GROUPS = "plan_upgrade_required"
"""Slack's answer if the workspace's plan has no user groups: this is an answer, not a failure."""
UNUSABLE = {
    GroupState.DISABLED: "is disabled and gives its members no rights. Enable it in Slack, or remove it from the "
    "settings and the policy file",
    GroupState.GONE: "is not a user group of this workspace. Correct the ID in the settings or the policy file, or "
    "remove it",
}
"""What is wrong with a group, and what to do; the group's name comes before."""
UNREAD = "Slack doesn't list the user groups ({error}); until it does, nobody gets rights from them."


@dataclass
class UserGroups:
    """Reads all user groups of the workspace with one request a minute, for all callers.

    A group that is gone or disabled gives its members nothing, and takes nothing from the members of others.
    """

    client: AsyncWebClient
    clock: Clock
    wanted: frozenset[str]
    """The groups that the settings and the policy file name."""
    unusable: tuple[UserGroup, ...] = ()
    """The groups that give nobody a right, by the newest answer; shown by ``/readyz``."""
    refusal: str | None = None
    """Why Slack did not list the groups when it was last asked; None if it did."""
    _groups: Mapping[str, UserGroup] = field(default_factory=dict)
    _by_member: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The wanted groups that give a person rights, by the person's id."""
    _asked_at: float | None = None
    _asking: asyncio.Task[str | None] | None = None
    _asking_since: float = 0.0
    _running: set[asyncio.Task[str | None]] = field(default_factory=set)

    async def current(self) -> Mapping[str, UserGroup]:
        """Return each wanted group by its ID. Raise IdentityUnconfirmed if Slack doesn't say who is in them."""
        if self._fresh:
            return self._groups
        # Someone who can't wait for the answer must not cancel it: the next request needs it too.
        if await asyncio.shield(self._under_way()) is not None:
            raise IdentityUnconfirmed
        return self._groups

    async def among(self, user_id: str, ids: Iterable[str]) -> bool:
        """Say whether one of these users and user groups is, or has, this person. Raise IdentityUnconfirmed."""
        named = tuple(ids)
        if user_id in named:
            return True
        if not any(map(is_group, named)):
            return False
        groups = await self.current()
        return any(groups[one].gives_rights_to(user_id) for one in named if is_group(one))

    async def of(self, user_id: str) -> tuple[str, ...]:
        """Return the wanted groups that give this person rights. Raise IdentityUnconfirmed."""
        await self.current()
        return self._by_member.get(user_id, ())

    @property
    def problem(self) -> str:
        """Say in a sentence each what keeps groups from giving their members rights; empty if nothing does."""
        unread = UNREAD.format(error=self.refusal) if self.refusal else ""
        return " ".join(filter(None, (unread, *map(sentence, self.unusable))))

    def _under_way(self) -> asyncio.Task[str | None]:
        """Return the request that everyone waits for; a new one if there is none, or if it takes suspiciously long."""
        now = self.clock.monotonic()
        if self._asking is None or self._asking.done() or now - self._asking_since >= GIVEN_UP_SECONDS:
            self._asking, self._asking_since = asyncio.ensure_future(self._ask()), now
            self._running.add(self._asking)
            self._asking.add_done_callback(self._running.discard)
        return self._asking

    @property
    def _fresh(self) -> bool:
        return self._asked_at is not None and self.clock.monotonic() - self._asked_at < FRESH_SECONDS

    async def _ask(self) -> str | None:
        """Ask Slack; return its word for an error."""
        try:
            listed = await listed_groups(self.client)
        except WEB_API_ERRORS as error:
            self.refusal = code(error)
            log.warning("user_groups_read_failed", error=self.refusal)
            return self.refusal
        self._groups = {one: listed.get(one, UserGroup(one, GroupState.GONE)) for one in self.wanted}
        self._by_member = _by_member(self._groups.values())
        self._asked_at, self.refusal = self.clock.monotonic(), None
        self._note_unusable()
        return None

    def _note_unusable(self) -> None:
        """Log each group once when it stops giving rights, and once when it gives them again."""
        before = {group.id: group.state for group in self.unusable}
        self.unusable = tuple(
            sorted((one for one in self._groups.values() if not one.usable), key=lambda group: group.id)
        )
        now = {group.id: group.state for group in self.unusable}
        for group_id, state in now.items():
            if before.get(group_id) is not state:
                log.warning("user_group_lost", group=group_id, state=state.value)
        for group_id in before.keys() - now.keys():
            log.info("user_group_restored", group=group_id)


async def listed_groups(client: AsyncWebClient) -> dict[str, UserGroup]:
    """Read all user groups, disabled ones too, with their members. Raise what the client raises.

    The method documents no pages, but it does document ``invalid_cursor``. A cursor is followed, because a group on a
    later page would look deleted. An answer without the list is an error.
    """
    found: dict[str, UserGroup] = {}
    after: dict[str, Any] = {}
    while True:
        try:
            answer = await client.usergroups_list(include_users=True, include_disabled=True, **after)
        except WEB_API_ERRORS as error:
            if code(error) == NO_USER_GROUPS:
                return {}
            raise
        listed: list[dict[str, Any]] | None = answer.get("usergroups")
        if listed is None:
            raise SlackClientError("usergroups.list answered without a list")
        found |= {str(group["id"]): _group_from(group) for group in listed}
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor or cursor == after.get("cursor"):
            return found
        after = {"cursor": cursor}


def _by_member(groups: Iterable[UserGroup]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for group in groups:
        for member in group.members if group.usable else ():
            found.setdefault(member, []).append(group.id)
    return {member: tuple(ids) for member, ids in found.items()}


def _group_from(group: Mapping[str, Any]) -> UserGroup:
    state = GroupState.DISABLED if group.get("date_delete") else GroupState.ACTIVE
    return UserGroup(str(group["id"]), state, frozenset(map(str, group.get("users") or ())))


def sentence(group: UserGroup) -> str:
    """Say what is wrong with a group that gives nobody any rights."""
    return f"{group.id} {UNUSABLE[group.state]}."
