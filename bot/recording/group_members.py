"""User groups that give rights: their state, and changes of their members since the last check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.errors import AuditUnavailable, IdentityUnconfirmed
from bot.recording.caller import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from bot.recording.policy import Grant
    from bot.recording.ports import Clock

log = structlog.get_logger(__name__)

SUPERVISORS_CHANGED = "supervisors:changed"
COMPLIANCE_CHANGED = "compliance:changed"
LISTENERS_CHANGED = "listeners:changed"
IDS_IN_ENTRY = 50
"""How many user ids one entry holds; a larger change has several entries, so that none grows without bound."""


class GroupState(StrEnum):
    """Whether a user group gives its members rights."""

    ACTIVE = "active"
    DISABLED = "disabled"
    GONE = "gone"
    """The workspace has no such group."""


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group as Slack describes it now, or as last stored."""

    id: str
    state: GroupState = GroupState.ACTIVE
    members: frozenset[str] = frozenset()

    @property
    def usable(self) -> bool:
        return self.state is GroupState.ACTIVE

    def gives_rights_to(self, user_id: str) -> bool:
        return self.usable and user_id in self.members


@dataclass(frozen=True, slots=True)
class GroupChange:
    """The changes of one group: who joined and left, and its state if that changed."""

    group_id: str
    came: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    members: int = 0
    state: GroupState | None = None

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """Return the outcome of each entry that tells of the change, with user ids only."""
        moves = [("came", one) for one in self.came] + [("left", one) for one in self.left]
        parts = [moves[first : first + IDS_IN_ENTRY] for first in range(0, len(moves), IDS_IN_ENTRY)] or [[]]
        for number, part in enumerate(parts, start=1):
            outcome: dict[str, Any] = {"group": self.group_id, "members": self.members}
            outcome |= {
                way: [one for moved, one in part if moved == way] for way in ("came", "left") if (way in dict(part))
            }
            if self.state is not None:
                outcome["state"] = self.state.value
            if len(parts) > 1:
                outcome |= {"part": number, "parts": len(parts)}
            yield outcome


def noted(before: UserGroup | None, now: UserGroup) -> UserGroup:
    """Return what is to be noted of a group. One that is disabled or gone keeps the members that it last had."""
    if now.usable or before is None:
        return now
    return UserGroup(now.id, now.state, before.members)


def change_of(before: UserGroup | None, now: UserGroup) -> GroupChange | None:
    """Say what has changed since a group was last noted; None if nothing has, or if it was never noted."""
    after = noted(before, now)
    if before is None or before == after:
        return None
    return GroupChange(
        group_id=now.id,
        came=tuple(sorted(after.members - before.members)),
        left=tuple(sorted(before.members - after.members)),
        members=len(after.members),
        state=None if before.state is after.state else after.state,
    )


def group_actions(ids: Mapping[Role, Iterable[str]], grants: Iterable[Grant]) -> dict[str, str]:
    """Return the audit action for the changes of each user group; one that makes supervisors is first of all that."""
    supervisors = {*ids.get(Role.SUPERVISOR, ()), *(one for grant in grants for one in grant.who)}
    actions = dict.fromkeys(filter(is_group, ids.get(Role.LISTENER, ())), LISTENERS_CHANGED)
    actions |= dict.fromkeys(filter(is_group, ids.get(Role.COMPLIANCE, ())), COMPLIANCE_CHANGED)
    return actions | dict.fromkeys(filter(is_group, supervisors), SUPERVISORS_CHANGED)


def is_group(slack_id: str) -> bool:
    return slack_id.startswith("S")


class GroupsNow(Protocol):
    """Returns the current members of the user groups."""

    async def current(self) -> Mapping[str, UserGroup]:
        """Return the groups by ID. Raise IdentityUnconfirmed."""


class NotedGroups(Protocol):
    """The groups as last stored, and the trail."""

    async def note(self, groups: Iterable[UserGroup], *, actions: Mapping[str, str], at: datetime) -> None:
        """Note the groups, and write each change since as ``observed``. Raise AuditUnavailable."""


@dataclass(frozen=True, slots=True)
class GroupMonitor:
    """Compares the groups that give rights with the stored ones, also after a time without a running bot.

    ``actions`` has the audit action of each group's changes.
    """

    groups: GroupsNow
    noted: NotedGroups
    actions: Mapping[str, str]
    clock: Clock

    async def compare(self) -> None:
        """Compare once; without Slack's answer or a writable trail, store nothing and leave it to the next check."""
        try:
            current = await self.groups.current()
            known = [group for group in current.values() if group.id in self.actions]
            await self.noted.note(known, actions=self.actions, at=self.clock.now())
        except IdentityUnconfirmed:
            log.warning("user_groups_comparison_failed")
        except AuditUnavailable:
            log.warning("user_group_change_write_failed")
