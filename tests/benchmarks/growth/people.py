"""Supervisors, user groups, and grants, from ten to many: what identifying a person costs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.recording.caller import Role
from bot.recording.policy import Grant
from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import web_client, web_session
from bot.slack.people.user_groups import listed_groups
from bot.slack.people.users import SlackPeople
from tests.benchmarks.growth.rows import CONSTANT, LINEAR, Growth, in_turns
from tests.support.clocks.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

PERSON, CROWD, LAST = "U0ADA", "S0CROWD", "S0LAST"


@dataclass(frozen=True)
class Workspace:
    """One simulated workspace, and the people of a bot in it."""

    client: AsyncWebClient
    people: SlackPeople
    team: str

    async def identify(self) -> None:
        caller = await self.people.caller(PERSON, self.team)
        assert caller.denial_reason is None
        assert Role.SUPERVISOR in caller.roles

    async def read_groups(self) -> None:
        assert await listed_groups(self.client)


async def _workspace(stack: AsyncExitStack, supervisors: int, groups: int) -> Workspace:
    """Make a workspace with a group of so many supervisors, and so many groups with a grant each."""
    slack = SimulatedSlack()
    await slack.start()
    stack.push_async_callback(slack.stop)
    slack.seed()
    members = [f"U0{number:06}" for number in range(supervisors)]
    slack.add_group(CROWD, "crowd", members if groups > 1 else [*members[1:], PERSON])
    for number in range(groups - 1):
        slack.add_group(f"S0{number:06}", f"team-{number}", [f"U0{number:06}"])
    slack.add_group(LAST, "last", [PERSON])
    grants = [
        Grant(f"Team {number}", (f"S0{number:06}",), frozenset({f"queue-{number}"})) for number in range(groups - 1)
    ]
    grants.append(Grant("Last", (LAST,), frozenset({"queue"})))
    session = await stack.enter_async_context(web_session())
    client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
    team = slack.workspace.team_id
    people = SlackPeople(client, team, {Role.SUPERVISOR: (CROWD,), Role.COMPLIANCE: ()}, FakeClock(), tuple(grants))
    await people.groups.current()  # the first answer about thousands of groups may take longer than a person waits
    return Workspace(client, people, team)


async def measure(sizes: Sequence[int]) -> list[Growth]:
    async with AsyncExitStack() as stack:
        crowds = {size: await _workspace(stack, size, 1) for size in sizes}
        teams = {size: await _workspace(stack, 1, size) for size in sizes}
        return [
            await in_turns(
                "identifying a person by a group, supervisors in it",
                CONSTANT,
                {size: partial(one.identify) for size, one in crowds.items()},
            ),
            await in_turns(
                "reading the groups (once a minute), supervisors in one",
                LINEAR,
                {size: partial(one.read_groups) for size, one in crowds.items()},
            ),
            await in_turns(
                "identifying a person by the last of the grants, each with a group",
                CONSTANT,
                {size: partial(one.identify) for size, one in teams.items()},
            ),
            await in_turns(
                "reading the groups (once a minute)",
                LINEAR,
                {size: partial(one.read_groups) for size, one in teams.items()},
            ),
        ]
