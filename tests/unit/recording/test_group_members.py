"""Who came into the groups that give rights, and who left: one entry, whichever process notices and however late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.database.queries.group_members import SqlGroupMembers
from bot.errors import IdentityUnconfirmed
from bot.recording.caller import Role
from bot.recording.group_members import (
    COMPLIANCE_CHANGED,
    IDS_IN_ENTRY,
    SUPERVISORS_CHANGED,
    GroupMonitor,
    GroupState,
    UserGroup,
    change_of,
    group_actions,
)
from bot.recording.policy import Grant
from tests.support.databases.trail import entries
from tests.support.recording.service import Harness, open_harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

    from tests.support.databases.postgres import Database

ACTIONS = {"S0A": SUPERVISORS_CHANGED, "S0B": COMPLIANCE_CHANGED}


def group(*members: str, group_id: str = "S0A", state: GroupState = GroupState.ACTIVE) -> UserGroup:
    return UserGroup(group_id, state, frozenset(members))


class Groups:
    """Stands in for Slack's answer."""

    def __init__(self, *groups: UserGroup) -> None:
        self.now = groups
        self.away = False

    async def current(self) -> Mapping[str, UserGroup]:
        if self.away:
            raise IdentityUnconfirmed
        return {one.id: one for one in self.now}


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[Harness]:
    async with open_harness(database) as harness:
        yield harness


def monitor(harness: Harness, groups: Groups) -> GroupMonitor:
    """Return what a bot that was started just now has."""
    return GroupMonitor(groups, SqlGroupMembers(harness.store), ACTIONS, harness.clock)


def told(harness: Harness) -> list[dict[str, Any]]:
    found = entries(harness.file)
    assert all((one["phase"], one["actor"]) == ("observed", "bot") for one in found)
    return [{"action": one["action"], **one["outcome"]} for one in found]


async def test_a_change_is_told_once_and_also_if_it_happened_while_no_bot_ran(harness: Harness) -> None:
    groups = Groups(group("U1", "U2"), group("U9", group_id="S0B"))
    await monitor(harness, groups).compare()
    assert told(harness) == []  # who was there at the first look has not come

    groups.now = (group("U2", "U3", "U4"), group("U9", group_id="S0B"))
    for _ in range(3):
        await monitor(harness, groups).compare()
    groups.now = (group("U2", "U3", "U4"), group(group_id="S0B"))
    await monitor(harness, groups).compare()

    assert told(harness) == [
        {"action": SUPERVISORS_CHANGED, "group": "S0A", "came": ["U3", "U4"], "left": ["U1"], "members": 3},
        {"action": COMPLIANCE_CHANGED, "group": "S0B", "left": ["U9"], "members": 0},
    ]


async def test_of_several_processes_one_tells(harness: Harness) -> None:
    groups = Groups(group("U1"))
    await monitor(harness, groups).compare()
    groups.now = (group("U1", "U2"),)
    await asyncio.gather(*(monitor(harness, groups).compare() for _ in range(5)))
    assert len(told(harness)) == 1


@pytest.mark.parametrize("state", [GroupState.DISABLED, GroupState.GONE])
async def test_nobody_has_left_a_group_that_is_disabled(harness: Harness, state: GroupState) -> None:
    groups = Groups(group("U1", "U2"))
    await monitor(harness, groups).compare()
    groups.now = (group(state=state),)
    await monitor(harness, groups).compare()
    groups.now = (group("U2", "U3"),)
    await monitor(harness, groups).compare()
    assert told(harness) == [
        {"action": SUPERVISORS_CHANGED, "group": "S0A", "members": 2, "state": state.value},
        {
            "action": SUPERVISORS_CHANGED, "group": "S0A", "came": ["U3"], "left": ["U1"], "members": 2,
            "state": "active",
        },
    ]  # fmt: skip


async def test_without_an_answer_nothing_is_noted_and_the_next_look_tells(harness: Harness) -> None:
    groups = Groups(group("U1"))
    await monitor(harness, groups).compare()
    groups.now, groups.away = (group(),), True
    await monitor(harness, groups).compare()
    assert told(harness) == []
    groups.away = False
    await monitor(harness, groups).compare()
    assert [one["left"] for one in told(harness)] == [["U1"]]


def test_a_large_change_has_several_entries_and_names_everyone() -> None:
    before = group(*(f"U{number:04}" for number in range(120)))
    after = group(*(f"W{number:04}" for number in range(30)))
    change = change_of(before, after)
    assert change is not None
    outcomes = list(change.outcomes())

    assert [(one["part"], one["parts"]) for one in outcomes] == [(1, 3), (2, 3), (3, 3)]
    assert all(len(one.get("came", [])) + len(one.get("left", [])) <= IDS_IN_ENTRY for one in outcomes)
    assert {user for one in outcomes for user in one.get("came", [])} == after.members
    assert {user for one in outcomes for user in one.get("left", [])} == before.members


def test_each_group_with_rights_is_watched_and_no_user() -> None:
    ids = {Role.SUPERVISOR: ("S0A", "U1", "S0C"), Role.COMPLIANCE: ("S0B", "S0C")}
    found = group_actions(ids, [Grant("Sales", ("S0D", "U2"))])
    supervising = dict.fromkeys(("S0A", "S0C", "S0D"), SUPERVISORS_CHANGED)
    assert found == {"S0B": COMPLIANCE_CHANGED, **supervising}
